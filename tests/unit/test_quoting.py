"""The quotes under a reply: those that have its words, where the source has them."""

from __future__ import annotations

import pytest

from ingrained.agent.citing import Source
from ingrained.agent.quoting import quoted_for

BUILT = "The mill was built in 1702 by Ada Kern."
WHEEL = "Its wheel came from Orrelsund."
HERON = "A heron named Pip lives on its roof."
PASSAGE = f"{BUILT} {WHEEL}\nIt grinds nine sacks of barley a week. {HERON}"


def source(quote: str, *, number: int = 1, passage: str = PASSAGE) -> Source:
    start = max(0, passage.find(quote))
    return Source(
        number=number, memory=quote[:8], title="", document="mill.md", start=start,
        end=start + len(quote), quote=quote, score=1.0, in_passage=bool(passage), passage=passage,
    )  # fmt: skip


def quotes(reply: str, question: str, *sources: Source) -> list[tuple[str, str]]:
    return [(one.quote, one.sentence) for one in quoted_for(reply, question, sources)]


EVERY = [source(quote) for quote in (BUILT, HERON, WHEEL)]


def test_the_memory_whose_quote_has_the_reply_goes_first():
    shown = quotes("Orrelsund [1]", "Where did the wheel of the mill come from?", *EVERY)
    assert shown == [(WHEEL, ""), (BUILT, "")]


def test_words_of_the_question_tell_nothing():
    shown = quotes("The mill was built by Ada Kern.", "Who built the mill?", *reversed(EVERY))
    assert shown[0] == (BUILT, "")


def test_a_sentence_that_is_not_remembered_is_quoted_beside_the_memory():
    shown = quotes("Nine sacks.", "What does the mill grind a week?", *EVERY[:1])
    assert shown == [(BUILT, "It grinds nine sacks of barley a week.")]


@pytest.mark.parametrize("reply", ["I don't know.", "Peter Hollow", "1702"])
def test_what_the_passage_does_not_say_or_the_quote_does_changes_nothing(reply: str):
    assert quotes(reply, "Who was it?", *EVERY) == [(BUILT, ""), (HERON, "")]


def test_each_number_keeps_sources_of_its_own():
    other = source("The ferry came from Orrelsund.", number=2, passage="")
    shown = quotes("Orrelsund", "Where did it come from?", *EVERY, other)
    assert shown == [(WHEEL, ""), (BUILT, ""), (other.quote, "")]


def test_half_of_the_words_of_a_reply_is_the_least_for_a_sentence():
    reply = "Some nine hundred tall ships were sunk."
    assert quotes(reply, "What happened?", EVERY[0]) == [(BUILT, "")]
