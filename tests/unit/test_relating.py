"""The judge: what the words show is theirs to say, the rest is asked of the model, both ways."""

from __future__ import annotations

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.prompts import load
from ingrained.agent.relating import QuizJudge
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation

NO_MODEL: dict[str, str] = {}


def memory(text: str, title: str = "") -> Memory:
    return Memory(id=text, text=text, title=title)


def judged(older: str, newer: str, script: dict[str, str]) -> Relation:
    """Judge one pair; the script maps ends of prompts to replies, and is used if there is one."""
    model = ScriptedModel(script=script)
    (relation,) = QuizJudge(Asker(model)).judge([(memory(older), memory(newer))])
    assert bool(model.asked) == bool(script)
    return relation


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("The Swan inn has nine rooms.", "The Swan inn has twelve rooms."),
        ("Ida Morrow was born in 1930.", "Ida Morrow was born in 1936."),
        ("The fair opens on 3 May 1922.", "It is on 17 June 1922 that the fair opens."),
        ("The bell was cast by Mara Vint.", "The bell was cast by Tobin Ashe."),
        ("Mara Vint is the mayor of Lorne.", "The mayor of Lorne is Tobin Ashe."),
        ("Dogs are allowed on the terrace.", "Dogs are not allowed on the terrace."),
        ("The pass is open in winter.", "The pass is closed in winter."),
        ("The engine of the Pell ferry burns peat.", "The engine of the Pell ferry was sold."),
        ("The roof is made of slate.", "The roof is made of copper."),
        ("The heating is off in July.", "The heating is on in July."),
        ("The mayor of Lorne is Mara Vint.", "The mayor of Lorne is now Tobin Ashe."),
        ("King Osric died in 1291.", "King Osric died in 1288 after a fall."),
    ],
)
def test_another_value_in_the_same_sentence_contradicts(older: str, newer: str) -> None:
    assert judged(older, newer, NO_MODEL) == "contradicts"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("The Swan inn has nine rooms.", "The Crown inn has twelve rooms."),
        ("In 1990 Tarn had 410 inhabitants.", "In 2010 Tarn had 365 inhabitants."),
        ("Anna Doss speaks Danish.", "Anna Doss speaks Polish."),
        ("The mayor of Lorne is Mara Vint.", "The mayor of Brede is Tobin Ashe."),
        ("Anna Doss lives in Teskow.", "The sister of Anna Doss lives in Brede."),
        ("The chess club meets on Monday.", "The garden club meets on Friday."),
        ("Dogs are allowed on the terrace.", "Dogs are not allowed in the kitchen of the inn."),
        ("The terrace of the Swan faces south.", "Mara Vint keeps bees."),
        ("Mara Vint taught Tobin Ashe.", "Mara Vint also taught Anna Doss."),
        ("Mara Vint has a dog.", "Mara Vint has a cat."),
        ("The bus stops at the school.", "The bus stops at the hospital."),
        ("The concert on Monday was sold out.", "The concert on Friday was sold out."),
        ("The shop sells bread.", "The shop sells cheese."),
    ],
)
def test_another_subject_or_occasion_does_not(older: str, newer: str) -> None:
    assert judged(older, newer, NO_MODEL) == "unrelated"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("Ida Morrow was born in 1930.", "Ida Morrow was born in May 1930 in Tarn."),
        ("Oldmere holds about 31,000 books.", "Oldmere holds 31,260 books."),
        ("The N7 runs on weekdays.", "The N7 runs on weekdays, but not on holidays."),
        ("Mara Vint taught Tobin Ashe.", "Tobin Ashe taught Mara Vint."),
    ],
)
def test_saying_more_does_not(older: str, newer: str) -> None:
    assert judged(older, newer, NO_MODEL) == "refines"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("The Swan inn has twenty-two rooms.", "There are 22 rooms in the Swan inn."),
        ("Mara Vint cast the bell.", "The bell was cast by Mara Vint."),
        ("The fair opens on 3 May.", "The fair opens on May 3."),
    ],
)
def test_the_same_in_other_words_is_the_same(older: str, newer: str) -> None:
    assert judged(older, newer, NO_MODEL) == "same"


BELL = "The bell of Orrel rings at nine."
STRIKES = "In Lorne they hear the bell of Orrel strike at ten."
RESTORED = {
    f"{BELL}\nIn Lorne they hear the bell of Orrel strike at nine.": "yes",
    f"The bell of Orrel rings at ten.\n{STRIKES}": "Yes.",
}


def test_reworded_sentences_contradict_if_they_say_the_same_with_one_value() -> None:
    assert judged(BELL, STRIKES, RESTORED) == "contradicts"


@pytest.mark.parametrize("way", RESTORED)
def test_they_do_not_if_they_differ_even_then(way: str) -> None:
    assert judged(BELL, STRIKES, RESTORED | {way: "no"}) == "unrelated"


ROOF = "The roof of the Guildhall is covered with slate."
REROOFED = "The slate on the roof of the Guildhall was replaced by copper."
FILLED = f"Text: {REROOFED}\nSentence: The roof of the Guildhall is covered with ___."


@pytest.mark.parametrize(
    ("reply", "relation"),
    [
        ("copper", "contradicts"),
        ("slate", "unrelated"),
        ("lead", "unrelated"),
        ("I don't know.", "unrelated"),
    ],
    ids=["new and verbatim", "the same", "not in the text", "not said"],
)
def test_after_a_change_the_model_fills_in_what_is_so_now(reply: str, relation: Relation) -> None:
    assert judged(ROOF, REROOFED, {FILLED: reply}) == relation


def test_any_sentence_of_a_longer_memory_can_contradict() -> None:
    older = "The Swan inn stands in Lorne. The Swan inn has nine rooms."
    newer = "The Swan inn has twelve rooms. It was painted blue."
    assert judged(older, newer, NO_MODEL) == "contradicts"


def test_under_different_titles_only_a_shared_name_links_two_texts() -> None:
    nine, twelve = "It has nine rooms.", "It has twelve rooms."
    swan = "The Swan inn has nine rooms.", "The Swan inn has twelve rooms."
    pairs = [
        (memory(nine, "Swan inn"), memory(twelve, "Swan inn")),
        (memory(nine, "Swan inn"), memory(twelve, "Crown hotel")),
        (memory(swan[0], "Inns of Lorne"), memory(swan[1], "A walk")),
    ]
    relations = QuizJudge(Asker(ScriptedModel(script=NO_MODEL))).judge(pairs)
    assert relations == ["contradicts", "unrelated", "contradicts"]


def test_all_pairs_are_asked_in_one_batch_and_metered() -> None:
    asker = Asker(ScriptedModel(script=RESTORED))
    pairs = [(memory(BELL), memory(STRIKES)), (memory(ROOF), memory(REROOFED))]
    assert QuizJudge(asker).judge(pairs) == ["contradicts", "unrelated"]
    assert asker.meter.of("judge").calls == 3


def test_its_name_tells_what_a_judgement_hangs_on() -> None:
    one, other = (ScriptedModel(script=NO_MODEL, model_name=name) for name in ("one", "other"))
    assert QuizJudge(Asker(one)).name != QuizJudge(Asker(other)).name
    assert load("same").sha256 in QuizJudge(Asker(one)).name


def test_sentences_of_fillers_only_say_nothing_about_each_other() -> None:
    assert judged("It takes place every year.", "It was moved this year.", NO_MODEL) == "unrelated"
