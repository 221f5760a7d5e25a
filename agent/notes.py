"""Candidate notes: the sentences of a passage, with the exact span each stands on."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .reading.passages import sentences

_LEANS = re.compile(
    r"(he|she|it|they|his|her|its|their|this|that|these|those|there|both|another|the latter|"
    r"the former|since then|at that time)\b",
    re.IGNORECASE,
)
_MIN_WORDS = 4


@dataclass(frozen=True, kw_only=True)
class Note:
    """A stretch of a passage that may become a memory."""

    text: str
    start: int
    """First character, counted in the passage."""
    end: int
    focus: int
    """Where the note's own sentence begins in `text`; before it stands what it leans on."""


def candidate_notes(passage: str, *, max_chars: int = 400) -> list[Note]:
    """Cut a passage into notes of one sentence, or two when the second leans on the first.

    A sentence that begins with a pronoun says nothing alone, so its note reaches back over the
    sentence before it. The text of a note is always a verbatim stretch of the passage.
    """
    notes: list[Note] = []
    previous = None
    for start, end in sentences(passage):
        text = passage[start:end]
        leans = previous is not None and _LEANS.match(text) is not None
        first = (
            previous if leans and previous is not None and end - previous <= max_chars else start
        )
        if len(text.split()) >= _MIN_WORDS:
            notes.append(Note(text=passage[first:end], start=first, end=end, focus=start - first))
        previous = start
    return notes
