"""Each mechanism of a study, on and off: with it the study differs in the way that its name says."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest
from bridge import (
    BORN,
    BUILDER,
    EVERY_KIND,
    FACTS,
    FAR,
    FREELY,
    GAP,
    NEAR,
    PLAIN,
    REVERSED,
    UNASKED,
    VARIED,
    Pupil,
    Wavering,
    asked,
    memories,
    question_in,
    questions,
    task_of,
    traces,
    view_of,
    write_town,
)

from ingrained.agent.answering import LEAK_WORDS
from ingrained.agent.grading import ABSTENTION, words
from ingrained.agent.library import Library
from ingrained.agent.mechanisms import MECHANISMS, QUESTION_KINDS
from ingrained.agent.report.steering import steering
from ingrained.agent.tasks.kinds import DERIVED


@pytest.fixture(autouse=True)
def town(corpus: Path, model) -> None:
    write_town(corpus)
    model.script = Pupil()


def kinds_of(home: Path) -> set[str]:
    return {one["kind"] for one in questions(home)}


def texts(home: Path, kind: str = "") -> set[str]:
    return {one["question"] for one in questions(home, kind)}


def row(home: Path, question: str) -> dict:
    (found,) = (one for one in questions(home) if one["question"] == question)
    return found


def times_open(model, question: str) -> int:
    """How often a question was asked with a passage in view."""
    return sum(question_in(prompt) == question for prompt in asked(model.asked, "open"))


def test_every_kind_of_question_can_come_of_one_study(study, home):
    study(mechanisms=EVERY_KIND)

    assert kinds_of(home) == set(QUESTION_KINDS)


@pytest.mark.parametrize("kind", sorted({*DERIVED, "cloze"}))
def test_a_kind_that_is_off_is_neither_wished_for_nor_kept(study, home, kind):
    study(mechanisms=EVERY_KIND - {kind})

    assert kinds_of(home) == set(QUESTION_KINDS) - {kind}
    (trace,) = traces(home)
    assert kind not in trace["objective"]["kinds"]


def test_without_chosen_answers_every_note_is_asked_about_freely(study, model, home):
    study(mechanisms=EVERY_KIND)
    assert {view.splitlines()[-1] for view in asked(model.asked, "freely")} == {
        f"Sentence: {note}" for note in unanswered(model)
    }

    model.asked.clear()
    (home / "library.sqlite").unlink()
    study(mechanisms=EVERY_KIND - {"answer-first"})
    assert not asked(model.asked, "ask", "begin")
    sentences = Counter(
        prompt.rsplit("Sentence: ", 1)[-1] for prompt in asked(model.asked, "freely")
    )
    assert len(sentences) == 10
    assert min(sentences.values()) > 1, "sampled: more than one question may come of a note"
    assert kinds_of(home) >= {"free-recall"}
    assert "answer-first" not in kinds_of(home)


def unanswered(model) -> set[str]:
    """The notes for which no chosen answer became a question, as the fallback saw them."""
    free = {prompt.rsplit("Sentence: ", 1)[-1] for prompt in asked(model.asked, "freely")}
    assert free
    assert all("Orlan Bridge in 1402" not in note for note in free)
    return free


def test_without_free_recall_a_note_that_offers_nothing_has_no_question(study, model, home):
    study(mechanisms=EVERY_KIND - {"free-recall", "variation"})

    assert not asked(model.asked, "freely")
    assert FREELY[0] not in texts(home)


def test_with_both_first_kinds_off_nothing_is_asked_freely(study, model):
    study(mechanisms=frozenset(["cloze", "round-trip"]))

    assert not asked(model.asked, "freely", "ask", "begin")


def test_a_variation_needs_no_free_recall(study, home):
    study(mechanisms=PLAIN | {"variation"})

    assert texts(home, "variation") == {VARIED[0]}


def test_a_cloze_is_made_only_of_a_note_without_another_question(study, model, home):
    study(mechanisms=PLAIN | {"cloze"})

    gaps = questions(home, "cloze")
    assert GAP[1] in {gap["answer"] for gap in gaps}
    others = {tuple(one["span"]) for one in questions(home) if one["kind"] != "cloze"}
    assert not others & {tuple(gap["span"]) for gap in gaps if gap["passage"] == gaps[0]["passage"]}
    assert not any(words in prompt for prompt in model.asked if task_of(prompt) != "open"
                   for words in ("tell me: Mara Vint built", "tell me: who or what built"))  # fmt: skip


def test_a_title_of_many_words_stands_in_gaps_though_a_passage_begins_with_it(study, corpus, home):
    title = "Of the Toll and of all who crossed the river there"
    text = (corpus / "toll.md").read_text("utf-8").replace("# Toll", title)
    row = {"id": "toll", "title": title, "text": text}
    (corpus / "toll.md").unlink()
    (corpus / "toll.jsonl").write_text(json.dumps(row), encoding="utf-8")
    study(mechanisms=PLAIN | {"cloze"})

    (gap,) = (one for one in questions(home, "cloze") if one["answer"] == GAP[1])
    assert title in gap["question"]
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        assert library.passages([gap["passage"]])[0].text.startswith(title)


def test_a_paraphrase_asks_for_the_same_target_in_other_words(study, home):
    study(mechanisms=PLAIN | {"paraphrase"}, sealed_share=0)

    other = row(home, "In which place was Mara Vint born?")
    first = row(home, BORN)
    assert (other["kind"], other["target"], other["after"]) == (
        "paraphrase", first["target"], first["id"],
    )  # fmt: skip
    (memory,) = (
        one for one in memories(home) if one.text == "Mara Vint was born in Quell Harbour."
    )
    (evidence,) = memory.evidence
    assert (evidence.question, evidence.phrasings) == (BORN, (other["question"],))


def test_a_reversed_question_names_the_old_answer_and_asks_for_what_was_named(study, home):
    study(mechanisms=PLAIN | {"reversed"})

    (turned,) = questions(home, "reversed")
    assert (turned["question"], turned["answer"]) == REVERSED[:2]
    (first,) = (one for one in questions(home) if one["id"] == turned["after"])
    assert first["answer"] in turned["question"]
    assert turned["answer"] in first["question"]


@pytest.mark.parametrize(
    ("fact", "documents"), [(FAR, 2), (NEAR, 1)], ids=["documents", "passages"]
)
def test_a_joint_question_is_tried_with_both_its_passages(study, model, home, fact, documents):
    study(mechanisms=PLAIN | {"two-hop"})

    joint = row(home, fact[0])
    assert joint["kind"] == "two-hop"
    assert len(set(joint["passages"])) == 2
    views = [view_of(p) for p in asked(model.asked, "open") if question_in(p) == fact[0]]
    assert views
    assert all(all(place in view for place in fact[2]) for view in views)
    assert joint["recalled"] is None, "no one note is what it takes"
    homes = {one["passage"]: one["answer"] for one in questions(home, "answer-first")}
    assert len(homes.keys() & set(joint["passages"])) == 2
    bridge_pages = {"Mara Vint built" in view for view in views}
    assert bridge_pages == {documents == 2}


def test_two_passages_of_different_batches_are_joined_too(study, home):
    study(mechanisms=PLAIN | {"two-hop"}, batch_passages=1)

    assert {FAR[0], NEAR[0]} <= texts(home, "two-hop")


def test_an_unanswerable_question_is_kept_if_the_model_declines_with_the_passages_in_view(
    study, model, home
):
    study(mechanisms=PLAIN | {"unanswerable"})

    (one,) = questions(home, "unanswerable")
    assert (one["question"], one["answer"]) == ("In what year did Mara Vint die?", ABSTENTION)
    assert one["recalled"] is None
    assert not any(
        "In what year did Mara Vint die?" in (e.question, *e.phrasings)
        for memory in memories(home) for e in memory.evidence
    )  # fmt: skip


def test_one_that_the_model_answers_all_the_same_is_dropped(study, model, home):
    swapped = "In what year did Mara Vint die?"
    model.script = Pupil(open=lambda p: "1433" if question_in(p) == swapped else None)
    study(mechanisms=PLAIN | {"unanswerable"})

    assert times_open(model, swapped) == 1
    assert questions(home, "unanswerable") == []


def test_a_variation_is_made_without_text_and_answered_by_the_passage(study, model, home):
    study(mechanisms=PLAIN | {"free-recall", "variation"})

    (varied,) = questions(home, "variation")
    assert (varied["question"], varied["answer"]) == VARIED[:2]
    assert varied["note"] is not None
    assert not any("paid for by" in prompt for prompt in asked(model.asked, "vary"))


@pytest.mark.parametrize("checked", [True, False])
def test_round_trip_drops_what_the_passage_does_not_bear_out(study, model, home, checked):
    model.script = Pupil(open=lambda p: "a goat" if question_in(p) == BUILDER else None)
    result, _ = study(mechanisms=PLAIN if checked else PLAIN - {"round-trip"})

    assert (BUILDER in texts(home)) is not checked
    assert bool(result.state["rejected"].get("not answered from its passage")) is checked
    assert bool(asked(model.asked, "open")) is checked


def test_a_passage_that_gives_another_answer_makes_it_the_question_it_turned_out_to_be(
    study, model, home
):
    told = {BUILDER: "the salt guild"}
    model.script = Pupil(open=lambda p: told.get(question_in(p)))
    study(mechanisms=PLAIN | {"free-recall"})

    found = row(home, BUILDER)
    assert found["answer"] == "the salt guild"
    other = row(home, "What town had the guild that paid for the Orlan Bridge?")
    assert found["note"] == other["note"], "its note is the one that says so"


def test_without_self_consistency_a_question_is_tried_once(study, model):
    study(mechanisms=PLAIN, votes=5)

    opened = Counter(question_in(prompt) for prompt in asked(model.asked, "open"))
    assert set(opened.values()) == {1}


@pytest.mark.parametrize(
    ("votes", "replies", "times", "verdict"),
    [
        (3, ["Mara Vint"], 2, "gap"),
        (5, ["Mara Vint"], 3, "gap"),
        (5, ["Mara Vint", "a goat", "Mara Vint"], 4, "gap"),
        (5, ["Mara Vint", "a goat"], 4, None),
        (1, ["Mara Vint", "a goat"], 1, "gap"),
    ],
)
def test_samples_are_drawn_until_the_votes_are_decided_and_no_more(
    study, model, home, votes, replies, times, verdict
):
    model.script = Pupil(open=Wavering(BUILDER, *replies))
    study(mechanisms=PLAIN | {"self-consistency"}, votes=votes, share=0.6)

    assert times_open(model, BUILDER) == times
    kept = [one["verdict"] for one in questions(home) if one["question"] == BUILDER]
    assert kept == ([verdict] if verdict else [])


def test_low_agreement_puts_a_question_in_doubt_and_unsettled_doubt_drops_it(study, model, home):
    model.script = Pupil(open=Wavering(BUILDER, "Mara Vint", "a goat"))
    result, events = study(mechanisms=PLAIN | {"self-consistency"})

    assert [e.get("doubt", 0) for e in events if e["event"] == "verdicts"] == [1, 0]
    assert result.state["rejected"]["answers differ"] == 1
    assert BUILDER not in texts(home)


def test_without_a_round_trip_the_samples_still_have_to_agree(study, model, home):
    model.script = Pupil(open=Wavering(BUILDER, "a goat", "a cow", "a hen"))
    study(mechanisms=PLAIN - {"round-trip"} | {"self-consistency"})
    assert BUILDER not in texts(home)
    assert BORN in texts(home)


@pytest.mark.parametrize("used", [True, False])
def test_topic_free_drops_what_is_answered_without_the_topic(study, model, home, used):
    model.script = Pupil(
        closed=lambda p: (
            "nine arches" if question_in(p).startswith("How many arches does it") else None
        )
    )
    result, _ = study(mechanisms=PLAIN | ({"topic-free"} if used else set()))

    assert ("How many arches does the Orlan Bridge have?" in texts(home)) is not used
    dropped = {why: n for why, n in result.state["rejected"].items() if "without its topic" in why}
    assert sum(dropped.values()) == used
    assert BUILDER in texts(home)


def test_topic_free_asks_nothing_that_quotes_the_passage(study, model, page):
    quoting = "Who was it that the bridge was paid for by the salt guild of Teskow and built by?"
    assert len(words(quoting)) > LEAK_WORDS
    model.script = Pupil(
        [(quoting, "Mara Vint", ("Mara Vint built",))],
        ask=lambda p: quoting if p.endswith("Answer: Mara Vint") and "in 1402" in p[-80:] else None,
    )
    study(mechanisms=PLAIN | {"topic-free"})

    assert times_open(model, quoting) == 1
    assert not any("paid for by the salt guild" in p for p in asked(model.asked, "closed"))


# What settles a doubt.

DOUBT = PLAIN | {"self-consistency"}
SENTENCE = "Mara Vint built the Orlan Bridge in 1402."


def doubtful(**roles) -> Pupil:
    """A pupil that is of two minds about the builder while it has the passage in view."""
    wavers = Wavering(BUILDER, "Mara Vint", "a goat")
    return Pupil(open=lambda p: None if view_of(p) == SENTENCE else wavers(p), **roles)


def test_critique_free_answers_again_next_to_the_questions_own_sentence(study, model, home):
    model.script = doubtful()
    study(mechanisms=DOUBT | {"critique-free"})

    assert row(home, BUILDER)["verdict"] == "gap"
    assert not asked(model.asked, "critic", "refine", "explain")


def test_critique_free_leaves_in_doubt_what_the_sentence_does_not_settle(study, model, home):
    model.script = Pupil(open=Wavering(BUILDER, "Mara Vint", "a goat"))
    told = model.script
    model.script = lambda p: (
        "a goat" if view_of(p) == SENTENCE and task_of(p) == "open" else told(p)
    )
    study(mechanisms=DOUBT | {"critique-free"})

    assert BUILDER not in texts(home)


def test_self_refine_criticises_and_rewrites_and_keeps_what_comes_out_right(study, model, home):
    replies = ["a person named Mara Vint", "a goat", "a cow"]
    model.script = Pupil(
        open=Wavering(BUILDER, *replies),
        critic=lambda _: "Place: a person\nFix: Give the name alone.",
        refine=lambda _: "Mara Vint",
    )
    result, events = study(mechanisms=DOUBT | {"self-refine"})

    assert row(home, BUILDER)["verdict"] == "gap"
    (critic, *_), (refine, *_) = asked(model.asked, "critic"), asked(model.asked, "refine")
    assert critic.endswith(f"Draft: {replies[0]}")
    assert "Fix: Give the name alone." in refine
    assert any(e["event"] == "refined" for e in events)
    assert result.state["rejected"].get("answers differ", 0) == 0


def test_self_refine_drops_what_it_rewrites_wrongly(study, model, home):
    model.script = Pupil(
        open=Wavering(BUILDER, "Mara Vint", "a goat"),
        critic=lambda _: "Place: Mara Vint\nFix: Name the guild.",
        refine=lambda _: "the salt guild",
    )
    study(mechanisms=DOUBT | {"self-refine"})

    assert BUILDER not in texts(home)
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        (first, *_) = steering(library, library.questions()).rounds
    assert "right to wrong 1" in first.steps["feedback"]


REASON = "The text says that Mara Vint built the Orlan Bridge, so the answer is: Mara Vint"


def hinted_only(reason: str) -> Pupil:
    """A pupil that can say why the builder is right only once it has been told."""
    return Pupil(explain=lambda p: reason if "right answer is Mara Vint" in p else "Because.")


def test_star_saves_an_explanation_that_holds_no_hint(study, model, home):
    model.script = hinted_only(REASON)
    study(mechanisms=PLAIN | {"star"})

    saved = row(home, BUILDER)
    assert (saved["rationale"], saved["hinted"]) == (REASON, True)
    assert "hint" not in words(saved["rationale"])
    assert all("rationale" not in one for one in questions(home) if one["question"] != BUILDER)


def test_star_takes_the_hint_only_where_the_model_fails_without_it(study, model, home):
    model.script = Pupil(explain=lambda p: REASON if question_in(p) == BUILDER else "Because.")
    study(mechanisms=PLAIN | {"star"})

    assert row(home, BUILDER)["hinted"] is False
    assert not any(p.endswith("answer is Mara Vint.") for p in asked(model.asked, "explain"))


def test_star_accepts_nothing_that_the_votes_did_not(study, model, home):
    model.script = doubtful(explain=lambda _: REASON)
    study(mechanisms=DOUBT | {"star"})

    assert BUILDER not in texts(home)


@pytest.mark.parametrize(
    "said",
    [
        "The hint says that it was Mara Vint who built it, so the answer is: Mara Vint",
        "The text says that the salt guild built it, so the answer is: the salt guild",
        "Mara Vint",
    ],
)
def test_star_saves_neither_talk_of_the_hint_nor_a_wrong_end_nor_a_bare_answer(
    study, model, home, said
):
    model.script = hinted_only(said)
    study(mechanisms=PLAIN | {"star"})

    assert "rationale" not in row(home, BUILDER)


def test_what_one_correction_settles_is_not_asked_of_the_next(study, model):
    model.script = doubtful()
    study(mechanisms=DOUBT | {"critique-free", "self-refine"})

    assert not asked(model.asked, "critic", "refine")


# What is kept, and what is asked again.


@pytest.mark.parametrize("checked", [True, False])
def test_only_a_verified_note_is_kept_unless_that_is_off(study, model, home, checked):
    knows = {question: answer for question, (answer, _) in FACTS.items() if "Orlan" in question}
    model.script = Pupil(closed=lambda p: knows.get(question_in(p)))
    study(mechanisms=PLAIN if checked else PLAIN - {"quiz-verified"})

    kept = {memory.text for memory in memories(home)}
    known = {note for note in kept if "arches" in note or note.startswith("Mara Vint built")}
    assert any(note.startswith("Mara Vint was born") for note in kept)
    assert len(kept) == (4 if checked else 10)
    assert bool(known) is not checked


@pytest.fixture
def no_toll(corpus: Path) -> None:
    (corpus / "toll.md").unlink()


@pytest.mark.usefixtures("no_toll")
def test_a_selective_later_round_asks_about_the_notes_nearest_to_what_failed(study, model):
    failing = "How many kilograms does the keystone of the Orlan Bridge weigh?"
    model.script = Pupil(memory=lambda p: "a goat" if question_in(p) == failing else None)
    policy = {"rounds": 2, "sealed_share": 0}
    _, events = study(mechanisms=PLAIN | {"selective"}, **policy)

    later = _asked_later(model, events)
    assert later == {"Its keystone weighs [?]."}, later


@pytest.mark.usefixtures("no_toll")
def test_an_unselective_one_asks_about_all_notes_of_its_passages(study, model):
    failing = "How many kilograms does the keystone of the Orlan Bridge weigh?"
    model.script = Pupil(memory=lambda p: "a goat" if question_in(p) == failing else None)
    _, events = study(mechanisms=PLAIN, rounds=2, sealed_share=0)

    assert len(_asked_later(model, events)) > 1


def _asked_later(model, events) -> set[str]:
    """The sentences with a gap that were shown a second time, in round 2."""
    passages = [e["passages"] for e in events if e.get("event") == "objective"]
    assert passages == [4, 1]
    prompts = Counter(asked(model.asked, "ask"))
    shown = [prompt for prompt, times in prompts.items() if times > 1]
    last = {prompt.rsplit("Sentence: ", 1)[-1].split("\n")[0] for prompt in shown}
    return {
        sentence.split(". ")[-1] if "Its keystone" in sentence else sentence for sentence in last
    }


def test_all_mechanisms_together_make_a_study(study, model, home):
    result, _ = study(mechanisms=frozenset(MECHANISMS), rounds=2, mastered=1.0)

    assert result.state["stop"] in {"rounds", "mastered"}
    assert memories(home)
    assert {task_of(prompt) for prompt in model.asked} >= {"ask", "reword", "reverse", "vary"}


def test_a_gap_that_its_heading_alone_fills_proves_no_note(study, model, home):
    model.script = Pupil(fill=lambda _: GAP[1])
    study(mechanisms=PLAIN | {"cloze"}, sealed_share=0)

    (gap,) = (one for one in questions(home, "cloze") if one["answer"] == GAP[1])
    assert gap["closed"]
    assert not [one for one in memories(home) if UNASKED in one.text]
    alone = [
        p for p in asked(model.asked, "fill") if p.rsplit("Text: ", 1)[-1].startswith("Toll\n")
    ]
    assert alone, "asked with the heading and nothing else"


def test_a_gap_that_takes_its_note_proves_it(study, home):
    study(mechanisms=PLAIN | {"cloze"}, sealed_share=0)

    assert [one for one in memories(home) if UNASKED in one.text]


@pytest.mark.parametrize(
    ("name", "reply", "kept"),
    [
        ("metric-filter", "Quell Harbour", True), ("exact-filter", "Quell Harbour", True),
        ("metric-filter", "In Quell Harbour", True), ("exact-filter", "In Quell Harbour", False),
        ("metric-filter", "Mara Vint was born in Quell Harbour", False),
    ],
)  # fmt: skip
def test_the_metric_filters_go_by_f1_and_by_exact_match(study, model, home, name, reply, kept):
    model.script = Pupil(open=lambda p: reply if question_in(p) == BORN else None)
    study(mechanisms=PLAIN | {name})

    assert (BORN in texts(home)) is kept
