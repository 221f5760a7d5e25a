"""What the judge goes by where a benchmark has no answers, from the data on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.judging import REFERENCE_TOKENS, judge_rows
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.loading_parts import document
from ingrained.agent.exam import Item
from ingrained.agent.reading.passages import estimate_tokens
from ingrained.agent.testing import ScriptedModel

DAYS = {
    "Jason": {
        "2023-04-27": [{"query": "I ran in the park.", "response": "How far?"}],
        "2023-04-28": [{"query": "I bought a kite.", "response": "Which colour has the kite?"}],
    },
    "Lucy": {"2023-04-27": [{"query": "I sang in the park.", "response": "What?"}]},
    "Mute": {},
}


def bank(folder: Path, part: str = "en", days: Any = DAYS) -> Benchmark:
    place = folder / "memorybank" / "en"
    place.mkdir(parents=True)
    people = {name: {"history": history} for name, history in days.items()}
    (place / "memory_bank_en.json").write_text(json.dumps(people))
    rows = [json.dumps({name: [f"Which colour has my kite, {name}?"]}) for name in days]
    (place / "probing_questions_en.jsonl").write_text("\n".join(rows) + "\n")
    return load(f"memorybank/{part}", folder)


def rows(benchmark: Benchmark, reply: str = "You ran.") -> list[dict[str, Any]]:
    return [
        {
            "id": item.id, "question": item.question, "answers": list(item.answers),
            "document": item.document, "reply": reply,
        }
        for item in benchmark.items
    ]  # fmt: skip


def seen(benchmark: Benchmark, window: int | None = None) -> tuple[list[bool | None], list[str]]:
    """The verdicts, and what the judge was shown as the reference of each question it was asked."""
    model = ScriptedModel(
        script={"Reply": "yes"}, profile={"max_input_tokens": window} if window else None
    )
    told = judge_rows(rows(benchmark), benchmark, Asker(model))
    order = [item.question for item in benchmark.items]
    last = (prompt.rpartition("Question: ")[2] for prompt in model.asked)
    asked = {question: rest for question, _, rest in (p.partition("\nReference: ") for p in last)}
    shown = [asked[question] for question in order if question in asked]
    return told, [reference.partition("\nReply: ")[0] for reference in shown]


def test_the_judge_goes_by_the_dialogues_of_who_asks(tmp_path: Path) -> None:
    _, (jason, lucy) = seen(bank(tmp_path))
    assert jason.index("Jason: I ran in the park.") < jason.index("Jason: I bought a kite.")
    assert "I sang" not in jason
    assert "Lucy: I sang in the park." in lucy
    assert "Jason" not in lucy


def test_a_question_of_who_never_talked_is_not_judged(tmp_path: Path) -> None:
    told, references = seen(bank(tmp_path))
    assert told == [True, True, None]
    assert not any("do not say" in reference for reference in references)


@pytest.mark.parametrize(("window", "most"), [(None, REFERENCE_TOKENS), (3000, 2700)])
def test_of_too_much_the_days_are_kept_that_share_most_with_the_question(
    tmp_path: Path, window: int | None, most: int
) -> None:
    chat = [{"query": f"Word {n} is all there is.", "response": "So be it."} for n in range(100)]
    days = {f"2023-04-{n}": [{"query": f"Day {n}.", "response": "Fine."}, *chat]
            for n in range(10, 20)}  # fmt: skip
    long = bank(tmp_path, days={"Jason": {**days, **DAYS["Jason"]}})
    assert sum(estimate_tokens(one.text) for one in long.documents) > REFERENCE_TOKENS
    _, (reference,) = seen(long, window)
    assert estimate_tokens(reference) <= most
    assert reference.index("Day 10.") < reference.index("I bought a kite.")


def test_a_text_that_alone_is_too_long_is_cut() -> None:
    one = document("long", "", "the kite flew far " * 4000)
    item = Item(id="q", question="How far?", answers=(), document=one.key)
    _, (reference,) = seen(
        Benchmark(name="x", documents=(one,), items=(item,), origin="", gold=False)
    )
    assert reference.startswith("the kite flew far")
    assert 0.9 * REFERENCE_TOKENS < estimate_tokens(reference) <= REFERENCE_TOKENS


def test_an_answer_that_is_known_goes_before_documents() -> None:
    one = document("d", "", "The kite is red.")
    item = Item(id="q", question="Which colour?", answers=("red", "crimson"), document=one.key)
    _, (reference,) = seen(
        Benchmark(name="x", documents=(one,), items=(item,), origin="", gold=False)
    )
    assert reference == "red / crimson"


def test_what_the_judge_goes_by_is_part_of_the_frozen_exam(tmp_path: Path) -> None:
    """Verdicts are kept under the exam's hash: other evidence must not find them."""
    whole = bank(tmp_path / "a")
    bare = Benchmark(
        name=whole.name, documents=whole.documents, items=whole.items, origin="", gold=False
    )
    assert whole.sha256 != bare.sha256


@pytest.mark.parametrize(("documents", "left"), [(1, []), (2, ["Jason-q0"])])
def test_of_the_first_documents_those_are_asked_whose_dialogues_are_all_there(
    tmp_path: Path, documents: int, left: list[str]
) -> None:
    first = bank(tmp_path).limited(documents)
    assert [item.id for item in first.items] == left
    assert list(first.evidence) == left
