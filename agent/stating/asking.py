"""The prompts that ask for statements, and what a reply to one holds.

What to ask for is from SEAL (arXiv 2506.10943: implications), Active Reading (arXiv 2508.09494: the
model names a way to study a text, then studies by it) and rephrasing in several styles (arXiv
2508.06178). No prompt has an example, since a small model copies it.
"""

from __future__ import annotations

import re

from ingrained.agent.grading import words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.reading.sentences import sentences
from ingrained.agent.recalling import Source, shown

from .pairing import Pair

STYLES = ("in plain words", "as an encyclopaedia would put it", "as short notes")
"""How a text is to be rewritten, one after the other."""
WAY_WORDS = 24
"""Most words of a way to study that are handed on."""

_MARK = re.compile(r"^[\s>]*(?:(?:\d{1,3}[.)]|[-*•–])\s+)*")  # noqa: RUF001
_HEADING = re.compile(r"^#{1,6}\s")
_LEADS_IN = re.compile(
    r"^(?:here|sure|certainly|of course|okay|ok|yes|below|the following|statements?|in plain words)\b[^:]*:\s*",
    re.IGNORECASE,
)
"""What a model says before it states anything, up to its colon."""
_CLOSING = '.!…。！)"”»'  # noqa: RUF001


def implication_prompt(title: str, text: str) -> Messages:
    """Ask what follows from a text."""
    return load("implications").render(title=title, text=text)


def rewrite_prompt(source: Source, style: str) -> Messages:
    """Ask for a text in another style, of `STYLES`."""
    return load("rewrite").render(title=source.title, text=source.text, style=style)


def way_prompt(source: Source) -> Messages:
    """Ask how the model would study a text."""
    return load("way_to_study").render(title=source.title, text=source.text)


def strategy_prompt(source: Source, way: str) -> Messages:
    """Ask for what a text says, studied in the way that the model named."""
    return load("study_by_way").render(title=source.title, text=source.text, way=way)


def link_prompt(pair: Pair) -> Messages:
    """Ask for one sentence that joins two facts; each is one line, whatever its text says."""
    one, other = (shown("", memory.text) for memory in pair.memories)
    return load("link").render(title=pair.title, one=one, other=other)


def lines(reply: str) -> list[str]:
    """Return the lines of a reply that are not empty, without the space around them."""
    return [line.strip() for line in reply.splitlines() if line.strip()]


def way_in(reply: str) -> str:
    """Return the way to study that a reply names: its first line, or nothing."""
    said = next((line for one in lines(reply) if words(line := _bare(one))), "")
    return " ".join(said.split()[:WAY_WORDS])


def statements_in(reply: str) -> list[str]:
    """Return the sentences of a reply, line by line, without what numbers or frames them.

    Headings, and lines that only lead over to others ("The text says:"), are none; what leads in on the
    same line ("Here it is: ...") is left out. A last line without a closing mark was cut short, unless it
    is a heading or leads over.
    """
    found = [_sentences(line) for line in lines(reply)]
    if found and not reply.rstrip().rstrip("*_").endswith(tuple(_CLOSING)):
        found[-1] = found[-1][:-1]
    return [one for line in found for one in line if words(one)]


def _sentences(line: str) -> list[str]:
    bare = _LEADS_IN.sub("", _bare(line))
    if _HEADING.match(line) or bare.endswith(":"):
        return []
    return [bare[start:end] for start, end in sentences(bare)]


def _bare(line: str) -> str:
    return " ".join(_MARK.sub("", line).replace("**", "").split()).strip('"“” ')
