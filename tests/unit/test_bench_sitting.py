"""Cells of a benchmark: what stands in the prompt, what leaks, what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingrained.agent.answering import ClosedBook, closed_book
from ingrained.agent.asking import Asker
from ingrained.agent.bench.auditing import audit_laid
from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.judging import judge_rows
from ingrained.agent.bench.plain_rag import excerpts, plain_rag
from ingrained.agent.bench.sitting import sit_cell
from ingrained.agent.exam import Item, Laid
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

MILL = BenchDocument(
    id="mill",
    title="Mill",
    text="The mill at Teskow was built by Ada Kern in the year of the great flood.",
)
FERRY = BenchDocument(
    id="ferry",
    title="Ferry",
    text="The ferry at Orrel carries forty goats across the water every single morning.",
)
BUILT = Item(id="q1", question="Who built the mill?", answers=("Ada Kern",), document=MILL.key)
GOATS = Item(
    id="q2", question="How many goats are carried?", answers=("forty",), document=FERRY.key
)


def reader(prompt: str) -> str:
    """Answer from what stands in the prompt."""
    known = {"mill?": "Ada Kern", "carried?": "forty"}
    answer = next((a for end, a in known.items() if prompt.endswith(end)), "")
    return answer if answer and answer in prompt else "I don't know."


def benchmark(*items: Item) -> Benchmark:
    return Benchmark(
        name="tiny", documents=(MILL, FERRY), items=items or (BUILT, GOATS), origin="made up"
    )


def nothing(_asker):
    return lambda questions: [[] for _ in questions]


def test_base_knows_nothing_and_open_and_full_read() -> None:
    model = ScriptedModel(script=reader, profile={"max_input_tokens": 1000})
    scores = {}
    for cell in ("base", "open", "full"):
        sat = sit_cell(benchmark(), cell, Asker(model), recall=nothing)
        scores[cell] = [row["contained"] for row in sat["rows"]]
    assert scores == {"base": [0, 0], "open": [1, 1], "full": [1, 1]}
    whole = [prompt for prompt in model.asked if "Ferry" in prompt and "Mill" in prompt]
    assert len(whole) == 2


def test_a_question_on_no_one_document_is_not_asked_in_open() -> None:
    """Without a text it would be asked closed-book, and the cell would be no ceiling."""
    both = Item(id="q3", question="What do mill and ferry share?", answers=("water",))
    model, done = ScriptedModel(script=reader), []
    sat = sit_cell(
        benchmark(BUILT, both, GOATS), "open", Asker(model), recall=nothing, on_replies=done.append
    )
    assert [row["id"] for row in sat["rows"]] == ["q1", "q2"]
    assert len(model.asked) == 2
    assert sum(done) == 3
    base = sit_cell(benchmark(BUILT, both), "base", Asker(model), recall=nothing)
    assert [row["id"] for row in base["rows"]] == ["q1", "q3"]


def test_a_sitting_tells_what_it_cost() -> None:
    sat = sit_cell(benchmark(), "open", Asker(ScriptedModel(script=reader)), recall=nothing)
    assert sat["tokens_in"] > sat["tokens_out"] > 0
    assert sat["seconds"] > 0
    assert (sat["cell"], sat["seed"], sat["model"]) == ("open", None, "scripted")


def test_full_is_left_out_with_the_count_where_it_does_not_fit() -> None:
    model = ScriptedModel(script=reader, profile={"max_input_tokens": 60})
    sat = sit_cell(benchmark(), "full", Asker(model), recall=nothing)
    assert "rows" not in sat
    assert "tokens of a window of 60" in sat["skipped"]
    assert model.asked == []


def test_full_is_left_out_where_the_window_is_not_known() -> None:
    sat = sit_cell(benchmark(), "full", Asker(ScriptedModel(script=reader)), recall=nothing)
    assert "does not tell its context window" in sat["skipped"]


def test_a_cell_without_its_adapter_is_left_out() -> None:
    sat = sit_cell(benchmark(), "both", Asker(ScriptedModel(script=reader)), recall=nothing)
    assert sat["skipped"] == "no adapter is promoted"


class Adapted(ScriptedModel):
    """Knows the answers by heart once an adapter is on."""

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        raise AssertionError("the adapter is loaded before the exam")

    def _generate(self, messages, stop=None, run_manager=None, **options):
        made = super()._generate(messages, stop, run_manager, **options)
        if options.get("adapter") == "v001":
            made.generations[0].message.content = "Ada Kern"
        return made


def test_the_adapter_answers_closed_book_and_is_audited() -> None:
    model = Adapted(script=reader)
    sat = sit_cell(
        benchmark(BUILT), "adapter", Asker(model), recall=nothing, adapter="v001", seed=2
    )
    assert [row["contained"] for row in sat["rows"]] == [1]
    assert sat["audit"] == {"prompts": 1, "leaks": [], "quoting": []}
    assert (sat["seed"], sat["rows"][0]["seed"]) == (2, 2)


@pytest.mark.parametrize("cell", ["open", "full", "rag"])
def test_without_documents_there_is_nothing_to_show(cell) -> None:
    controls = Benchmark(name="c", documents=(), items=(BUILT,), origin="")
    sat = sit_cell(controls, cell, Asker(ScriptedModel(script=reader)), recall=nothing)
    assert sat["skipped"] == "the benchmark has no documents"


def test_plain_rag_lays_the_nearest_passages_into_the_open_book_prompt(tmp_path: Path) -> None:
    model = ScriptedModel(script=reader)
    passages = excerpts((MILL, FERRY), passage_tokens=160)
    with plain_rag(passages, HashEmbedder(), tmp_path / "rag", k=1) as recall:
        sat = sit_cell(benchmark(), "rag", Asker(model), recall=lambda _: recall)
    assert [row["contained"] for row in sat["rows"]] == [1, 1]
    assert [row["hit"] for row in sat["rows"]] == [True, True]
    assert "from the text" in model.asked[0]
    assert "Mill: The mill at Teskow" in model.asked[0]
    assert "goats across" not in model.asked[0]


def test_a_collection_is_made_anew_each_time(tmp_path: Path) -> None:
    for documents in ((MILL, FERRY), (FERRY,)):
        passages = excerpts(documents, passage_tokens=160)
        with plain_rag(passages, HashEmbedder(), tmp_path / "rag", k=3) as recall:
            (found,) = recall(["Who built the mill?"])
        assert {one.document for one in found} == {document.key for document in documents}


def test_a_miss_is_told_from_a_hit(tmp_path: Path) -> None:
    passages = excerpts((FERRY,), passage_tokens=160)
    with plain_rag(passages, HashEmbedder(), tmp_path / "rag", k=1) as recall:
        sat = sit_cell(
            benchmark(), "rag", Asker(ScriptedModel(script=reader)), recall=lambda _: recall
        )
    assert [row["hit"] for row in sat["rows"]] == [False, True]


def test_the_audit_catches_a_planted_leak() -> None:
    guard = ClosedBook([MILL.text, FERRY.text])
    clean = Laid(item=BUILT, prompt=closed_book(BUILT.question))
    sneaky = Laid(
        item=GOATS,
        prompt=(("system", f"Answer in a few words. {FERRY.text}"), ("user", GOATS.question)),
    )
    assert audit_laid([clean], guard) == {"prompts": 1, "leaks": [], "quoting": []}
    assert audit_laid([clean, sneaky], guard)["leaks"] == ["q2"]


def test_an_exam_question_that_quotes_its_document_is_told_apart_from_a_leak() -> None:
    quoting = Item(id="q3", question=f"Is it so that {MILL.text}?", answers=("yes",))
    found = audit_laid(
        [Laid(item=quoting, prompt=closed_book(quoting.question))], ClosedBook([MILL.text])
    )
    assert (found["leaks"], found["quoting"]) == ([], ["q3"])


def row(item: Item, reply: str) -> dict[str, object]:
    return {
        "question": item.question,
        "answers": list(item.answers),
        "document": item.document,
        "reply": reply,
    }


def test_the_judge_sees_question_accepted_answers_and_reply() -> None:
    model = ScriptedModel(
        script=lambda prompt: "Yes." if prompt.endswith("Reply: Mrs Kern") else "no"
    )
    told = judge_rows([row(BUILT, "Mrs Kern"), row(GOATS, "ten")], benchmark(), Asker(model))
    assert told == [True, False]
    assert "Question: Who built the mill?\nReference: Ada Kern\n" in model.asked[0]


@pytest.mark.parametrize(
    ("gold", "document", "seen"),
    [(True, "", "The documents do not say"), (False, MILL.key, MILL.text)],
)
def test_without_accepted_answers_the_judge_goes_by_the_document(gold, document, seen) -> None:
    item = Item(id="q4", question="Who owns it?", answers=(), document=document)
    model = ScriptedModel(script={"Reply": "yes"})
    tiny = Benchmark(name="x", documents=(MILL,), items=(item,), origin="", gold=gold)
    assert judge_rows([row(item, "")], tiny, Asker(model)) == [True]
    assert seen in model.asked[0]
    assert "Reply: (nothing)" in model.asked[0]
