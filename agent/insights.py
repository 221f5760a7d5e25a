"""From facts that belong together to one sentence that follows from them: asking, reading, checking.

A small model copies one of the facts, mixes two up or makes something up more often than not
(LOG.md), so the sentence is kept only if every check holds; what fails one is dropped, not mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ingrained.memory.echoes import THRESHOLD, Echoes, telling
from ingrained.memory.lexical import DENIALS, STOP_WORDS, normalise
from ingrained.memory.records import Memory

from .asking import Asker
from .grading import abstained, words
from .prompts import Messages, load
from .quizzing import figures
from .reading.sentences import sentences
from .recalling import shown

PHASE = "derive"
"""Where the cost is booked: `reflect` is where a study settles questions in doubt."""
ATTEMPTS = 3
"""All sampled: greedily, the default model copies a fact nearly every time (LOG.md)."""
TOKENS = 64
TEMPERATURE = 0.7
AT_ONCE = 16
"""Groups between two reports of progress."""
LEAST_WORDS = 5
MOST_WORDS = 40
NEW_SHARE = 0.1
"""Share of an insight's content words that may stand in none of its sources: none of nine, one of ten.

A new verb is how a small model ties what it mixed up ("was designed by").
"""

NO_SENTENCE = "no sentence"
INVENTS = "names something else"
ONE_FACT = "rests on one fact"
REPEATS = "repeats one fact"
MIXES = "takes a lone word out of a fact"
KNOWN = "says what an earlier insight says"

_LABEL = re.compile(
    r"^\W*(?:(?:insight|conclusion|answer|together)\s*:|\d+[.)]\s)\s*", re.IGNORECASE
)
_NUMBERS = r"\d{1,2}(?:\s*(?:,|;|&|\+|and)\s*\d{1,2})*"
_CITATION = re.compile(
    rf"\s*(?:\[\s*(?P<bracket>{_NUMBERS})\s*\]"
    rf"|\(\s*(?:facts?\s+)?(?P<paren>{_NUMBERS})\s*\)"
    rf"|\(?\bfacts?\s+(?P<fact>{_NUMBERS})\)?)",
    re.IGNORECASE,
)
_NAME = re.compile(r"\b[^\W\d_a-zß-öø-ÿ][\w\u2019'-]*")


OnProgress = Callable[[int, int], None]
"""Told how many groups of facts have been asked about, and of how many."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a reply came to."""

    text: str
    sources: tuple[Memory, ...] = ()
    """The facts that its words come from, two or more unless there is a fault."""
    fault: str = ""
    """Why it cannot be kept; empty if nothing speaks against it."""


def ask_for_insights(
    asker: Asker,
    groups: Sequence[Sequence[Memory]],
    known: Sequence[Memory] = (),
    *,
    seed: int = 0,
    on_progress: OnProgress | None = None,
) -> list[Draft]:
    """Return for each group of facts the first draft without a fault, or else the last one.

    Args:
        asker: The model.
        groups: Facts that may say something together.
        known: Insights that there are already.
        seed: Of the attempts that are sampled.
        on_progress: Called before the first group, and after every few.
    """
    drafts: list[Draft] = []
    for start in range(0, len(groups), AT_ONCE):
        if on_progress:
            on_progress(start, len(groups))
        drafts += _tried(asker, groups[start : start + AT_ONCE], known, seed)
    if on_progress and groups:
        on_progress(len(groups), len(groups))
    return _distinct(drafts)


def _tried(
    asker: Asker, groups: Sequence[Sequence[Memory]], known: Sequence[Memory], seed: int
) -> list[Draft]:
    drafts = [Draft(text="", fault=NO_SENTENCE) for _ in groups]
    for attempt in range(ATTEMPTS):
        wanted = [n for n, draft in enumerate(drafts) if draft.fault]
        replies = asker.ask(
            [insight_prompt(groups[n]) for n in wanted],
            phase=PHASE,
            max_tokens=TOKENS,
            temperature=TEMPERATURE,
            seed=seed + attempt,
        )
        for n, reply in zip(wanted, replies, strict=True):
            drafts[n] = drafted(reply, groups[n], known)
    return drafts


def _distinct(drafts: Sequence[Draft]) -> list[Draft]:
    """Let only the first of several drafts stand that say the same."""
    seen: set[str] = set()
    out = []
    for draft in drafts:
        key = normalise(draft.text)
        again = key in seen and not draft.fault
        out.append(replace(draft, fault=KNOWN) if again else draft)
        seen |= set() if draft.fault else {key}
    return out


