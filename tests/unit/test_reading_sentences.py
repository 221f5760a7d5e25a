"""Sentence spans: where a sentence ends, and where it only looks as if it did."""

from __future__ import annotations

import time

import pytest

from ingrained.agent.reading.sentences import sentences


def cut(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "whole",
    [
        "The bridge was opened on 12 May 1204 by Dr. Ames.",
        "Dr. A. B. Smith and J. R. Doe paid 3.5 marks, e.g. in gold.",
        "See Fig. 3 in Vol. 2, pp. 14-16, cf. No. 5 of the list.",
        "The U.S. Army met St. John's Co. Ltd. in Washington D.C. last spring.",
        "Yahoo! was founded in Santa Clara.",
        '"Did he?" she said.',
        "Version 1.2.3 weighs 3.5 kg.",
        "Smith et al. 2019 measured it on Sept. 4 at noon.",
        "1. Fill the tank before the first start.",
    ],
)
def test_one_sentence_stays_whole(whole: str) -> None:
    assert cut(whole) == [whole]


def test_a_year_may_end_a_sentence() -> None:
    assert cut("It was built in 1204. Floods took it in 1342.") == [
        "It was built in 1204.",
        "Floods took it in 1342.",
    ]


def test_an_abbreviation_ends_a_sentence_before_a_word_that_opens_one() -> None:
    assert cut("He lived in Washington D.C. The house stands.") == [
        "He lived in Washington D.C.",
        "The house stands.",
    ]


def test_quotes_brackets_and_footnotes_belong_to_the_sentence_they_close() -> None:
    assert cut('He said "Go." Then he left.[12] (He came back.) End.') == [
        'He said "Go."',
        "Then he left.[12]",
        "(He came back.)",
        "End.",
    ]


def test_scripts_without_spaces_are_cut_at_their_own_marks() -> None:
    assert cut("日本語です。次の文。") == ["日本語です。", "次の文。"]
    assert cut("كيف الحال؟ بخير.") == ["كيف الحال؟", "بخير."]


def test_a_wrapped_line_goes_on_and_a_list_item_does_not() -> None:
    wrapped = "The bridge over the river Nim was built by the monks of\nSaint Odo in 1204."
    assert cut(wrapped) == [wrapped]
    assert cut("Bring:\n- a rope\n- two lamps\n\nThen climb") == [
        "Bring:",
        "- a rope",
        "- two lamps",
        "Then climb",
    ]


@pytest.mark.parametrize("unit", [".'", "...x", "[1]", ". ", "e.g.", "1204. X ", '"(' * 3, "\n"])
def test_hostile_text_is_cut_in_linear_time(unit: str) -> None:
    text = unit * (100_000 // len(unit)) + "x"
    started = time.perf_counter()
    spans = sentences(text)
    assert time.perf_counter() - started < 5
    assert spans[-1][1] == len(text)
    assert all(text[start:end].strip() == text[start:end] for start, end in spans)


def test_a_long_run_of_marks_is_scanned_once() -> None:
    started = time.perf_counter()
    assert sentences("." * 200_000 + "x") == [(0, 200_001)]
    assert time.perf_counter() - started < 2


def test_nothing_but_space_has_no_sentence() -> None:
    assert sentences("") == sentences(" \n\t ") == []
