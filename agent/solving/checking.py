"""Checks of free replies that need no model: invented names, copies, one sentence of many.

A small model says more than it was asked, makes things up and repeats the examples of its prompt.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ingrained.agent.grading import ABSTENTION, words
from ingrained.agent.prompts import load
from ingrained.agent.quizzing import figures
from ingrained.agent.reading.sentences import sentences
from ingrained.memory.echoes import Echoes
from ingrained.memory.lexical import STOP_WORDS

_NAME = re.compile(r"\b[^\W\d_a-zß-öø-ÿ][\w\u2019'-]*")
_LABEL = re.compile(
    r"^\W*(?:advice|answer|claim|lesson|note|rationale|reason|review|summary)\s*\d*\s*:\s*",
    re.IGNORECASE,
)
_AMBIGUOUS = frozenset(["one", "s", "t"])
"""A pronoun as often as a number, and what is left of "it's" and "don't"."""


def first_sentence(reply: str) -> str:
    """Return the first sentence of a reply in one line, without label and quotation marks."""
    line = next((one for one in reply.splitlines() if words(_LABEL.sub("", one))), "")
    bare = " ".join(_LABEL.sub("", line).split()).strip(' *"“”')
    start, end = next(iter(sentences(bare)), (0, 0))
    return bare[start:end].rstrip('"”')


def invents(text: str, sources: Iterable[str], *, opening: bool = True) -> bool:
    """Return whether a text has a name or a number that stands in none of the sources.

    Args:
        text: One sentence.
        sources: Where its names and numbers have to come from.
        opening: Whether its first word, which is capitalised in any case, counts as a name unless
            it is a common word. That drops good sentences that open with a verb of their own.
    """
    there = {word for source in sources for word in figures(words(source))}
    names = _NAME.findall(text if opening else text.partition(" ")[2])
    named = {word for name in names for word in words(name)}
    counted = {word for word in words(text) if any(letter.isdigit() for letter in word)}
    spelt = {word for word in words(text) if figures([word])[0].isdigit()} - _AMBIGUOUS
    told = (named | counted | spelt) - STOP_WORDS - _AMBIGUOUS
    return not set(figures(sorted(told))) <= there


def copies(text: str, prompt: str, sources: Sequence[str]) -> bool:
    """Return whether a text says nothing of its own.

    Args:
        text: A reply.
        prompt: Name of the prompt that it replies to: its examples may be copied.
        sources: Texts that were laid before the model. A copy repeats one of them.
    """
    said = words(text)
    if not said or any(said == words(turn) for turn in examples(prompt)):
        return True
    return any(Echoes([source]).covers(text) for source in sources)


def borrows(text: str, prompt: str, sources: Iterable[str]) -> bool:
    """Return whether a text speaks of what only the examples of a prompt are about.

    A small model fills an example's sentence with words of its own case and leaves the rest of it.

    Args:
        text: A reply.
        prompt: Name of the prompt that it replies to.
        sources: Texts that were laid before the model for this reply.
    """
    *shown, (_, asked) = load(prompt).turns
    cases = {word for role, turn in shown if role == "user" for word in words(turn)}
    plain = {word for one in (asked, ABSTENTION) for word in words(one)} | STOP_WORDS
    told = {word for one in sources for word in words(one)}
    return bool((cases - plain - told) & set(words(text)))


def examples(prompt: str) -> list[str]:
    """Return the replies that a prompt shows as examples."""
    return [content for role, content in load(prompt).turns if role == "assistant"]


def gives_away(text: str, answer: str, question: str) -> bool:
    """Return whether a text holds a word of the answer that the question does not name."""
    told = set(figures(words(text)))
    secret = set(figures(words(answer))) - set(figures(words(question))) - STOP_WORDS
    return bool(secret & told) or (not secret and set(words(answer)) <= told)
