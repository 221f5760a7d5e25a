"""Questions made from verified ones: reversed, reworded, joined, emptied, and new ones like them."""

from __future__ import annotations

import dataclasses

import pytest
from tasks_town import BORN, BUILDER, FOUNDER, OIL, ROOF, place, verified

from ingrained.agent.grading import ABSTENTION
from ingrained.agent.tasks.rewording import new_answer, paraphrases, reversals
from ingrained.agent.tasks.two_hop import joined, pairs, two_hops
from ingrained.agent.tasks.unanswerable import says, unanswerables
from ingrained.agent.tasks.variation import variations
from ingrained.agent.tasks.wishes import Verified, question_of

WORK = verified("tower", 0, "Whose work is the Varn Lighthouse?", "Ilsa Pern")
EVERYWHERE = [place("tower"), place("town"), place("school")]


@pytest.mark.parametrize(
    ("one", "answer"),
    [
        (BUILDER, "Varn Lighthouse"),
        (FOUNDER, "Brask Library"),
        (OIL, "Varn Lighthouse"),
        (verified("tower", 0, "Who built it in 1704?", "Ilsa Pern"), "1704"),
        (verified("tower", 0, "Who built it?", "Ilsa Pern"), ""),
        (verified("tower", 0, "Who is the Ilsa of the tower?", "Ilsa Pern"), ""),
    ],
)
def test_a_reversal_asks_for_the_most_specific_name_of_the_question(
    one: Verified, answer: str
) -> None:
    assert new_answer(one) == answer
    assert [wish.answer for wish in reversals([one])] == [answer] * bool(answer)


def test_a_reversal_gives_the_old_answer_and_asks_for_the_new() -> None:
    (wish,) = reversals([BUILDER])
    case = wish.prompt[-1][1]
    assert case == (
        "Sentence: The [?] was built by Ilsa Pern in 1704.\nGiven: Ilsa Pern\nFirst words: What"
    )
    assert question_of(wish, "What did Ilsa Pern build?")[1] == ""
    assert question_of(wish, "What was built in 1704?")[1] == "leaves out what it must name"
    assert (wish.after, wish.note, wish.passages) == (BUILDER.id, 0, ("tower/1",))


def test_a_topic_that_is_not_in_the_note_is_asked_for_all_the_same() -> None:
    (wish,) = reversals([OIL])
    assert wish.prompt[-1][1].startswith("Sentence: [?]: It burns 90 litres of oil a night.")


def test_a_nationality_is_not_asked_for() -> None:
    note = dataclasses.replace(place("tower"), text="The Danish king burnt it in 1704.")
    one = Verified(id="1", question="When did the Danish king burn it?", answer="1704", place=note)
    assert reversals([one]) == []


def test_a_paraphrase_keeps_the_names_and_not_the_words() -> None:
    (wish,) = paraphrases([BUILDER])
    assert wish.answer == "Ilsa Pern"
    assert question_of(wish, "By whom was the Varn Lighthouse built?")[1] == ""
    assert question_of(wish, "Who built the Varn Lighthouse?")[1] == "says the same again"
    assert question_of(wish, "By whom was that tower built?")[1] == "leaves out what it must name"
    assert (
        question_of(wish, "Did Ilsa Pern build the Varn Lighthouse?")[1] == "gives the answer away"
    )


def test_a_possessive_is_the_same_name() -> None:
    (wish,) = paraphrases([verified("tower", 0, "Who built Quell Harbour's tower?", "Ilsa Pern")])
    assert wish.must == ("Quell Harbour",)


def test_two_questions_join_where_an_answer_stands_in_the_other() -> None:
    (wish,) = two_hops([BUILDER, OIL, BORN, ROOF])
    assert (wish.answer, wish.passages) == ("Quell Harbour", ("town/1", "tower/1"))
    assert wish.question == joined(BUILDER, BORN)
    assert question_of(wish) == (wish.question, "")


@pytest.mark.parametrize(
    ("first", "second", "question"),
    [
        ("Who built the Varn Lighthouse?", "Where was Ilsa Pern born?",
         "Where was the person who built the Varn Lighthouse born?"),
        ("Who was the builder of the Varn Lighthouse?", "Where was Ilsa Pern born?",
         "Where was the builder of the Varn Lighthouse born?"),
        ("Which woman built the Varn Lighthouse?", "Where was Ilsa Pern born?", ""),
        ("By whom was the Varn Lighthouse built?", "Where was Ilsa Pern born?",
         "Where was the person by whom the Varn Lighthouse was built born?"),
        ("Which woman did the Varn Lighthouse make rich?", "Where was Ilsa Pern born?",
         "Where was the woman that the Varn Lighthouse did make rich born?"),
        ("Which woman designed the Varn Lighthouse?", "Where was Ilsa Pern born?",
         "Where was the woman that designed the Varn Lighthouse born?"),
        ("Who built the Varn Lighthouse?", "Where was Ilsa Pern's child born?", ""),
        ("Who did the Varn Lighthouse serve?", "Where was Ilsa Pern born?", ""),
    ],
)  # fmt: skip
def test_they_are_joined_where_grammar_can_join_them(
    first: str, second: str, question: str
) -> None:
    one, other = verified("tower", 0, first, "Ilsa Pern"), verified("town", 0, second, "1680")
    assert joined(one, other) == question
    assert [wish.question for wish in two_hops([one, other])] == ([question] if question else [])


