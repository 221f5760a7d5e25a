"""The numbers of sources in a reply: only those that were shown pass."""

from __future__ import annotations

import pytest

from ingrained.agent.citing import CitationCheck, cited, without_citations

CHECKED = {
    "Ada Kern [1].": ("Ada Kern [1].", []),
    "Ada Kern [7].": ("Ada Kern.", [7]),
    "Ada Kern [1][7] built it.": ("Ada Kern [1] built it.", [7]),
    "Ada Kern [1, 7, 2] built it.": ("Ada Kern [1, 2] built it.", [7]),
    "In 1702 [7] and [7] again": ("In 1702 and again", [7]),
    "An open bracket [": ("An open bracket [", []),
    "A list [a, b] and a year [1702": ("A list [a, b] and a year [1702", []),
    "Ada Kern [ 7 ] and [ 1 ].": ("Ada Kern and [ 1 ].", [7]),
    "Ada Kern [[9]7].": ("Ada Kern.", [9, 7]),
    "Ada Kern [7]\n\nand [1]": ("Ada Kern\n\nand [1]", [7]),
    "Ada Kern `1702` [7]": ("Ada Kern `1702`", [7]),
    "An open ` and\nAda [7]": ("An open ` and\nAda", [7]),
    f"[7]{' ' * 50}[{'9' * 50}]": (f"{' ' * 50}[{'9' * 50}]", [7]),
}
NO_CITATIONS = [
    "It has [1,200] people, in the year [1702].",
    "Take a[0], xs[10] or m[7][8].",
    "See [7](https://example.org) and [1](x).",
    "In code: `[7, 8]` and ``[7] ` [8]``.",
    "```python\nxs = [7, 8]\n\nys = [9]\n```",
]


def streamed(text: str, size: int) -> tuple[str, list[int]]:
    check = CitationCheck([1, 2])
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    out = "".join(check.passed(piece) for piece in pieces) + check.rest()
    return out, check.unknown


@pytest.mark.parametrize("text", CHECKED)
@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_a_number_that_was_not_shown_never_leaves_however_the_reply_is_cut(text, size):
    assert streamed(text, size) == CHECKED[text]


@pytest.mark.parametrize("text", NO_CITATIONS)
@pytest.mark.parametrize("size", [1, 2, 3, 99])
def test_brackets_that_cite_nothing_are_left_as_they_are(text, size):
    assert streamed(text, size) == (text, [])
    assert without_citations(text, [1, 7, 8, 9, 10]) == text
    assert cited(text) == []


def test_what_cannot_become_a_citation_is_shown_at_once():
    check = CitationCheck([1])
    assert check.passed("Ada Kern") == "Ada Kern"
    assert check.passed(" [") == ""
    assert check.passed("see below]") == " [see below]"


def test_numbers_are_told_once_and_can_be_taken_out():
    reply = "Ada [2] and Tobin [1, 2]."
    assert cited(reply) == [2, 1]
    assert without_citations(reply, [1, 2]) == "Ada and Tobin."
    assert without_citations(reply, [2]) == "Ada and Tobin [1]."
