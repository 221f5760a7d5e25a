"""`study --recipe` with `statements`: what is asked for, what is trained, what the manifest tells of it."""

from __future__ import annotations

import dataclasses
import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from bridge import Killed, reader
from rich.console import Console

from ingrained.agent.replies import ReplyCache
from ingrained.agent.stating.selecting import OVER, SEALED, WITHHELD
from ingrained.agent.testing import ScriptedModel
from ingrained.agent.ui.adapters import show_adapter
from ingrained.agent.ui.events import describe
from ingrained.graphs.context import StudyContext
from ingrained.graphs.erasing import erase
from ingrained.graphs.methods import lesson as lessons
from ingrained.graphs.session import Home
from ingrained.graphs.statements import Beside, statement_rows
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.lineage import by_document, learnt
from ingrained.trainer.methods import TRAINING_METHODS
from ingrained.trainer.recipe import STATEMENT_KINDS, LoraRecipe
from ingrained.trainer.rows import StudyRow

MARKS = {
    "rewrite": "Write this text again",
    "implication": "List what follows from this text",
    "link": "joins the two facts",
    "strategy": "Way to study: A timeline",
}
"""Kind → what stands in its prompts."""
WAY = "Name one good way to study"
SAID = {
    "rewrite": "The Orlan Bridge was made by Mara Vint in 1402.\nNine arches belong to the Orlan Bridge.",
    "implication": "Without its nine arches the Orlan Bridge falls.\nIn 1402 the bridge was built by Mara Vint.",
    "link": "The Orlan Bridge, paid for by the salt guild of Teskow, was built by Mara Vint in 1402.",
    "strategy": "In 1402 Mara Vint built, in 1403 the salt guild paid.\nThe salt guild of Teskow paid for the bridge.",
}  # fmt: skip
"""What the model says; "without" and 1403 are in no source."""


def kind_of(prompt: str) -> str:
    return next((kind for kind, mark in MARKS.items() if mark in prompt), "")


def stating(prompt: str) -> str:
    if WAY in prompt:
        return "1. A timeline of what happened."
    kind = kind_of(prompt)
    return SAID[kind] if kind else reader(prompt)


def all_kinds(**changed: Any) -> LoraRecipe:
    return LoraRecipe(statements=STATEMENT_KINDS, **changed)


@pytest.fixture
def context(learnt: StudyContext) -> StudyContext:
    learnt.asker.model.script = stating  # type: ignore[attr-defined]
    learnt.asker.model.asked.clear()  # type: ignore[attr-defined]
    return learnt


def stated(context: StudyContext, recipe: LoraRecipe) -> Beside:
    return statement_rows(context, context.store.list(), recipe)


def asked(context: StudyContext) -> list[str]:
    """Return the prompts that wanted statements, or a way to study."""
    prompts: list[str] = context.asker.model.asked  # type: ignore[attr-defined]
    return [prompt for prompt in prompts if kind_of(prompt) or WAY in prompt]


def test_nothing_is_stated_unless_a_recipe_says_so(context):
    assert LoraRecipe.for_depth(24).statements == ()
    assert stated(context, LoraRecipe()) == Beside()
    assert context.asker.model.asked == []


@pytest.mark.parametrize("kind", STATEMENT_KINDS)
def test_each_kind_is_asked_for_by_itself(context, kind):
    found = stated(context, LoraRecipe(statements=(kind,)))
    assert {kind_of(prompt) for prompt in asked(context)} - {""} == {kind}
    assert any(WAY in prompt for prompt in asked(context)) is (kind == "strategy")
    assert list(found.told["made"]) == [kind]
    assert found.told["made"][kind] == len(found.rows) > 0


def test_a_statement_is_learnt_as_it_stands_after_its_title_and_names_its_memories(context):
    found = stated(context, all_kinds(statement_weight=0.3))
    texts = {memory.id: memory.text for memory in context.store.list()}
    row = next(row for row in found.rows if "made by Mara Vint" in row.answer)

    assert row.answer == (
        "The Orlan Bridge, Making\nThe Orlan Bridge was made by Mara Vint in 1402."
    )
    assert [texts[id_] for id_ in row.memory_ids] == ["Mara Vint built the Orlan Bridge in 1402."]
    assert {(row.kind, row.messages, row.weight) for row in found.rows} == {("text", (), 0.3)}
    assert all(row.memory_ids and set(row.memory_ids) <= texts.keys() for row in found.rows)


