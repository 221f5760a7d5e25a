"""What repeats recalled text is recognised, and what adds anything is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.memory.echoes import Echoes, telling

FREEZES = "The harbour of Lorne freezes every February."
OWES = "Ana Vint of Teskow owes Ben Orr of Lorne nine coins since the winter."
WORDS = st.sampled_from(
    "heron mill Teskow barley 1702 wheel never roof Pip nine the of and".split()
)
TEXTS = st.lists(WORDS, min_size=3, max_size=14).map(" ".join)


@given(st.lists(TEXTS, min_size=1, max_size=4), st.data())
def test_any_stretch_of_a_recalled_text_is_an_echo(texts: list[str], data: st.DataObject) -> None:
    words = data.draw(st.sampled_from(texts)).split()
    start = data.draw(st.integers(0, len(words) - 1))
    end = data.draw(st.integers(start + 1, len(words)))
    assert Echoes(texts).covers(" ".join(words[start:end]))


@given(TEXTS, st.sampled_from(["Quaspeth", "1831", "not", "thunder"]), st.integers(0, 20))
def test_one_new_name_number_denial_or_content_word_makes_it_no_echo(
    text: str, new: str, place: int
) -> None:
    words = text.split()
    words.insert(place % (len(words) + 1), new)
    assert not Echoes([text]).covers(" ".join(words))


@given(st.lists(TEXTS, max_size=3), TEXTS, TEXTS)
def test_what_is_an_echo_stays_one_when_more_is_recalled(
    recalled: list[str], more: str, text: str
) -> None:
    if Echoes(recalled).covers(text):
        assert Echoes([*recalled, more]).covers(text)


@given(TEXTS, TEXTS)
def test_case_punctuation_and_spaces_make_no_difference(recalled: str, text: str) -> None:
    dressed = "  " + text.upper().replace(" ", ",\n ") + "!"
    assert Echoes([recalled]).covers(dressed) == Echoes([recalled]).covers(text)
    assert Echoes([recalled]).share(dressed) == Echoes([recalled]).share(text)


@given(st.lists(st.text(max_size=30), max_size=3), st.text(max_size=40))
def test_any_text_has_a_share_between_none_and_all(recalled: list[str], text: str) -> None:
    assert 0.0 <= Echoes(recalled).share(text) <= 1.0


def test_two_recalled_texts_in_one_sentence_are_an_echo() -> None:
    recalled = [FREEZES, "The pilots of Lorne are paid in rye."]
    assert Echoes(recalled).covers(f"{FREEZES[:-1]} and {recalled[1].lower()}")


def test_words_about_the_talk_itself_say_nothing_new() -> None:
    assert Echoes([FREEZES]).covers("User was told: the harbour of Lorne freezes every February")


@pytest.mark.parametrize(
    "text",
    [
        "The harbour of Lorne freezes every March.",
        "The harbour of Lorne never freezes every February.",
        "The harbour of Teskow freezes every February.",
    ],
)
def test_a_correction_is_no_echo(text: str) -> None:
    assert not Echoes([FREEZES]).covers(text)


def test_the_same_words_the_other_way_round_are_no_echo() -> None:
    assert not Echoes([OWES]).covers(
        "Ben Orr owes Ana Vint nine coins of Lorne since Teskow winter"
    )


def test_long_numbers_count_in_full() -> None:
    assert not Echoes(["The mine gave 1000001 pearls."]).covers("The mine gave 1000002 pearls.")


def test_nothing_echoes_where_nothing_was_recalled() -> None:
    assert not Echoes([]).covers("The harbour freezes.")
    assert Echoes([]).covers(" … ")


def test_what_tells_something_is_content_numbers_and_denials() -> None:
    assert telling("The 38 jars were not sealed") == {"38", "jars", "not", "seale"}
