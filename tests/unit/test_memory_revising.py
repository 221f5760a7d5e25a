"""A new version of a document: what stays, what moves, what is superseded and by which new text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from ingrained.memory.records import Memory, Span, sha256
from ingrained.memory.revising import Revision, revise

PAGE = """# The Orlan Bridge

Mara Vint built the Orlan Bridge in 1402. The salt guild of Teskow paid for it.

It has nine arches. Its keystone weighs 700 kilograms.
"""
BUILT = "Mara Vint built the Orlan Bridge in 1402."
PAID = "The salt guild of Teskow paid for it."
ARCHES = "It has nine arches."
STONE = "Its keystone weighs 700 kilograms."


def span(quote: str, text: str = PAGE, document: str = "bridge.md", start: int = -1) -> Span:
    begin = text.index(quote) if start < 0 else start
    return Span(
        document=document, version=sha256(text), start=begin, end=begin + len(quote),
        quote=quote, quote_sha256=sha256(quote),
    )  # fmt: skip


def memory(quote: str, *more: Span, text: str = PAGE, **fields: Any) -> Memory:
    return Memory(id=quote, text=quote, spans=(span(quote, text), *more), **fields)


def revised(memories: Sequence[Memory], text: str, old: str | None = PAGE) -> Revision:
    return revise(
        memories, document="bridge.md", version=sha256(text), text=text, old_text=old
    )  # fmt: skip


ALL = [memory(BUILT), memory(PAID), memory(ARCHES), memory(STONE)]


def texts(memories: Sequence[Memory]) -> list[str]:
    return [one.text for one in memories]


def stretch(revision: Revision, text: str, memory_id: str) -> str | None:
    place = revision.replaced[memory_id]
    return None if place is None else text[slice(*place)]


def test_an_edit_supersedes_only_what_quotes_the_edited_sentence():
    text = PAGE.replace("nine arches", "eleven arches")
    result = revised(ALL, text)

    assert texts(result.gone) == [ARCHES]
    assert texts(result.kept) == [BUILT, PAID, STONE]
    assert stretch(result, text, ARCHES) == "It has eleven arches."
    for one in result.kept:
        (place,) = one.spans
        assert (text[place.start : place.end], place.version) == (one.text, sha256(text))
        assert place.quote_sha256 == sha256(place.quote)


def test_what_was_deleted_is_replaced_by_nothing():
    result = revised(ALL, PAGE.replace(f" {PAID}", ""))
    assert texts(result.gone) == [PAID]
    assert result.replaced == {PAID: None}


def test_a_deleted_sentence_does_not_lay_hold_of_an_edited_neighbour():
    text = PAGE.replace(f"{BUILT} {PAID}", "The silk guild of Teskow paid for it.")
    result = revised(ALL, text)
    assert texts(result.gone) == [BUILT, PAID]
    assert stretch(result, text, PAID) == "The silk guild of Teskow paid for it."
    assert result.replaced[BUILT] is None


def test_a_sentence_that_shares_no_word_with_the_old_one_stands_in_its_place():
    text = PAGE.replace(STONE, "Two lions guard either end!")
    assert stretch(revised(ALL, text), text, STONE) == "Two lions guard either end!"


@pytest.mark.parametrize(
    "text",
    [PAGE.replace(" ", "\n"), PAGE.replace("\n\n", "\n\n\n\n"), PAGE.upper(), PAGE.title()],
)
def test_white_space_and_capitals_change_no_quote(text):
    result = revised(ALL, text)
    assert len(result.kept) == len(ALL)
    for before, after in zip(ALL, result.kept, strict=True):
        (place,) = after.spans
        assert place.quote == text[place.start : place.end]
        assert place.quote.casefold().split() == before.text.casefold().split()
        assert (after.id, after.text) == (before.id, before.text)


def test_of_equal_sentences_each_keeps_its_own():
    old = "# One\n\nIt is old.\n\n# Two\n\nIt is old.\n\n# Three\n\nIt is old.\n"
    places = [at for at in range(len(old)) if old.startswith("It is old.", at)]
    three = [
        Memory(id=str(at), text="It is old.", spans=(span("It is old.", old, start=at),))
        for at in places
    ]
    text = old.replace("# One\n\nIt is old.\n\n", "# Zero\n\nIt is new.\n\nIt is young.\n\n")
    result = revise(three, document="bridge.md", version=sha256(text), text=text, old_text=old)
    kept = {one.id: one.spans[0].start for one in result.kept}
    second, third = text.index("It is old."), text.rindex("It is old.")
    assert (kept[str(places[1])], kept[str(places[2])]) == (second, third)


@pytest.mark.parametrize(("start", "expected"), [(0, 0), (25, 22), (13, 11)])
def test_without_the_old_text_the_nearest_place_counts(start, expected):
    text = "It is old. It is old. It is old."
    one = Memory(id="1", text="It is old.", spans=(span("It is old.", text, start=start),))
    one = replace(one, spans=(replace(one.spans[0], version="older"),))
    (kept,) = revised([one], text, None).kept
    assert kept.spans[0].start == expected


def test_words_that_stand_everywhere_are_found_at_their_nearest_place_too():
    text = "tick tock. " * 2000 + "tock tick. " + "tick tock. " * 2000
    one = Memory(id="1", text="tock tick.", spans=(span("tock tick.", text),))
    shorter = text.replace("tock tick. ", "Tock  tick. ").removeprefix("tick tock. ")
    (kept,) = revised([one], shorter, None).kept
    assert kept.spans[0].quote == "Tock  tick."


def test_without_the_old_text_nothing_is_known_to_be_replaced():
    result = revised(ALL, PAGE.replace("nine", "ten"), None)
    assert result.replaced == {ARCHES: None}


def test_a_memory_that_another_document_bears_out_loses_one_span_only():
    elsewhere = span(ARCHES, ARCHES, "guide.md")
    result = revised([memory(ARCHES, elsewhere)], PAGE.replace("nine", "ten"))
    (thinned,) = result.thinned
    assert thinned.spans == (elsewhere,)
    assert not result.gone
    assert not result.replaced


def test_what_rests_on_other_documents_is_left_out():
    other = Memory(id="1", text=ARCHES, spans=(span(ARCHES, ARCHES, "guide.md"),))
    assert revised([other], "Nothing of it.") == revised([], "Nothing of it.")


def test_a_forgotten_memory_follows_its_quote_and_is_never_superseded():
    gone, kept = (memory(one, status="forgotten") for one in (ARCHES, STONE))
    result = revised([gone, kept], "New: " + PAGE.replace("nine", "ten"))
    assert texts(result.kept) == [STONE]
    assert result.kept[0].status == "forgotten"
    assert not result.gone


def superseded(one: Memory, by: str = "") -> Memory:
    return replace(one, status="superseded", valid_to=9.0, superseded_by=by)


def test_the_same_revision_again_changes_nothing_and_names_what_was_replaced():
    text = PAGE.replace("nine", "eleven")
    first = revised(ALL, text)
    again = revised([*first.kept, *map(superseded, first.gone)], text)
    assert again.changed == first.changed
    assert again.gone == ()
    assert again.replaced == first.replaced


def test_a_text_that_comes_back_brings_its_memory_back():
    edited = PAGE.replace("nine", "eleven")
    newer = memory("It has eleven arches.", text=edited)
    old = superseded(memory(ARCHES), by=newer.id)
    result = revise(
        [old, newer], document="bridge.md", version=sha256(PAGE), text=PAGE, old_text=edited
    )
    assert result.returned == (memory(ARCHES),)
    assert result.gone == (newer,)
    assert stretch(result, PAGE, newer.id) == ARCHES


def test_what_something_else_took_the_place_of_does_not_come_back():
    edited = PAGE.replace("nine", "eleven")
    contradicted = superseded(memory(ARCHES), by="a memory of another document")
    assert not revised([contradicted], PAGE, edited).returned


def test_what_was_superseded_while_its_quote_stood_there_does_not_come_back():
    outdated = superseded(memory(ARCHES))
    result = revised([outdated], "Foreword. " + PAGE)
    assert not result.returned
    assert result.kept[0].status == "superseded"


def test_a_quote_may_begin_inside_a_word():
    text = PAGE.replace("It has nine arches.", "It had nineteen arches.")
    cut = memory("teen arches", text=text)
    longer = text.replace("nineteen", "the nineteen")
    (kept,) = revised([cut], longer, text).kept
    assert kept.spans[0].start == longer.index("teen arches")
    assert revised([cut], PAGE, text).gone == (cut,)


def test_a_document_that_was_emptied_keeps_nothing():
    whole = Memory(id="1", text="A note.", spans=(span("", PAGE, start=0),))
    assert revised([whole], PAGE + "More.").kept
    assert len(revised([*ALL, whole], "").gone) == 5


ACCENTED = "Zoë Müller paid. Ångström ≠ 한국. がぎぐの橋は高い。"
QUOTES = ("Zoë Müller paid.", "Ångström ≠ 한국.", "ぎぐの橋", "橋は高い。")


@pytest.mark.parametrize(("old", "new"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_another_normal_form_changes_no_quote(old, new):
    before, after = (unicodedata.normalize(form, ACCENTED) for form in (old, new))
    quotes = [unicodedata.normalize(old, quote) for quote in QUOTES]
    result = revised([memory(one, text=before) for one in quotes], after, before)
    kept = [one.spans[0] for one in result.kept]
    assert [unicodedata.normalize(old, span.quote) for span in kept] == quotes
    assert all(after[span.start : span.end] == span.quote for span in kept)


def test_an_accent_makes_another_word_in_either_normal_form():
    for form in ("NFC", "NFD"):
        text, accented = "Zoe paid.", unicodedata.normalize(form, "Zoë paid.")
        assert revised([memory(text, text=text)], accented, text).gone
