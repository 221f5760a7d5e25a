"""From what somebody said to a summary or a portrait of them: asking, and dropping what was not said.

MemoryBank (Zhong et al. 2023, sections 3.1 and 3.2) keeps whatever the model writes. Here a sentence
stays only if it can be told by its form that it was said: a model that sums up makes things up, and
what is written of a person is believed of them for a long time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ingrained.memory.echoes import telling
from ingrained.memory.lexical import DENIALS

from .asking import Asker
from .grading import abstained, words
from .prompts import load
from .quizzing import figures
from .reading.sentences import sentences
from .stating.checking import goes_beyond

PHASE = "portray"
"""Where the cost is booked."""
TOKENS = 160
MOST_WORDS = 40
NEW_SHARE = 1 / 3
"""Largest share of what a sentence tells that need not stand in what was said: "went to see" is "visited"."""

_LABEL = re.compile(
    r"^\W*(?:\d{1,2}[.)]\s+)?(?:(?:summary|portrait)\b[^:.]{0,30}:)?\W*", re.IGNORECASE
)
_DATED = re.compile(r"^\d{4}-\d\d-\d\d: ")
_USER = "The user"
_SOMEBODY = re.compile(rf"{_USER}\b", re.IGNORECASE)
"""How a sentence in the third person begins."""
_OTHER_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|you|your)\b", re.IGNORECASE)
_FRAME = frozenset(
    "named call called share shared talk talked spoke speak discuss discussed".split()
)
"""What says nothing of its own in a summary."""


def portrayed(asker: Asker, prompt: str, lines: Sequence[str]) -> str:
    """Return what the model makes of some lines, as far as they hold it; may be empty.

    Args:
        asker: The model; no adapter is used.
        prompt: Name of the prompt.
        lines: What was said, one line each, dated and quoted.
    """
    asked = load(prompt).render(lines="\n".join(lines))
    (reply,) = asker.ask([asked], phase=PHASE, max_tokens=TOKENS)
    return held(reply, lines)


def held(reply: str, lines: Sequence[str]) -> str:
    """Return the sentences of a reply that some lines hold, each once, in one line.

    A name, a number, a date or a denial that is nowhere in the lines drops its sentence, as do a denial
    left out and more than a third of other words that are new. What is made up in fewer words, and what
    is put together wrongly of several lines, is not seen.
    """
    said = [_DATED.sub("", one) for one in lines]
    kept = (one for one in _sentences(reply) if _holds(one, said))
    return " ".join(dict.fromkeys(kept))


def _sentences(reply: str) -> Iterator[str]:
    """Yield the sentences of a reply in the third person, without marks of a list; not one that was cut."""
    for start, end in sentences(reply):
        one = " ".join(_LABEL.sub("", reply[start:end]).split()).strip(' *"“”')
        if one.endswith((".", "!")) and _SOMEBODY.match(one) and not _OTHER_PERSON.search(one):
            yield one


def _holds(sentence: str, lines: Sequence[str]) -> bool:
    if len(words(sentence)) > MOST_WORDS or abstained(sentence):
        return False
    said = "\n".join([_USER, *lines, *(["not"] if "t" in words(" ".join(lines)) else [])])
    if goes_beyond(sentence, said):
        return False
    own = _told(sentence)
    new = own - _told(said)
    return bool(own) and len(new) <= NEW_SHARE * len(own) and not _turns_round(sentence, own, lines)


def _turns_round(sentence: str, own: frozenset[str], lines: Sequence[str]) -> bool:
    """Return whether what a sentence says was denied where it is said: "I don't eat meat"."""
    if not DENIALS.isdisjoint(words(sentence)):
        return False
    said = [line[start:end] for line in lines for start, end in sentences(line)]
    nearest = max(said, key=lambda one: len(own & _told(one)), default="")
    return not DENIALS.isdisjoint(words(nearest))


def _told(text: str) -> frozenset[str]:
    """Return what a text tells, small numbers as figures."""
    return telling(" ".join(one for one in figures(words(text)) if one not in _FRAME))
