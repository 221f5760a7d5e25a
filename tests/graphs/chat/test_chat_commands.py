"""What a person does in a conversation beside asking, and how it is taken back."""

from __future__ import annotations

import random
from typing import Any

import pytest
from chat_talk import DOG, MILL, long_talk

from ingrained.agent.citing import Answer, Source
from ingrained.agent.commands.chat_commands import obey
from ingrained.agent.conversing import Dialogue
from ingrained.agent.ui.answers import show_sources
from ingrained.errors import InputError
from ingrained.memory import Evidence, Memory

QUESTION = "Who built the mill at Teskow?"
LATER = "The mill at Teskow was built in 1703 by Ada Kern."


def unheard(_event: dict[str, Any]) -> None:
    """Listen to nothing."""


def dialogue(one: Any, **options: Any) -> Dialogue:
    return Dialogue(one.threads, one.context, **options)


@pytest.mark.parametrize("text", [MILL.upper(), f"{MILL[:-1]}!", f"  {MILL}"])
def test_a_correction_that_says_the_same_changes_nothing(talk, store, text):
    here = dialogue(talk())
    (source, *_) = here.ask(QUESTION, unheard).sources
    before = store.get(source.memory)
    with pytest.raises(InputError, match="says this already"):
        here.correct("1", text)
    assert store.get(source.memory) == before
    assert len(store.history(source.memory)) == 1
    with pytest.raises(InputError, match="nothing to take back"):
        here.undo()


def test_a_correction_says_who_corrected_what_everybody_reads(talk):
    here = dialogue(talk(user="bea"))
    here.ask(QUESTION, unheard)
    new = here.correct("1", LATER)[1].memory
    assert new.title == "corrected by bea on 2024-10-04"
    assert new.namespace == ("default",)


def test_a_correction_that_has_no_word_of_its_source_is_of_another(talk, store):
    here = dialogue(talk())
    (source, *_) = here.ask(QUESTION, unheard).sources
    with pytest.raises(InputError, match="no word in common"):
        here.correct("1", "My favourite colour is orange.")
    assert store.get(source.memory).status == "active"


def test_a_correction_can_be_corrected_back(talk, store):
    here = dialogue(talk())
    here.ask(QUESTION, unheard)
    old, noted = here.correct("1", LATER)
    here.ask(QUESTION, unheard)
    _, back = here.correct("1", MILL)
    assert (noted.outcome, back.outcome, back.memory.id) == ("replaced", "replaced", old.id)
    assert store.get(noted.memory.id).superseded_by == old.id

    here.undo()
    assert store.get(old.id).superseded_by == noted.memory.id
    here.undo()
    assert store.get(old.id).status == "active"
    assert store.get(noted.memory.id).status == "forgotten"


def test_a_correction_by_what_gave_way_to_another_leaves_nothing_of_itself(talk, store):
    here = dialogue(talk())
    here.ask(QUESTION, unheard)
    old, _ = here.correct("1", LATER)
    (sails,) = store.insert(
        [Memory(id="", text="The mill at Teskow has sails.")], who="study", why="a test"
    )
    here.last = Answer(
        question="What has it?", reply="sails", cell="memory", abstained=False,
        sources=(Source(number=1, memory=sails.id, title="", document="", start=0, end=0,
                        quote="sails", score=1.0),),
    )  # fmt: skip
    before = store.get(old.id)
    with pytest.raises(
        InputError, match="took the place of that: “The mill at Teskow was built in"
    ):
        here.correct("1", MILL)
    assert store.get(old.id) == before
    assert store.get(sails.id).status == "active"


def test_what_was_corrected_is_not_said_to_be_remembered_again(talk, store, capsys):
    here = dialogue(talk(lambda _: "Rex [1]"))
    obey(here, f"/remember {DOG}")
    here.ask("What is my dog called?", unheard)
    obey(here, "/correct 1 My dog is called Max.")
    capsys.readouterr()

    obey(here, f"/remember {DOG}")
    out = capsys.readouterr().out
    assert out.startswith("Not kept, for in its place stands ")
    assert out.endswith(": My dog is called Max.\n")


