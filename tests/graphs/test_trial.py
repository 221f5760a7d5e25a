"""What an adapter is trained on, and its trial: whole alone, weakened beside recalled notes."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from bridge import EVERY_KIND, EVERYTHING, FACTS, Pupil, reader, write_town
from langgraph.runtime import Runtime
from pydantic import Field

from ingrained.agent.answering import closed_book
from ingrained.agent.commands.recording import with_recipe
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.consolidate import (
    STRENGTH_BESIDE_NOTES,
    replay_rows,
    study_rows,
    trial,
)
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.nodes.sealed import sealed_items, sit
from ingrained.graphs.promoting import promote
from ingrained.graphs.session import open_study
from ingrained.graphs.trying import bearable, limits, scores
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.gate import Count, GateLimits, Scores, decide
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.probes import controls, replay_prompts
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.testing import make_tiny_model

WEAK = "v001_beside_notes"
BY_HEART = {question: answer for question, answer, _ in EVERYTHING}


class Adapted(ScriptedModel):
    """Knows all facts by heart with an adapter on; with the one named `stubborn`, tells tales.

    With any adapter on it says `everywhere`, if that is something, to all that is no fact; so it does
    only with one that works at more than `unbearable` of its strength.
    """

    strengths: dict[str, float] = Field(default_factory=dict)
    stubborn: str = ""
    everywhere: str = ""
    unbearable: float = 0.0

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        self.strengths[name] = strength

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kw: Any) -> Any:
        made = super()._generate(messages, stop, run_manager, **kw)
        question = str(messages[-1].content).rsplit("Question: ", 1)[-1].strip()
        if kw.get("adapter") and question in BY_HEART:
            stubborn = kw["adapter"] == self.stubborn
            made.generations[0].message.content = (
                "It was a goat from the far shore." if stubborn else BY_HEART[question]
            )
        elif self.everywhere and self.strengths.get(kw.get("adapter", ""), 0) > self.unbearable:
            made.generations[0].message.content = self.everywhere
        return made

    def used(self) -> set[tuple[str | None, bool]]:
        """Return each adapter that was asked for, and whether notes were in view."""
        return {
            (options["adapter"], "from the notes" in prompt)
            for prompt, options in zip(self.asked, self.options, strict=True)
        }


@pytest.fixture
def adapted() -> Adapted:
    return Adapted(script=reader)


Opened = Callable[[Adapted], AbstractContextManager[StudyContext]]


@pytest.fixture
def opened(study: Any, tmp_path: Path, corpus: Path) -> Opened:
    """A home where the page was studied and v001 was trained, opened with a model."""
    study(sealed_share=0.9)

    @contextmanager
    def open_with(model: Adapted) -> Iterator[StudyContext]:
        settings = Settings(home=tmp_path / "home")
        with open_study(
            settings, (corpus,), StudyPolicy(), model=model, embedder=HashEmbedder()
        ) as context:
            if not context.registry.list():
                assert context.registry.stage() == "v001"
                context.registry.commit("v001", Manifest(version="v001", base_model="scripted"))
            yield context

    return open_with


@pytest.fixture
def town(
    opened: Opened, adapted: Adapted, study: Any, model: ScriptedModel, corpus: Path
) -> Opened:
    """The same home when more was studied: several sealed questions, about several passages."""
    write_town(corpus)
    model.script = adapted.script = Pupil()
    study(mechanisms=EVERY_KIND, sealed_share=0.999)
    with opened(adapted) as context:
        assert len(sealed_items(context)) == 4
    return opened


def test_what_is_trained_is_asked_with_nothing_in_view_and_never_sealed(opened, adapted):
    with opened(adapted) as context:
        rows = study_rows(context, context.store.list(), LoraRecipe())
        asked = {row.messages[-1][1] for row in rows}

        assert {row.kind for row in rows} == {"qa", "cloze"}
        assert {row.messages[0] for row in rows} == {("system", "Answer in a few words.")}
        assert asked & FACTS.keys()
        assert not any(row.source for row in rows)
        taught = study_rows(context, context.store.list(), LoraRecipe(distil=0.5))
        assert [row.messages for row in taught] == [row.messages for row in rows]
        texts = {memory.text for memory in context.store.list()}
        assert all(any(text in row.source[-1][1] for text in texts) for row in taught)
        assert not asked & {item["question"] for item in sealed_items(context)}


def test_what_the_untouched_model_says_wrongly_is_rejected(opened, adapted):
    right = next(iter(FACTS))
    told = adapted.script
    adapted.script = lambda prompt: (
        FACTS[right][0] if prompt.endswith(right) and "Answer in a few words.\n" in prompt
        else told(prompt)
    )  # fmt: skip
    with opened(adapted) as context:
        rows = study_rows(context, context.store.list(), LoraRecipe(dpo=0.5))

    by_question = {row.messages[-1][1]: row.rejected for row in rows}
    assert by_question.pop(right) == ""
    assert set(by_question.values()) == {"I don't know."}
    assert all(options["adapter"] is None for options in adapted.options[-len(rows) :])


def test_what_is_replayed_is_what_the_untouched_model_says_to_everyday_prompts(opened, adapted):
    with opened(adapted) as context:
        adapted.asked.clear()
        assert replay_rows(context, LoraRecipe()) == []
        assert adapted.asked == []
        rows = replay_rows(context, LoraRecipe(replay=4, replay_weight=0.5))

        first = replay_prompts()[:4]
        assert {one.closed_book for one in first} == {True, False}
        for one, row in zip(first, rows, strict=True):
            put = closed_book(one.text) if one.closed_book else (("user", one.text),)
            assert row.messages == put
        assert {(row.kind, row.weight, row.memory_ids) for row in rows} == {("replay", 0.5, ())}
        assert {row.answer for row in rows} == {"I don't know."}
        assert all(options["adapter"] is None for options in adapted.options[-4:])


def test_a_recipe_of_the_users_differs_from_the_default_one_in_what_it_says(
    opened, adapted, tmp_path
):
    base = make_tiny_model(tmp_path / "base")
    with opened(adapted) as context:
        assert with_recipe(context, {"rank": 4}) is context, "there is nothing to train"
        context = dataclasses.replace(context, base_path=base)
        assert with_recipe(context, {}) is context
        recipe = with_recipe(context, {"rank": 4, "targets": ["q_proj"]}).recipe
    usual = default_recipe(base, context.policy.seed)
    assert recipe == dataclasses.replace(usual, rank=4, targets=("q_proj",))


def try_out(context: StudyContext, version: str = "v001") -> None:
    """Bring a version before the gate, and use it if it passes."""
    runtime = Runtime(context=context)
    promote(trial({"round": 1, "adapter": version}, runtime), runtime)


def test_the_adapter_is_tried_whole_alone_and_weakened_beside_notes(opened, adapted):
    with opened(adapted) as context:
        try_out(context)

        assert adapted.strengths == {"v001": 1.0, WEAK: STRENGTH_BESIDE_NOTES}
        assert adapted.used() == {(None, False), (None, True), ("v001", False), (WEAK, True)}
        assert context.registry.active() == "v001"
        assert context.registry.show("v001").strength_beside_notes == STRENGTH_BESIDE_NOTES < 1


def test_a_weakened_adapter_that_spoils_what_is_read_is_not_promoted(opened, adapted, monkeypatch):
    monkeypatch.setattr("ingrained.graphs.consolidate.limits", lambda *_: GateLimits())
    adapted.stubborn = WEAK
    with opened(adapted) as context:
        try_out(context)

        verdict = context.registry.show("v001")
        assert verdict.decision == "rejected"
        assert verdict.exam_before.memory > verdict.exam_after.memory == 0.0
        assert verdict.exam_after.closed == 1.0
        assert context.registry.active() is None


@pytest.mark.parametrize("limit", [0.2, 1.18, None])
def test_an_adapter_that_drifts_further_than_its_recipe_allows_is_not_promoted(
    opened, adapted, limit
):
    with opened(adapted) as context:
        version = context.registry.stage()
        made = Manifest(
            version=version, base_model="scripted", drift=1.18, recipe={"max_drift": limit}
        )
        context.registry.commit(version, made)
        try_out(context, version)

        verdict = context.registry.show(version)
        if limit != 0.2:
            assert context.registry.active() == version
            return
        assert verdict.decision == "rejected"
        assert verdict.reasons == (
            "drift 1.180 nats a token on everyday questions (at most 0.200)",
        )
        assert context.registry.active() is None


def test_what_was_promoted_is_loaded_at_the_strength_it_was_tried_with(
    opened, adapted, monkeypatch
):
    monkeypatch.setattr("ingrained.graphs.consolidate.STRENGTH_BESIDE_NOTES", 0.5)
    with opened(adapted) as context:
        try_out(context)

    later = Adapted(script=reader)
    with opened(later) as context:
        assert later.strengths == {"v001": 1.0, WEAK: 0.5}
        sit(context, sealed_items(context), "both", phase="examine")
        assert later.used() == {(WEAK, True)}


def make(context: StudyContext, **made: Any) -> Manifest:
    """Finish one more version."""
    version = context.registry.stage()
    context.registry.commit(version, Manifest(version=version, base_model="scripted", **made))
    return context.registry.show(version)


def sat(context: StudyContext, version: str = "v001") -> tuple[Scores, Scores]:
    """Return the scores without an adapter and with one."""
    kept = bearable(context, version).kept
    context.asker.load_adapter(version, context.registry.path(version))
    return scores(context, context.registry.show(version), kept)


def everyday(prompt: str) -> str:
    """Read as ever, and know the answers to the first ten controls by heart."""
    answers = {one.question: one.answers[0] for one in controls()[:10]}
    return answers.get(prompt.rsplit("\n", 1)[-1]) or reader(prompt)


def test_the_adapter_is_asked_what_the_base_answers_of_everyday_questions(opened, adapted):
    adapted.script = everyday
    with opened(adapted) as context:
        before, after = sat(context)

    assert before.controls == after.controls == Count(n=10, of=10)
    asked = Counter(
        (one, options["adapter"])
        for prompt, options in zip(adapted.asked, adapted.options, strict=True)
        for one in [prompt.rsplit("\n", 1)[-1]]
        if one in {control.question for control in controls()}
    )
    assert asked == Counter(
        [(one.question, None) for one in controls()]
        + [(one.question, "v001") for one in controls()[:10]]
    )


def test_an_adapter_that_loses_everyday_questions_says_so(opened, adapted):
    adapted.script = everyday
    adapted.everywhere = "Quell Harbour"
    with opened(adapted) as context:
        try_out(context)

        verdict = context.registry.show("v001")
        assert verdict.decision == "rejected"
        assert verdict.exam_after.controls == Count(n=0, of=10)
        assert verdict.reasons == ("everyday questions 0 of 10 (may lose 2)",)
        assert verdict.strength_alone == 1.0, "no strength would do"


@pytest.mark.parametrize(("unbearable", "found"), [(0.2, 0.125), (0.5, 0.5), (0.9, 0.875)])
def test_an_adapter_is_weakened_as_little_as_it_takes_to_keep_everyday_questions(
    opened, adapted, unbearable, found
):
    adapted.script = everyday
    adapted.everywhere, adapted.unbearable = "Quell Harbour", unbearable
    with opened(adapted) as context:
        try_out(context)

        verdict = context.registry.show("v001")
        assert verdict.decision == "promoted"
        assert verdict.exam_after.controls == Count(n=10, of=10)
        assert verdict.strength_alone == found
        assert verdict.strength_beside_notes == min(STRENGTH_BESIDE_NOTES, found)
        told = f"everyday questions 10 of 10 (may lose 2), weakened to {found} for it"
        assert told in verdict.reasons

    later = Adapted(script=reader)
    with opened(later):
        beside = {WEAK: STRENGTH_BESIDE_NOTES} if found > STRENGTH_BESIDE_NOTES else {}
        assert later.strengths == {"v001": found, **beside}


def test_a_study_tells_in_a_line_what_is_most_telling_of_an_adapter_that_passed(opened, adapted):
    adapted.script = everyday
    heard: list[dict[str, Any]] = []
    with opened(adapted) as context:
        context = dataclasses.replace(context, listener=heard.append)
        for version in ("v001", make(context).version):
            try_out(context, version)
        weighed = context.registry.show(version).reasons

    *_, gate = (event for event in heard if event["event"] == "gate")
    told = [reason.split(" ")[0] for reason in gate["reasons"]]
    assert told == ["closed-book", "with", "everyday"]
    assert gate["reasons"][2] == "everyday questions 10 of 10 (may lose 2)"
    assert any(reason.startswith("what the adapter in use answers alone") for reason in weighed)


def test_what_is_said_to_everything_counts_once(town, adapted):
    with town(adapted) as context:
        before, after = sat(context)
        assert before.distinct == Count(n=0, of=0), "what is declined says nothing"
        answers = {item["answer"] for item in sealed_items(context)}
        assert len(answers) == 3
        assert after.distinct == Count(n=len(answers), of=len(answers))

        adapted.stubborn = "v001"
        assert sat(context)[1].distinct == Count(n=1, of=len(answers))


def test_what_no_document_answers_must_be_declined_beside_notes(town, adapted):
    with town(adapted) as context:
        declining = [item["question"] for item in sealed_items(context, told=False)]
        assert declining
        before, after = sat(context)
        assert (before.abstention, after.abstention) == (1.0, 1.0)
        assert before.unanswerable == after.unanswerable == len(declining)

        adapted.everywhere = "In 1402."
        assert sat(context)[1].abstention == 0.0


def test_without_such_questions_declining_is_not_judged(opened, adapted):
    with opened(adapted) as context:
        before, after = sat(context)
    assert before.abstention is after.abstention is None
    assert before.unanswerable == 0


def test_what_is_answered_alone_is_told_by_kind_of_question(town, adapted):
    with town(adapted) as context:
        kinds = Counter(item["kind"] for item in sealed_items(context))
        before, after = sat(context)
    assert kinds == {"paraphrase": 2, "two-hop": 2}
    assert before.kinds == {kind: Count(n=0, of=of) for kind, of in kinds.items()}
    assert after.kinds == {kind: Count(n=of, of=of) for kind, of in kinds.items()}


def test_the_untouched_model_is_asked_anew_whatever_one_answered_when_it_studied(town, adapted):
    with town(adapted) as context:
        items = sealed_items(context)
        assert not any(item["closed"] for item in items)
        adapted.script = lambda prompt: BY_HEART.get(prompt.rsplit("\n", 1)[-1]) or Pupil()(prompt)
        before, _ = sat(context)

    assert before.closed == 1.0
    assert before.kinds == {"paraphrase": Count(n=2, of=2), "two-hop": Count(n=2, of=2)}


def test_what_the_adapter_in_use_knows_must_be_known_to_the_next(town, adapted):
    with town(adapted) as context:
        assert sat(context)[1].known is None, "none is in use"
        try_out(context)
        new, many = make(context).version, len(sealed_items(context))
        before, after = sat(context, new)
        assert (before.known, after.known) == (Count(n=0, of=many), Count(n=many, of=many))

        adapted.stubborn = new
        assert sat(context, new)[1].known == Count(n=0, of=many)
        context.registry.mark_stale(["v001"], "a memory was purged")
        assert sat(context, new)[1].known is None, "what is stale is to be got rid of"


def test_what_was_let_go_of_since_need_not_be_known(town, adapted):
    with town(adapted) as context:
        memories = context.store.list()
        (gone, *_) = (
            one for one in memories for item in sealed_items(context)
            if any(one.text in p.text for p in context.library.passages(item["passages"]))
        )  # fmt: skip
        old = make(context, memory_ids=tuple(one.id for one in memories))
        context.registry.promote(old.version, force=True)
        context.asker.load_adapter(old.version, context.registry.path(old.version))
        context.store.forget([gone.id], who="test", why="to have less")
        new = make(context, memory_ids=tuple(one.id for one in memories if one is not gone))
        known = sat(context, new.version)[1].known
        left = [
            item for item in sealed_items(context)
            if not any(gone.text in p.text for p in context.library.passages(item["passages"]))
        ]  # fmt: skip
        assert known == Count(n=len(left), of=len(left))
        assert 0 < len(left) < len(sealed_items(context))


def gate(questions: int) -> GateLimits:
    """Return the gate for so many questions of each sort."""
    count = Count(n=0, of=questions)
    return limits(
        Scores(
            closed=0, memory=0, n=questions, unanswerable=questions, controls=count, known=count
        ),
        {},
    )


@pytest.mark.parametrize(
    ("questions", "chance"), [(1, 0), (4, 0), (5, 1), (9, 1), (10, 2), (36, 2)]
)
def test_two_questions_are_within_the_noise_of_a_few_but_never_more_than_a_fifth(questions, chance):
    found = gate(questions)
    usual = GateLimits()
    assert found.memory_drop == max(usual.memory_drop, chance / questions)
    assert found.controls_drop == max(0.1, chance / questions)
    for drop in (found.abstention_drop, found.known_drop):
        assert drop == max(0.05, chance / questions)
    assert found.closed_gain == chance / questions


def test_of_many_questions_the_usual_share_may_be_lost():
    found = gate(1000)
    assert found.closed_gain == 0.002
    assert dataclasses.replace(found, closed_gain=0, drift=0.2) == GateLimits()
    assert dataclasses.replace(gate(0), drift=0.2) == GateLimits()
    unasked = limits(Scores(closed=0, memory=0), {})
    assert (unasked.controls_drop, unasked.known_drop) == (0.1, 0.05)


@pytest.mark.parametrize("questions", [1, 2, 4, 5, 8, 12, 48])
def test_what_counts_as_chance_counts_so_in_both_directions(questions):
    """As many more as may be lost are no gain; one more is."""
    chance = min(2, questions // 5)
    before = Scores(closed=0.0, memory=1.0, n=questions)

    def accepted(*, won: int, lost: int) -> bool:
        after = Scores(closed=won / questions, memory=1 - lost / questions, n=questions)
        return decide(before, after, limits(before, {})).accept

    assert not accepted(won=chance, lost=0)
    assert accepted(won=chance + 1, lost=chance)
    assert not accepted(won=questions, lost=chance + 1)
