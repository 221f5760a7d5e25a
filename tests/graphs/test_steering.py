"""What a round is for follows from the last one; what is sealed stays so; a cut run goes on."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from bridge import (
    BORN,
    EVERY_KIND,
    FAR,
    NEAR,
    PLAIN,
    REVERSED,
    Pupil,
    asked,
    memories,
    question_in,
    questions,
    task_of,
    traces,
    write_town,
)

from ingrained.agent.answering import ClosedBook, closed_book
from ingrained.agent.grading import ABSTENTION
from ingrained.agent.library import Library
from ingrained.agent.mechanisms import MECHANISMS
from ingrained.agent.tasks.kinds import DERIVED, UNANSWERABLE
from ingrained.trainer.curriculum import build_rows

PARTS = ("objective", "tasks", "solutions", "feedback", "filter", "update", "evaluation",
         "next_objective")  # fmt: skip
LONG = {"sealed_share": 0, "mastered": 1.0}
BRIDGE, MASON = "bridge.md", "artisan.md"


@pytest.fixture(autouse=True)
def town(corpus: Path, model) -> None:
    write_town(corpus)
    (corpus / "toll.md").unlink()
    model.script = Pupil()


def weak_in(page: str, **roles) -> Pupil:
    """A pupil that can answer nothing about one of the two pages from notes."""
    told = {q for q, *_ in Pupil().facts if ("Orlan" in q) == (page == BRIDGE)}
    return Pupil(memory=lambda p: "a goat" if question_in(p) in told else None, **roles)


def documents(home: Path, passages: list[str]) -> list[str]:
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        return [one.document for one in library.passages(passages)]


# Scores move the next round.


@pytest.mark.parametrize("weak", [BRIDGE, MASON])
def test_the_next_round_goes_where_the_model_is_weak(study, model, home, weak):
    model.script = weak_in(weak)
    study(mechanisms=PLAIN, rounds=2, weak_passages=2, **LONG)

    _, second = traces(home)
    assert documents(home, second["objective"]["passages"]) == [weak, weak]
    assert second["objective"]["topics"] == {weak: 2}


@pytest.mark.parametrize("weak", [BRIDGE, MASON])
def test_a_fixed_plan_goes_its_way_whatever_is_weak(study, model, home, weak):
    model.script = weak_in(weak)
    study(mechanisms=PLAIN, rounds=3, weak_passages=2, autonomy="low", **LONG)

    first, *later = [trace["objective"] for trace in traces(home)]
    assert [one["passages"] for one in later] == [first["passages"][:2], first["passages"][2:]]
    assert {one["level"] for one in (first, *later)} == {"low"}
    assert not asked(model.asked, "topic", "kind")


def test_at_high_autonomy_the_model_chooses_and_its_choice_is_on_record(study, model, home):
    model.script = Pupil(memory=lambda _: "a goat", topic=lambda _: "2", kind=lambda _: "1")
    study(mechanisms=PLAIN | {"paraphrase", "two-hop"}, rounds=2, autonomy="high", **LONG)

    _, second = traces(home)
    table = asked(model.asked, "topic")[0].splitlines()[-2:]
    chosen = {"The Orlan Bridge": BRIDGE, "Mara Vint": MASON}[table[1][3:].split(":")[0]]
    assert set(documents(home, second["objective"]["passages"])) == {chosen}
    assert "topics chosen by the model: 2 of 2 (prompt " in second["objective"]["why"]
    assert "kinds chosen by the model: 1 of 2 (prompt " in second["objective"]["why"]
    assert set(second["objective"]["kinds"]) == {"answer-first", "paraphrase"}


def test_a_choice_that_cannot_be_read_leaves_it_to_the_scores(study, model, home):
    model.script = weak_in(MASON, topic=lambda _: "both", kind=lambda _: "99")
    study(mechanisms=PLAIN | {"paraphrase", "two-hop"}, rounds=2, autonomy="high", **LONG)

    _, second = traces(home)
    assert set(documents(home, second["objective"]["passages"])) == {MASON}
    assert "kinds could not be read" in second["objective"]["why"]


@pytest.mark.parametrize("autonomy", ["low", "medium", "high"])
def test_each_round_is_traced_whole_and_has_the_objective_the_last_one_set(
    study, model, home, autonomy
):
    model.script = weak_in(BRIDGE, topic=lambda _: "1", kind=lambda _: "1")
    study(mechanisms=EVERY_KIND | {"review"}, rounds=3, autonomy=autonomy, batch_passages=2, **LONG)

    told = traces(home)
    assert [trace["round"] for trace in told] == [1, 2, 3]
    for trace in told[:-1]:
        assert all(trace.get(part) for part in PARTS if part != "filter"), trace
        assert "filter" in trace
    assert "next_objective" not in told[-1]
    set_before = [trace["next_objective"] for trace in told[:-1]]
    assert [trace["objective"] for trace in told[1:]] == set_before


def test_what_was_dropped_is_in_the_trace_by_reason(study, model, home):
    model.script = Pupil(open=lambda p: "a goat" if question_in(p) == BORN else None)
    study(mechanisms=PLAIN, **LONG)

    (trace,) = traces(home)
    assert trace["filter"] == {"not answered from its passage": 1}
    assert trace["solutions"]["attempted"] == trace["solutions"]["borne out"] + 1


@pytest.mark.parametrize(("autonomy", "fewer"), [("medium", True), ("low", False)])
def test_a_kind_that_does_not_work_gets_fewer_tasks_within_the_round(
    study, corpus, model, autonomy, fewer
):
    for number, name in enumerate(("Alba", "Bura", "Cela", "Dova")):
        (corpus / f"z{number}.md").write_text(
            f"# {name} Mill\n\nThe {name} Mill has {number + 21} looms, {number + 31} wheels and "
            f"{number + 41} sluices.", encoding="utf-8",
        )  # fmt: skip
    model.script = Pupil([
        (f"How many {thing} are at the {name} Mill?", f"{number + begin} {thing}", (f"{name} Mill has",))
        for number, name in enumerate(("Alba", "Bura", "Cela", "Dova"))
        for thing, begin in (("looms", 21), ("wheels", 31), ("sluices", 41))
    ])  # fmt: skip
    model.script.roles["reword"] = lambda _: "What?"
    _, events = study(
        mechanisms=PLAIN | {"paraphrase", "two-hop"}, batch_passages=1, autonomy=autonomy, **LONG
    )

    tried = [
        event["asked"]
        for event in events
        if event["event"] == "drafts" and event["phase"] == "vary"
    ]
    first, *_, last = [number for number in tried if number]
    assert first == 3
    assert (last < first) is fewer


@pytest.mark.parametrize("autonomy", ["medium", "low"])
def test_a_model_whose_questions_hardly_work_is_asked_for_fewer_and_in_larger_batches(
    study, corpus, model, autonomy
):
    for number in range(14):
        (corpus / f"z{number:02}.md").write_text(
            f"# Mill {number}\n\nIt has {number + 21} looms, {number + 41} wheels, {number + 61} sluices "
            f"and {number + 81} doors.", encoding="utf-8",
        )  # fmt: skip
    for page in (BRIDGE, MASON):
        (corpus / page).unlink()
    model.script = Pupil([])
    _, events = study(
        mechanisms=PLAIN, first_passages=4, batch_passages=12, autonomy=autonomy, **LONG
    )

    told = [
        (event["phase"], event["passages"] if event["event"] == "notes" else event["asked"])
        for event in events
        if event["event"] in ("notes", "drafts") and event["phase"] != "vary"
    ]
    small = [("read", 4), ("quiz", 16)]
    rest = (
        [("read", 6), ("quiz", 6)] if autonomy == "medium" else [*small, ("read", 2), ("quiz", 8)]
    )
    assert told == [*small, *small, *rest]


def test_a_batch_that_was_given_up_does_not_count_as_one_of_which_nothing_was_accepted(
    study, model, home
):
    def stop(event):
        if (event["phase"], event["event"]) == ("attempt", "votes"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=stop, mechanisms=PLAIN, **LONG)
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        assert library.gradebook.models() == []
    study(mechanisms=PLAIN | {"review"}, **LONG)
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        fared = library.gradebook.acceptance(library.gradebook.models()[0])["answer-first"]
    assert fared.asked >= fared.usable >= fared.accepted > 0


def test_one_sealed_question_answered_is_no_mastery(study, home):
    result, _ = study(mechanisms=PLAIN | {"reversed"}, rounds=2, sealed_share=0.99, mastered=0.9)

    first, *_ = traces(home)
    assert first["evaluation"]["cells"]["memory"] == 1
    assert (result.state["stop"], len(traces(home))) == ("rounds", 2)


def test_a_budget_is_looked_at_after_few_passages(study, corpus, model):
    _, events = study(mechanisms=PLAIN, first_passages=1, budget_tokens=10**9, **LONG)
    read = [event["passages"] for event in events if event["event"] == "notes"]
    assert read == [1] * len(read)
    assert len(read) > 2


# Sealed questions.


def test_only_questions_made_from_others_are_sealed_and_all_kinds_of_them_can_be(study, home):
    study(mechanisms=EVERY_KIND, sealed_share=0.99)

    sealed = {one["kind"] for one in questions(home) if one["sealed"]}
    assert sealed == set(DERIVED)
    assert not [one for one in questions(home) if one["sealed"] and one["kind"] not in DERIVED]


def test_the_share_of_sealed_questions_is_what_was_asked_for(study, home):
    study(mechanisms=EVERY_KIND, sealed_share=0)

    assert not any(one["sealed"] for one in questions(home))


def test_sealed_questions_are_scored_by_kind_apart_from_the_open_ones(study, model, home):
    model.script = Pupil(memory=lambda p: "a goat" if question_in(p) == REVERSED[0] else None)
    study(mechanisms=EVERY_KIND, sealed_share=0.99)

    (trace,) = traces(home)
    told = trace["evaluation"]["sealed"]["memory"]
    sealed = Counter(one["kind"] for one in questions(home) if one["sealed"])
    assert {kind: of["asked"] for kind, of in told.items()} == {
        kind: count for kind, count in sealed.items() if kind != UNANSWERABLE
    }
    assert told["reversed"]["passed"] == 0
    assert told["paraphrase"]["passed"] == told["paraphrase"]["asked"] > 0


def test_sealed_questions_are_neither_evidence_nor_training_rows(study, home):
    study(mechanisms=EVERY_KIND, sealed_share=0.99)

    sealed = {one["question"] for one in questions(home) if one["sealed"]}
    kept = memories(home)
    evidence = {q for one in kept for e in one.evidence for q in (e.question, *e.phrasings)}
    assert sealed
    assert evidence
    assert not sealed & evidence
    rows = build_rows(kept, closed_book=closed_book, seed=0)
    trained = {content for row in rows for _, content in row.messages}
    assert evidence & trained
    assert not sealed & trained


def test_the_joint_and_reversed_ones_are_in_the_examination_and_unanswerable_ones_apart(
    study, home
):
    _, events = study(mechanisms=EVERY_KIND, sealed_share=0.99)

    (told,) = [event for event in events if event["event"] == "scores"]
    assert {"two-hop", "reversed", "paraphrase"} <= set(told["kinds"])
    assert UNANSWERABLE not in told["kinds"]
    assert told["sealed"] == sum(told["kinds"].values())
    (trace,) = traces(home)
    assert trace["evaluation"]["declined"] == 1.0
    assert trace["evaluation"]["kinds"][UNANSWERABLE] == {"passed": 1, "asked": 1}


def test_answering_what_cannot_be_answered_lowers_only_its_own_score(study, model, home):
    study(mechanisms=EVERY_KIND, sealed_share=0.99)
    (before,) = traces(home)
    (home / "library.sqlite").unlink()
    model.script = Pupil(
        memory=lambda p: "1402" if question_in(p) == "In what year did Mara Vint die?" else None
    )
    study(mechanisms=EVERY_KIND, sealed_share=0.99)

    (after,) = traces(home)
    assert (before["evaluation"]["declined"], after["evaluation"]["declined"]) == (1.0, 0.0)
    assert before["evaluation"]["cells"] == after["evaluation"]["cells"]


@pytest.mark.parametrize("share", [0.0, 0.99])
def test_no_closed_book_prompt_of_any_kind_holds_text_of_a_passage(study, model, home, share):
    study(
        mechanisms=frozenset(MECHANISMS) - {"evidence"}, rounds=2, sealed_share=share, mastered=1.0
    )

    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        guard = ClosedBook([one.text for one in library.passages(library.passage_ids())])
    closed = [prompt for prompt in asked(model.asked, "closed")]
    tried = {question_in(prompt) for prompt in closed}
    assert {one["kind"] for one in questions(home) if one["question"] in tried} >= set(DERIVED)
    assert not [prompt for prompt in closed if guard.leaks(prompt)]
    assert guard.leaks(asked(model.asked, "open")[0])


def test_what_the_passages_do_not_tell_needs_no_evidence(study, home):
    study(mechanisms=EVERY_KIND | {"evidence"})

    assert questions(home, UNANSWERABLE)


def test_a_question_that_quotes_its_passage_is_dropped_before_it_is_asked_closed_book(
    study, model, home
):
    quoting = "Who was born in Quell Harbour. She was taught masonry by a man, like Mara Vint?"
    model.script = Pupil(
        [(quoting, "Tobin Ashe", ("taught masonry",))],
        ask=lambda p: quoting if p.endswith("Answer: Tobin Ashe") else None,
    )
    result, _ = study(mechanisms=PLAIN)

    assert any(question_in(p) == quoting for p in asked(model.asked, "open"))
    assert result.state["rejected"]["quotes its passage"] == 1
    assert not any(question_in(p) == quoting for p in asked(model.asked, "closed"))


def test_the_lines_of_a_pass_over_a_batch_add_up(study, model):
    quoting = "Who was born in Quell Harbour. She was taught masonry by a man, like Mara Vint?"
    model.script = Pupil(
        [(quoting, "Tobin Ashe", ("taught masonry",))],
        ask=lambda p: quoting if p.endswith("Answer: Tobin Ashe") else None,
    )
    _, events = study(mechanisms=PLAIN | {"cloze", "topic-free"})

    def told(phase, event):
        return [e for e in events if (e["phase"], e["event"]) == (phase, event)]

    (quiz,), (vary,) = told("quiz", "drafts"), told("vary", "drafts")
    first, second = told("attempt", "votes")
    assert (first["asked"], first["gaps"], first["quoting"]) == (quiz["usable"], 0, 1)
    assert (second["asked"] + second["gaps"], second["gaps"] > 0) == (vary["usable"], True)
    for tried, graded in zip((first, second), told("grade", "verdicts"), strict=True):
        verdicts = sum(graded.get(name, 0) for name in ("gap", "known", "doubt"))
        assert tried["hopeful"] + tried["gaps"] - tried["guessed"] == verdicts


# Cut short.


@pytest.mark.parametrize(
    ("phase", "event", "time"),
    [
        ("vary", "start", 1),
        ("vary", "drafts", 1),
        ("attempt", "start", 2),
        ("attempt", "votes", 2),
        ("reflect", "settled", 2),
        ("examine", "start", 1),
        ("examine", "practised", 1),
        ("examine", "practised", 2),
        ("plan", "objective", 2),
        ("examine", "scores", 1),
    ],
)  # fmt: skip
def test_ctrl_c_loses_nothing_and_doubles_nothing(study, model, home, tmp_path, phase, event, time):
    policy = {
        "mechanisms": EVERY_KIND | {"review", "reflexion", "self-consistency"},
        "rounds": 2, "mastered": 1.0, "sealed_share": 0.99,
    }  # fmt: skip
    forgetful = {"memory": lambda p: "a goat" if question_in(p) in (BORN, FAR[0]) else None,
                 "claim": lambda _: "I took another place.",
                 "advise": lambda _: "Look for the word born."}  # fmt: skip
    model.script = Pupil(**forgetful)
    study(**policy)
    whole = _left_in(home)
    home.rename(tmp_path / "whole")

    seen = Counter()

    def interrupt(told: dict) -> None:
        seen[(told["phase"], told["event"])] += 1
        if (told["phase"], told["event"]) == (phase, event) and seen[(phase, event)] == time:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=interrupt, **policy)
    result, _ = study(**policy)

    assert result.resumed
    assert _left_in(home) == whole
    assert all(memory.count == 1 for memory in memories(home))


def _left_in(home: Path) -> dict:
    """All that a study leaves behind, without times and random ids."""
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        book = library.gradebook
        return {
            "questions": library.questions(),
            "rounds": library.rounds(),
            "traces": book.traces(),
            "reviews": book.reviews(),
            "advice": book.reflections([one["id"] for one in library.questions()]),
            "outcomes": book.outcomes(),
            "acceptance": book.acceptance("scripted"),
            "memories": sorted((one.kind, one.text, one.evidence) for one in memories(home)),
        }


def test_both_ways_to_join_are_examined(study, model, home):
    study(mechanisms=EVERY_KIND, sealed_share=0.99)

    examined = {question_in(p) for p in model.asked if task_of(p) == "memory"}
    assert {FAR[0], NEAR[0]} <= examined
    assert {one["answer"] for one in questions(home, UNANSWERABLE)} == {ABSTENTION}
