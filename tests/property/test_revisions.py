"""Revising memories: what holds for any text and any edit."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from ingrained.memory.aligning import Alignment, Words
from ingrained.memory.records import Memory, Span, sha256
from ingrained.memory.revising import revise

TEXTS = st.text(alphabet="aAbß  \n.,é", max_size=60)
SENTENCES = st.lists(
    st.lists(
        st.sampled_from("the a bridge mill salt old new wide".split()), min_size=1, max_size=5
    ),
    min_size=1,
    max_size=8,
)


def memory(text: str, start: int, end: int, id_: str = "1", **fields: str) -> Memory:
    span = Span(
        document="d", version=fields.get("version", sha256(text)), start=start, end=end,
        quote=text[start:end], quote_sha256=sha256(text[start:end]),
    )  # fmt: skip
    return Memory(id=id_, text=f"memory {id_}", spans=(span,))


@st.composite
def memories(draw: st.DrawFn, text: str) -> list[Memory]:
    """Memories that quote any stretches of a text."""
    places = st.lists(st.tuples(*[st.integers(0, len(text))] * 2), max_size=5)
    return [
        memory(text, min(place), max(place), str(number))
        for number, place in enumerate(draw(places))
    ]


@given(st.data())
def test_an_unchanged_text_keeps_all_as_they_are(data):
    text = data.draw(TEXTS.filter(bool))
    all_of_them = data.draw(memories(text))
    for old_text in (text, None):
        result = revise(
            all_of_them, document="d", version=sha256(text), text=text, old_text=old_text
        )
        assert result.kept == tuple(all_of_them)
        assert not result.gone


@given(st.data())
def test_every_span_of_a_result_quotes_the_new_text_to_the_character(data):
    old, new = data.draw(TEXTS), data.draw(TEXTS)
    old_text = data.draw(st.sampled_from([old, None]))
    given_ones = data.draw(memories(old))
    result = revise(given_ones, document="d", version=sha256(new), text=new, old_text=old_text)
    for one in result.changed:
        for span in one.spans:
            assert span.quote == new[span.start : span.end]
            assert (span.version, span.quote_sha256) == (sha256(new), sha256(span.quote))
    for place in filter(None, result.replaced.values()):
        assert 0 <= place[0] < place[1] <= len(new)
    assert len(result.kept) + len(result.gone) == len(given_ones)
    for one in result.gone:
        assert one.spans[0].quote not in new or not one.spans[0].quote


@given(SENTENCES, st.data())
def test_an_edit_of_one_sentence_touches_only_what_overlaps_it(drawn, data):
    parts = [" ".join(words).capitalize() + f" {n}." for n, words in enumerate(drawn)]
    text = " ".join(parts)
    number = data.draw(st.integers(0, len(parts) - 1))
    edited = " ".join([*parts[:number], "Quite another thing.", *parts[number + 1 :]])
    start = len(" ".join([*parts[:number], ""])) if number else 0
    end = start + len(parts[number])
    ends = [0, *(len(" ".join(parts[: n + 1])) for n in range(len(parts)))]
    places = [(a, b) for i, a in enumerate(ends) for b in ends[i + 1 :]]
    given_ones = [memory(text, a, b, f"{a}-{b}") for a, b in places]

    result = revise(given_ones, document="d", version=sha256(edited), text=edited, old_text=text)

    gone = {one.id for one in result.gone}
    assert gone == {f"{a}-{b}" for a, b in places if a < end and start < b}
    for place in filter(None, (result.replaced[one] for one in gone)):
        assert "Quite another thing." in edited[slice(*place)]


@given(st.data())
def test_places_keep_the_order_of_the_words_and_equal_texts_their_places(data):
    words = st.lists(st.sampled_from("abcdefgh"), max_size=30).map(" ".join)
    old, new = Words(data.draw(words)), Words(data.draw(words))
    alignment = Alignment(old, new)
    places = [alignment.place(n, n + 1) for n in range(len(old.keys))]
    assert all(0 <= a <= b <= len(new.keys) for a, b in places)
    assert all(one[0] <= other[0] for one, other in itertools.pairwise(places))
    for number, (first, last) in enumerate(places):
        if old.keys == new.keys:
            assert (first, last) == (number, number + 1)
