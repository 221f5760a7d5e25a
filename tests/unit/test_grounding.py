"""A short answer beside notes has to stand in them; else the base model is asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field

from ingrained.agent.answering import with_memory
from ingrained.agent.asking import Asker
from ingrained.agent.grounding import ask_in, grounded
from ingrained.agent.testing import ScriptedModel

NOTE = "Rope mills: Many found work in the rope mills of Brankelow."
QUESTION = "Where did many find work?"


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Rope mills", True),
        ("the rope mills", True),
        ("Millers", False),
        ("12 Sundays", False),
        ("rope of Brankelow", False),
        ("I don't know.", True),
        ("They all found their work with millers.", True),
    ],
)
def test_a_short_reply_stands_in_a_note_word_for_word(reply: str, expected: bool) -> None:
    assert grounded(reply, ["Another note.", NOTE]) is expected


class Rash(ScriptedModel):
    """Reads without an adapter, and makes something up with one."""

    adapters: list[Any] = Field(default_factory=list)
    told: str = "Millers"

    def load_adapter(self, name: str, folder: Path, **_options: Any) -> None:
        """Adapters are only names here."""

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kw: Any) -> Any:
        made = super()._generate(messages, stop, run_manager, **kw)
        self.adapters.append(kw.get("adapter"))
        if kw.get("adapter"):
            made.generations[0].message.content = self.told
        return made


def asked(cell: str, notes: list[str], **model: Any) -> tuple[str, list[Any]]:
    rash = Rash(script=lambda _: "In the rope mills.", **model)
    (reply,) = ask_in(
        cell, Asker(rash), [with_memory(notes, QUESTION)], [notes],
        adapter="v001", phase="exam", max_tokens=8,
    )  # fmt: skip
    return reply, rash.adapters


def test_what_the_adapter_made_up_is_asked_again_without_it() -> None:
    assert asked("both", [NOTE]) == ("In the rope mills.", ["v001", None])


def test_what_stands_in_the_notes_is_kept() -> None:
    assert asked("both", [NOTE], told="Rope mills") == ("Rope mills", ["v001"])


def test_without_notes_the_adapter_has_the_only_word() -> None:
    assert asked("both", []) == ("Millers", ["v001"])
    assert asked("adapter", []) == ("Millers", ["v001"])


def test_the_base_is_not_asked_twice() -> None:
    assert asked("memory", [NOTE]) == ("In the rope mills.", [None])