def test_an_article_goes_with_the_name_it_stood_before() -> None:
    ship = verified("tower", 0, "What was the ship of Ilsa Pern called?", "Grey Linnet")
    left = verified("town", 0, "When did the Grey Linnet leave?", "1704")
    assert joined(ship, left) == "When did the ship of Ilsa Pern leave?"


def test_what_was_learnt_before_joins_with_what_is_in_hand_but_not_with_itself() -> None:
    assert pairs([BORN], known=[BUILDER]) == [(BUILDER, BORN)]
    assert pairs([OIL], known=[BUILDER, BORN]) == []


def test_one_note_makes_no_two_hops() -> None:
    same = dataclasses.replace(BORN, place=BUILDER.place)
    assert pairs([BUILDER, same]) == []


def test_pairs_across_documents_come_first_and_no_bridge_fills_the_list() -> None:
    near = verified("tower", 1, "How much oil did Ilsa Pern burn a night?", "90 litres")
    other = verified("tower", 0, "Whose work is the Varn Lighthouse of 1704?", "Ilsa Pern")
    assert pairs([BUILDER, other, near, BORN]) == [(BUILDER, BORN)]
    assert len(two_hops([BUILDER, near, BORN], most=0)) == 0


def test_a_bridge_is_a_name() -> None:
    year = verified("school", 0, "In what year was the Brask Library founded?", "1810")
    assert pairs([year, verified("town", 0, "Who was born in 1810?", "Ilsa Pern")]) == []


def test_a_swapped_name_leaves_a_question_without_an_answer() -> None:
    (wish,) = unanswerables([ROOF], EVERYWHERE)
    assert wish.answer == ABSTENTION
    assert wish.question in {
        f"What is the roof of the {name} made of?"
        for name in ("Varn Lighthouse", "Quell Harbour", "Miren Canal")
    }
    assert question_of(wish) == (wish.question, "")
    assert unanswerables([ROOF], EVERYWHERE) == [wish]


def test_where_no_other_name_fits_there_is_no_wish() -> None:
    assert unanswerables([ROOF], [place("school")]) == []
    assert unanswerables([ROOF], EVERYWHERE, most=0) == []


@pytest.mark.parametrize(
    ("question", "subject", "told"),
    [
        ("Who built the Varn Lighthouse?", "Varn Lighthouse", True),
        ("Who burnt the Varn Lighthouse?", "Varn Lighthouse", False),
        ("Who burnt the Miren Canal of Quell Harbour?", "Miren Canal", True),
        ("What is the roof of the Varn Lighthouse made of?", "Varn Lighthouse", False),
        ("Who built the Sunken Garden?", "Sunken Garden", False),
    ],
)
def test_what_a_passage_may_tell_of_a_subject(question: str, subject: str, told: bool) -> None:
    assert says([place.source for place in EVERYWHERE], question, subject) == told


def test_a_variation_shows_three_questions_and_no_text() -> None:
    third = verified("tower", 0, "In what year was the Varn Lighthouse built?", "1704")
    (wish,) = variations([BUILDER, OIL, third, BORN])
    assert "Who built the Varn Lighthouse?\nHow many litres" in wish.prompt[-1][1]
    assert not any("It burns 90" in text for _, text in wish.prompt)
    assert (wish.answer, wish.note, wish.passages) == ("", None, ("tower/1",))


def test_a_variation_is_unlike_the_whole_pool() -> None:
    third = verified("tower", 0, "In what year was the Varn Lighthouse built?", "1704")
    (wish,) = variations([BUILDER, OIL, third], pool=["How high does the Varn Lighthouse stand?"])
    assert question_of(wish, "4. Which keeper left the Varn Lighthouse?")[1] == ""
    again = "How high above all does the Varn Lighthouse stand?"
    assert question_of(wish, again)[1] == "says the same again"


def test_two_questions_of_a_passage_are_too_few_to_vary() -> None:
    assert variations([BUILDER, OIL, BORN, ROOF]) == []