def test_forgetting_twice_is_one_change(talk, store):
    here = dialogue(talk())
    (source, *_) = here.ask(QUESTION, unheard).sources
    here.forget("1")
    with pytest.raises(InputError, match="forgotten already"):
        here.forget("1")
    here.undo()
    assert store.get(source.memory).status == "active"
    with pytest.raises(InputError, match="nothing to take back"):
        here.undo()


def test_what_went_with_a_memory_comes_back_with_it(talk, store):
    mill = next(one for one in store.list() if one.text == MILL)
    made = Memory(id="", text="Ada Kern built mills.", kind="insight", derived_from=(mill.id,))
    (made_of_it,) = store.insert([made], who="study", why="a test")
    here = dialogue(talk())
    sources = here.ask(QUESTION, unheard).sources
    here.forget(str(next(one.number for one in sources if one.memory == mill.id)))
    assert store.get(made_of_it.id).status == "stale"
    here.undo()
    assert store.get(made_of_it.id).status == "active"


def test_an_answer_whose_summary_was_cut_short_is_an_answer(talk):
    one = long_talk(talk)
    script = one.model.script

    def cut(prompt: str) -> str:
        if prompt.startswith("Sum up"):
            raise KeyboardInterrupt
        return str(script(prompt))

    one.model.script = cut
    here = dialogue(one)
    assert here.ask("Who built the mill at Teskow? " * 9, unheard).reply == "Ada Kern"
    assert here.last is not None
    assert here.turns()[-1]["agent"] == "Ada Kern"


def test_the_quiz_asks_by_chance_of_all_that_was_tried(talk, store):
    questions = {f"What is {number}?" for number in range(4)}
    for question in questions:
        tried = Evidence(question=question, answer="x", passed_before=False, passed_after=True)
        text = f"The answer to {question} is x."
        store.insert([Memory(id="", text=text, evidence=(tried,))], who="study", why="a test")
    here = dialogue(talk(), chance=random.Random(0))
    assert {here.pose().question for _ in range(40)} == questions


WHOLE = "The mill at Teskow, built in 1702, grinds nine sacks a week."
PART = "built in 1702, grinds nine sacks"


@pytest.fixture
def folded(talk, store):
    """A conversation whose last answer rests on two memories, the best one quoted within the other."""
    part, whole = store.insert(
        [Memory(id="", text=PART), Memory(id="", text=WHOLE)], who="study", why="a test"
    )
    start = WHOLE.index(PART)
    spans = [(part.id, start, PART), (whole.id, 0, WHOLE)]
    here = dialogue(talk())
    here.last = Answer(
        question=QUESTION, reply="1702", cell="memory", abstained=False,
        sources=tuple(
            Source(number=1, memory=id_, title="", document="mill.md", start=at,
                   end=at + len(quote), quote=quote, score=1.0)
            for id_, at, quote in spans
        ),
    )  # fmt: skip
    return here, part.id, whole.id


def test_a_number_names_the_memory_that_is_shown_under_it(folded, store, capsys):
    here, part, whole = folded
    show_sources(here.last, apart=True)
    assert capsys.readouterr().out.count("[1") == 1, "the other one is folded within it"

    old, _ = here.correct("1", "The mill at Teskow was built in 1703.")
    assert (old.id, store.get(part).status) == (whole, "active")


@pytest.mark.parametrize("command", ["/correct 1 The mill was built in 1703.", "/forget 1"])
def test_what_stays_unseen_within_a_source_is_named(folded, store, capsys, command):
    here, part, whole = folded
    obey(here, command)
    out, err = capsys.readouterr()
    told = " ".join(out.split())
    assert f"{whole}: {WHOLE}" in told, "what was changed"
    assert f"Within it [1.2] still holds: {part}: {PART}" in told
    assert "/forget 1.2" in err

    obey(here, "/forget 1.2")
    assert store.get(part).status == "forgotten"
    assert "still holds" not in capsys.readouterr().out
