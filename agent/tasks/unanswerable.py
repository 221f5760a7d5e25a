"""Questions that no passage answers, so that the agent learns to say so. No model is needed.

A verified question is asked about another name of the corpus, one of a like kind. Rajpurkar et al.
2018 (SQuAD 2.0, section 4) list the swap of an entity among the ways questions become unanswerable.
Whether a question has no answer cannot be proved by words alone: what `says` lets through must
still be tried open-book.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from ingrained.agent.grading import ABSTENTION, contains, words
from ingrained.agent.quizzing import answers_in, openers
from ingrained.memory.lexical import STOP_WORDS
from ingrained.memory.records import sha256

from .kinds import UNANSWERABLE
from .rewording import NATIONALITY, names_in, put
from .wishes import Place, Verified, Wish

_FUNCTION_WORDS = STOP_WORDS | {"called", "date", "long", "name", "year"}
_ROLES = {
    "the": "thing",
    "of": "of",
    "by": "by",
    "to": "to",
    **dict.fromkeys(("in", "at", "near", "from", "into"), "place"),
}
_AFTER = (
    r"(?:['\u2019]s\b|(?=\s*[.,;:?!]|\s*$|\s+(?:in|on|at|of|to|by|for|from|with|and|or|was|is|were|"
    r"are|had|has|who|which|that|as|after|before)\b))"
)
MOST_SHARED = 0.5
"""A passage that names the subject and holds this share of the other words may tell the answer."""


def unanswerables(
    verified: Sequence[Verified], passages: Sequence[Place], *, most: int = 10
) -> list[Wish]:
    """Ask verified questions about other subjects, one wish for each question at most.

    Args:
        verified: Questions to swap a name of.
        passages: A place for each passage in reach: where other names come from, and what must
            not tell the answer.
        most: No more wishes than this.
    """
    names = _names(passages)
    made = (_swapped(one, names, passages) for one in verified)
    return list(islice((wish for wish in made if wish is not None), most))


def _names(passages: Iterable[Place]) -> dict[str, Place]:
    """Return the names of two words or more, topics included, with a place where it stands."""
    found: dict[str, Place] = {}
    for place in passages:
        for name in (_bare(place.topic), *answers_in(place.around)):
            if name[:1].isupper() and len(words(name)) > 1:
                found.setdefault(name, place)
    return found


def _bare(topic: str) -> str:
    return re.sub(r"^(?:The|An?) ", "", topic)


def _roles(name: str, text: str, *, after: str = "") -> set[str]:
    """Return in what roles a name stands in a text, by the word before; none for what is no name.

    Args:
        name: Perhaps a name; not so a date or a nationality.
        text: Where it stands.
        after: What has to follow it: before a noun, a name is an adjective.
    """
    if re.search(r"[\d-]", name) or NATIONALITY.search(name) or openers("", name)[0] != "Who":
        return set()
    found = re.findall(rf"(?<![\w(-])(\w*)\s*(?<![\w(]){re.escape(name)}(?!\w|\s*\(){after}", text)
    return {_ROLES.get(word.casefold(), "subject") for word in found}


def _swapped(one: Verified, names: Mapping[str, Place], passages: Sequence[Place]) -> Wish | None:
    texts = [place.source for place in passages]
    for old in sorted(names_in(one.question), key=len, reverse=True):
        for new in _others(one, old, names):
            question = put(new, old, one.question)
            if question != one.question and not says(texts, question, new):
                return _wish(one, names[new], new, question)
    return None


def _others(one: Verified, old: str, names: Mapping[str, Place]) -> list[str]:
    """Return names that stand in a like role: those that end alike first, then the document's."""
    roles = _roles(old, one.question)
    found = [
        new
        for new, place in names.items()
        if roles & _roles(new, place.source, after=_AFTER) and _apart(new, old, one)
    ]
    return sorted(
        found,
        key=lambda new: (
            words(new)[-1] != words(old)[-1],
            names[new].document != one.place.document,
            sha256(f"{one.id}\x1f{new}"),
        ),
    )


def _apart(new: str, old: str, one: Verified) -> bool:
    return not any(
        contains(there, name)
        for there, name in (
            (new, old),
            (old, new),
            (one.question, new),
            (new, one.answer),
            (one.answer, new),
        )
    )


def _wish(one: Verified, place: Place, subject: str, question: str) -> Wish:
    return Wish(
        kind=UNANSWERABLE,
        prompt=(),
        answer=ABSTENTION,
        passages=tuple(dict.fromkeys((one.place.passage, place.passage))),
        note=one.place.note,
        source=f"{one.place.source} {place.source}",
        after=one.id,
        question=question,
        must=(subject,),
    )


def says(passages: Iterable[str], question: str, subject: str) -> bool:
    """Return whether a passage may tell what the question asks about a subject.

    It may if it names the subject and either another name of the question or `MOST_SHARED` of the
    question's other words. One that does not name the subject tells nothing about it.
    """
    rest = [word for word in words(question) if word not in {*words(subject), *_FUNCTION_WORDS}]
    others = [name for name in names_in(question) if not contains(name, subject)]
    return any(_may_tell(text, subject, others, rest) for text in passages)


def _may_tell(text: str, subject: str, others: Sequence[str], rest: Sequence[str]) -> bool:
    if not contains(text, subject):
        return False
    held = set(words(text))
    shared = sum(word in held for word in rest) / max(len(rest), 1)
    return shared >= MOST_SHARED or any(contains(text, other) for other in others)
