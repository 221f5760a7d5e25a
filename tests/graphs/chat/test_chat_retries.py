"""What of a turn is tried again when the model or the memory is away for a moment."""

from __future__ import annotations

from typing import Any

import pytest
from chat_talk import DOG, own

from ingrained.graphs.chat import build_chat_graph
from ingrained.graphs.retrying import AGAIN
from ingrained.memory.store import MemoryStore


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr("langgraph.pregel._retry.time.sleep", waited.append)
    return waited


class AwayOnce:
    """Replies, but for once where the prompt has a text."""

    def __init__(self, where: str) -> None:
        self.where, self.failed = where, 0

    def __call__(self, prompt: str) -> str:
        if self.where in prompt and not self.failed:
            self.failed = 1
            raise ConnectionRefusedError("the model is away")
        return "The user has a dog." if "Sum up" in prompt else "Ada Kern"


def test_an_answer_is_begun_once_and_what_follows_it_may_be_tried_again():
    """Its pieces are out as they come: a second try would tell them anew."""
    policies = {name: node.retry_policy for name, node in build_chat_graph().nodes.items()}
    again = {name for name, policy in policies.items() if policy == AGAIN}
    assert again == {"recall", "refine", "summarise", "portray"}


def test_a_memory_that_is_away_for_a_moment_is_recalled_from(talk, monkeypatch, waits):
    recall, failed = MemoryStore.recall, []

    def away(self: MemoryStore, *given: Any, **options: Any) -> Any:
        if not failed:
            failed.append(1)
            raise ConnectionResetError("the embedder is away")
        return recall(self, *given, **options)

    monkeypatch.setattr(MemoryStore, "recall", away)
    answer = talk().say("Who built the mill at Teskow?")
    assert failed
    assert answer["reply"] == "Ada Kern"
    assert len(waits) == 1


def test_a_model_that_is_away_while_it_looks_over_its_reply_does_so_again(talk, waits):
    script = AwayOnce("Check the draft")
    one = talk(script, refine=True)
    one.say("Who built the mill at Teskow?")
    assert script.failed
    assert len(waits) == len(one.told("answered")) == len(one.turns()) == 1


def test_a_model_that_is_away_while_it_sums_up_does_so_again(talk, waits):
    script = AwayOnce("Sum up")
    one = talk(script, window_tokens=30)
    for text in (DOG, *(f"Who built the mill number {n} at Teskow?" for n in range(4))):
        one.say(text)
    assert script.failed
    assert len(waits) == 1
    assert one.told("summarised")
    assert len(one.told("answered")) == len(one.turns()) == 5


def test_an_answer_whose_model_is_away_ends_the_turn_at_once(talk, store, waits):
    one = talk(AwayOnce(""))
    with pytest.raises(ConnectionRefusedError):
        one.say("Who built the mill at Teskow?")
    assert waits == []
    assert own(store) == {}
