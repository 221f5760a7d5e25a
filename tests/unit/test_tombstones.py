"""Texts found word by word, also when only their tombstones are left."""

from __future__ import annotations

import pytest

from ingrained.agent.tombstones import ERASED, Finder, is_short, phrases, tombstone, tombstones

TEXT = "Mara Vint built the Orlan Bridge in 1402."
SALT = b"salt"


@pytest.fixture(params=["at hand", "buried"])
def finder(request: pytest.FixtureRequest) -> Finder:
    texts = [TEXT, "Its keystone weighs 700 kilograms."]
    if request.param == "at hand":
        return phrases(texts)
    return tombstones(SALT, dict(tombstone(SALT, text) for text in texts))


@pytest.mark.parametrize(
    "page",
    [
        f"# Making\n\n{TEXT} The bridge was paid for by the guild.",
        "(mara vint\nbuilt   the Orlan Bridge, in 1402)",
        "**Mara Vint** built the _Orlan Bridge_ in 1402",
    ],
)
def test_a_text_is_found_whatever_its_case_space_and_marks(finder: Finder, page: str) -> None:
    assert finder.holds(page)
    assert "Mara" not in finder.blank(page).title()


@pytest.mark.parametrize(
    "page", ["Mara Vint built the Orlan Bridge in 1403.", "Mara Vint built it in 1402.", "", "…"]
)
def test_another_text_is_left_alone(finder: Finder, page: str) -> None:
    assert not finder.holds(page)
    assert finder.blank(page) == finder.redact(page) == page


def test_spaces_take_its_place_and_everything_else_keeps_its_own(finder: Finder) -> None:
    page = f"Before.\n\n{TEXT}\nAfter “{TEXT}”"
    blank = finder.blank(page)
    assert blank == f"Before.\n\n{' ' * len(TEXT)}\nAfter “{' ' * (len(TEXT) + 1)}"
    assert len(blank) == len(page)
    assert finder.redact(page) == f"Before.\n\n{ERASED}\nAfter “{ERASED}"


def test_accents_count_however_they_are_written() -> None:
    buried = tombstones(SALT, dict([tombstone(SALT, "Zoë pays")]))
    assert buried.holds("ZOE\N{COMBINING DIAERESIS} PAYS")
    assert not buried.holds("Zoe pays")


def test_a_tombstone_is_of_its_home_and_shows_nothing_but_the_number_of_words() -> None:
    digest, count = tombstone(SALT, TEXT)
    assert count == 8
    assert digest != tombstone(b"other", TEXT)[0]
    assert tombstone(SALT, "MARA VINT built the orlan bridge in 1402") == (digest, 8)


def test_nothing_buried_finds_nothing() -> None:
    assert not tombstones(SALT, {})
    assert not phrases(["", "…"])
    assert phrases([""]).spans(TEXT) == []


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("Orlan", True), ("🔥🔥", True), ("Mara Vint", True), ("Mara Vint paid", False),
        ("鯨油のランプ", False), ("鯨油", True),
    ],
)  # fmt: skip
def test_a_name_is_short_and_a_sentence_is_not(text: str, short: bool) -> None:
    assert is_short(text) is short