def test_what_the_source_does_not_say_is_told_of_and_not_trained(context):
    found = stated(context, all_kinds())
    answers = " ".join(row.answer for row in found.rows)
    assert "Without" not in answers
    assert "1403" not in answers
    assert found.told["rejected"]["names something else"] > 0
    cost = context.asker.meter.of("consolidate")
    assert found.told["tokens"] == cost.tokens_in + cost.tokens_out > 0


def test_no_memory_has_more_statements_than_the_recipe_allows(context):
    few = stated(context, all_kinds(statements_per_memory=1))
    of_each = Counter(id_ for row in few.rows for id_ in row.memory_ids)
    assert set(of_each.values()) == {1}
    assert few.told["rejected"][OVER] > 0
    assert len(stated(context, all_kinds()).rows) > len(few.rows)


def test_two_memories_of_the_document_are_joined_even_from_different_passages(context):
    stated(context, LoraRecipe(statements=("link",)))
    assert all("Two facts on The Orlan Bridge" in prompt for prompt in asked(context))


def test_what_was_let_go_is_neither_shown_nor_stated(context):
    gone = next(memory for memory in context.store.list() if "Mara Vint" in memory.text)
    context.store.forget([gone.id], who="test", why="to see")
    context.asker.model.asked.clear()
    found = statement_rows(context, context.store.list(status=None), all_kinds())
    assert asked(context)
    assert not any("Mara Vint" in prompt for prompt in asked(context))
    assert not any("Mara" in row.answer or gone.id in row.memory_ids for row in found.rows)


def test_what_is_in_no_memory_is_not_shown_though_it_stands_in_the_passage(context):
    kept = [memory for memory in context.store.list() if "Mara Vint" in memory.text]
    statement_rows(context, kept, all_kinds())
    shown = [prompt for prompt in asked(context) if "Mara Vint built" in prompt]
    assert shown
    assert not any("salt guild" in prompt.split("\n\n")[0] for prompt in shown)


def redacted(store: MemoryStore, memory: Memory) -> None:
    """Let a memory say what the screen makes of it under `redact`."""
    spans = tuple(
        dataclasses.replace(span, quote=span.quote.replace("Mara Vint", "[phone]"))
        for span in memory.spans
    )
    text = memory.text.replace("Mara Vint", "[phone]")
    store.update(dataclasses.replace(memory, text=text, spans=spans), who="test", why="redacted")


def test_a_memory_that_was_redacted_is_stated_nothing_of(context):
    memory = next(one for one in context.store.list() if "Mara Vint" in one.text)
    redacted(context.store, memory)
    found = stated(context, all_kinds())
    assert not any("Mara Vint" in prompt for prompt in asked(context))
    assert not any(memory.id in row.memory_ids for row in found.rows)


def test_what_the_memory_would_not_keep_is_neither_shown_nor_stated(context, monkeypatch):
    monkeypatch.setattr(MemoryStore, "withholds", lambda self, text: "Mara Vint" in text)
    stated(context, all_kinds())
    assert not any("Mara Vint" in prompt for prompt in asked(context))

    monkeypatch.setattr(MemoryStore, "withholds", lambda self, text: "belong" in text)
    found = stated(context, all_kinds())
    assert found.told["rejected"][WITHHELD] > 0
    assert not any("belong" in row.answer for row in found.rows)


def test_no_sealed_question_is_shown_nor_stated(context):
    sealed = context.library.questions()[0]
    context.library.put_questions([{**sealed, "sealed": True}])
    bare = sealed["question"][0].lower() + sealed["question"][1:-1]
    context.asker.model.script = lambda prompt: (
        f"The Orlan Bridge: {bare}." if kind_of(prompt) else stating(prompt)
    )
    found = stated(context, all_kinds())
    assert found.told["rejected"].get(SEALED, 0) > 0
    assert not any(bare in row.answer for row in found.rows)
    assert not any(bare in prompt for prompt in asked(context))


