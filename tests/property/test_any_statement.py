"""Statements, for any reply and any memories: nothing from nowhere, nothing twice, nothing beyond the budget."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.grading import contains, words
from ingrained.agent.quizzing import figures
from ingrained.agent.recalling import Source
from ingrained.agent.stating import Statement, checked, lines, select, statements_in
from ingrained.agent.tasks.likeness import ALIKE, alike, rouge_l
from ingrained.memory.records import Memory
from ingrained.trainer.recipe import STATEMENT_KINDS

NAMES = ["Mara", "Vint", "Teskow", "Ashe", "Orlan", "May", "1402", "1403", "700", "nine", "dozen"]
PLAIN = ["built", "the", "bridge", "of", "salt", "in", "stands", "with", "arches", "not", "first"]
SENTENCES = st.lists(st.sampled_from(NAMES + PLAIN), min_size=4, max_size=14).map(
    lambda said: " ".join(said) + "."
)
STRICT = {*(name.lower() for name in NAMES if name != "nine"), "9", "not", "first"}
"""What a statement may only have from its source."""


@given(SENTENCES, st.lists(SENTENCES, min_size=1, max_size=3))
def test_what_is_let_pass_names_counts_dates_and_denies_nothing_of_its_own(
    said: str, notes: list[str]
) -> None:
    memories = tuple(Memory(id=f"m{n}", text=note) for n, note in enumerate(notes))
    source = Source(title="", topic="", text=" ".join(notes), document="d", memories=memories)
    made = checked("rewrite", said, source)
    told, there = (set(figures(words(text))) for text in (said, source.text))
    if not made.fault:
        assert told & STRICT <= there
        assert made.memories
    assert set(made.memories) <= {memory.id for memory in memories}


@given(st.text(max_size=300))
def test_any_reply_can_be_read_and_nothing_is_put_into_it(reply: str) -> None:
    there = words(reply)
    for one in statements_in(reply):
        assert words(one)
        assert "\n" not in one
        assert set(words(one)) <= set(there)
    assert all(line == line.strip() != "" for line in lines(reply))


STATEMENTS = st.lists(
    st.builds(
        Statement,
        kind=st.sampled_from(STATEMENT_KINDS),
        title=st.sampled_from(["Bridge", "Mill"]),
        text=SENTENCES,
        memories=st.lists(st.sampled_from("abc"), min_size=1, max_size=2, unique=True).map(tuple),
        fault=st.sampled_from(["", "", "", "names something else"]),
    ),
    max_size=20,
)


@given(STATEMENTS, st.lists(SENTENCES, max_size=2), st.integers(1, 4))
def test_what_is_chosen_keeps_every_promise(
    statements: list[Statement], sealed: list[str], most: int
) -> None:
    found = select(statements, sealed=sealed, withholds=lambda text: "700" in text, per_memory=most)
    kept = [one for one in found if not one.fault]

    assert Counter((one.kind, one.text, one.memories) for one in found) == Counter(
        (one.kind, one.text, one.memories) for one in statements
    ), "none is lost or made up"
    assert max(Counter(id_ for one in kept for id_ in one.memories).values(), default=0) <= most
    assert not any(contains(one.text, question) for one in kept for question in sealed)
    assert not any("700" in one.text for one in kept)
    for number, one in enumerate(kept):
        assert not alike(one.text, [x.text for x in kept[:number] if x.title == one.title])
    assert {one.text for one in kept} <= {one.text for one in statements if not one.fault}


@given(SENTENCES, st.lists(SENTENCES, max_size=4))
def test_the_short_cut_to_likeness_comes_to_the_same(text: str, others: list[str]) -> None:
    assert alike(text, others) is any(rouge_l(text, other) > ALIKE for other in others)