def insight_prompt(facts: Sequence[Memory]) -> Messages:
    """Ask what follows from some facts; each is one numbered line, whatever its text says.

    Titles are left out: the default model makes sentences of them.
    """
    listed = "\n".join(f"[{n}] {shown('', one.text)}" for n, one in enumerate(facts, 1))
    return load("insight").render(facts=listed)


def drafted(reply: str, facts: Sequence[Memory], known: Sequence[Memory] = ()) -> Draft:
    """Read a reply to `insight_prompt` and check it.

    Small models cite carelessly. What is cited in the end are the fewest facts that hold the words
    of the sentence; those that the model named are looked through first.

    Args:
        reply: As the model wrote it.
        facts: Those of the prompt, in its order.
        known: Insights that there are already.
    """
    text, named = parsed(reply, len(facts))
    if not LEAST_WORDS <= len(text.split()) <= MOST_WORDS or abstained(text):
        return Draft(text=text, fault=NO_SENTENCE)
    sources, left = sources_of(text, facts, named)
    return Draft(text=text, sources=sources, fault=_fault(text, sources, left, known))


def parsed(reply: str, count: int) -> tuple[str, list[int]]:
    """Return the first sentence of a reply without its citations, and the places cited, from 0.

    Args:
        reply: Any text.
        count: How many facts there were to cite; other numbers in brackets are part of the text.
    """
    line = next((one for one in reply.splitlines() if words(_CITATION.sub("", one))), "")
    named: list[int] = []

    def cut(match: re.Match[str]) -> str:
        numbers = [int(n) for n in re.findall(r"\d+", match.group())]
        if not all(0 < n <= count for n in numbers):
            return match.group()
        named.extend(n - 1 for n in numbers)
        return ""

    bare = _LABEL.sub("", _CITATION.sub(cut, line)).strip(' \t*"“”:-')
    start, end = next(iter(sentences(bare)), (0, 0))
    return bare[start:end], list(dict.fromkeys(named))


def sources_of(
    text: str, facts: Sequence[Memory], named: Sequence[int] = ()
) -> tuple[tuple[Memory, ...], frozenset[str]]:
    """Return the fewest facts that hold what the text tells (greedily), and what none holds.

    Args:
        text: A sentence.
        facts: Where it may come from, at least one.
        named: Places of those that are looked through first.
    """
    told = [_told(one.text) for one in facts]
    left, chosen = _told(text), list[int]()
    while True:
        best = max(range(len(facts)), key=lambda i: (len(left & told[i]), i in named, -i))
        if not left & told[best]:
            break
        chosen.append(best)
        left -= told[best]
    return tuple(facts[i] for i in sorted(chosen)), left


def _fault(
    text: str, sources: Sequence[Memory], left: frozenset[str], known: Sequence[Memory]
) -> str:
    if _invented(text, sources, left) or len(left) > NEW_SHARE * len(_told(text)):
        return INVENTS
    if any(Echoes([one.text]).share(text) >= THRESHOLD for one in sources):
        return REPEATS
    if len(sources) < 2:
        return ONE_FACT
    if _mixes(text, sources):
        return MIXES
    if any(Echoes([one.text]).covers(text) for one in known):
        return KNOWN
    return ""


def _mixes(text: str, sources: Sequence[Memory]) -> bool:
    """Return whether a source lends only one word that no other has, a date to another's deed, say."""
    told = [_told(one.text) for one in sources]
    return any(
        len((_told(text) & own).difference(*(told[:n] + told[n + 1 :]))) < 2
        for n, own in enumerate(told)
    )


def _told(text: str) -> frozenset[str]:
    """Return what a text tells, small numbers as figures."""
    return telling(" ".join(figures(words(text))))


def _invented(text: str, sources: Sequence[Memory], left: frozenset[str]) -> bool:
    """Return whether a name, a number or a denial of the text stands in none of its sources."""
    there = {word for one in sources for word in figures(words(one.text))}
    first, _, rest = text.partition(" ")
    said = figures(words(text))
    named = {word for name in _NAME.findall(rest) for word in words(name)}
    counted = {word for word in said if any(letter.isdigit() for letter in word)}
    denied = DENIALS & set(said)
    return bool(_told(first) & left) or not ((named | counted) - STOP_WORDS | denied) <= there