def test_what_was_said_before_is_not_asked_again_and_makes_the_same_rows(context, tmp_path):
    with ReplyCache(tmp_path / "replies.sqlite") as replies:
        context.asker.replies = replies
        first = stated(context, all_kinds(seed=3))
        assert asked(context)
        assert {options["seed"] for options in context.asker.model.options[-4:]} == {3}
        context.asker.model.asked.clear()
        assert stated(context, all_kinds(seed=3)) == first, "its cost too"
        assert asked(context) == []
        stated(context, all_kinds(seed=4))
        assert asked(context), "of another seed it is another sample"


Trainings = list[list[StudyRow]]


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trainings:
    """The rows of each training; a few of them are trained on in earnest."""
    done: Trainings = []
    original = lessons.train

    def train(rows: list[StudyRow], **options: Any) -> Any:
        done.append(list(rows))
        few = sorted(rows, key=lambda row: len(str(row.messages)))[:3]
        return original(few, **options)

    monkeypatch.setattr(lessons, "train", train)
    return done


@pytest.fixture
def make(consolidate: Callable[..., Any], model: ScriptedModel) -> Callable[..., Any]:
    model.script = stating

    def run(*stop: Any, **options: Any) -> list[dict[str, Any]]:
        changed = {"statements": STATEMENT_KINDS, "max_length": 4096, **options.pop("changed", {})}
        _, events = consolidate(*stop, sealed_share=0.3, changed=changed, **options)
        return list(events)

    return run


@pytest.mark.parametrize("method", TRAINING_METHODS)
def test_every_training_of_every_method_has_the_statements_in_it(make, trained, method):
    make(method=method)
    texts = [{row.answer for row in rows if row.kind == "text"} for rows in trained]
    assert texts[0]
    assert all(each == texts[0] for each in texts)


def test_the_manifest_and_show_tell_what_became_of_them(make, home):
    events = make()
    (manifest,) = AdapterRegistry(home).list()
    told = manifest.statements
    assert set(told["made"]) == set(STATEMENT_KINDS)
    assert sum(told["made"].values()) > 0
    assert manifest.recipe["statements"] == list(STATEMENT_KINDS)
    (rows,) = (event for event in events if event["event"] == "rows")
    assert rows["statements"] == told

    assert f"statements: {sum(told['made'].values())} (" in describe(rows)
    out = io.StringIO()
    show_adapter(manifest, None, Console(file=out, width=200))
    shown = " ".join(out.getvalue().split())
    assert f"{sum(told['made'].values())} (rewrite {told['made']['rewrite']}" in shown
    assert f"{sum(told['rejected'].values())} not used" in shown
    assert f"{told['tokens']:,} tokens to ask for them" in shown


def test_what_was_made_of_the_same_statements_is_not_trained_again(make, home):
    make()
    assert any(event["event"] == "known" for event in make())
    make(changed={"statements": ("rewrite",)})
    assert [one.version for one in AdapterRegistry(home).list()] == ["v001", "v002"]


def test_a_run_that_was_killed_goes_on_into_the_same_adapter(make, home, trained):
    def kill(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("consolidate", "step"):
            raise Killed

    with pytest.raises(Killed):
        make(kill)
    make()
    assert trained[0] == trained[1]
    assert [one.version for one in AdapterRegistry(home).list()] == ["v001"]


def test_explain_names_the_documents_and_a_purge_makes_the_adapter_stale(make, home, trained):
    make()
    (manifest,) = AdapterRegistry(home).list()
    with MemoryStore.open(home, HashEmbedder()) as store:
        shares = by_document(learnt(manifest, store.list(status=None)))
        texts = [row for row in trained[0] if row.kind == "text"]
        assert {share.document for share in shares} == {"bridge.md"}
        assert {id_ for row in texts for id_ in row.memory_ids} <= set(manifest.memory_ids)
        erase(Home(home), store, texts[0].memory_ids[:1], who="me", why="asked to")
    assert AdapterRegistry(home).show("v001").stale
