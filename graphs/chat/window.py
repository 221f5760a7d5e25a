"""Which turns the model sees, and what a follow-up question is searched with."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from ingrained.agent.answering import with_memory
from ingrained.agent.grading import abstained
from ingrained.agent.prompts import Messages, load
from ingrained.graphs.chat.quoting import quotable
from ingrained.graphs.chat.state import ChatState, Turn
from ingrained.graphs.chat.telling import tells_of_self
from ingrained.memory.lexical import terms

_POINTS_BACK = re.compile(
    r"\A\W*(since when|what about|how about|(what|who|where) else)\b"
    r"|\b(is|was|were|are|do|does|did|of|about|for|with|at|by|to|in|after|before)\s+that\b"
    r"|(?<!\bis )(?<!\bare )(?<!\bwas )(?<!\bwere )\bthere\b",
    re.IGNORECASE,
)
"""Words that point back, but neither "the bridge that fell" nor "are there geese"."""
_GOES_ON = re.compile(r"\A\W*(and|but|so|or|then|why)\b", re.IGNORECASE)
"""How what goes on begins, and what does not: "And Rome?", "Why is the sky blue?"."""
_CLAUSE = re.compile(
    r"\b(who|whom|whose|what|when|where|why|which|how|is|are|was|were|do|does|did|"
    r"can|could|will|would|should|has|have|had)\b",
    re.IGNORECASE,
)
_DUMMY = re.compile(
    r"\b(time|day|date|month|year) (is|was) it\b"
    r"|\bit (rain|snow)(s|ed|ing)?\b"
    r"|\bit (true|possible|likely|known|legal|necessary|important|common|normal) (that|to|for)\b"
    r"|\bit takes? to\b",
    re.IGNORECASE,
)
"""An "it" that stands for nothing."""
_PRONOUN = re.compile(
    r"\b(he|she|it|they|him|her|hers|them|his|its|their|theirs|this|these|those)\b", re.IGNORECASE
)
_NAMED = re.compile(r"(?i:\b(?:the|an?|my|our|your)\b)|(?<=\s)[A-Z]\w")
"""Something that a pronoun after it may stand for."""
_PIECE = 2
"""Most words with a meaning of their own in a piece of a question."""
_CHAIN = 3
"""Most turns that a follow-up question is searched with."""


def window(state: ChatState) -> list[Turn]:
    """Return the last turns, which stand in the prompt word for word."""
    return state.get("turns", [])[state.get("summarised", 0) :]


def prompt_for(
    excerpts: Sequence[str],
    question: str,
    turns: Sequence[Turn],
    summary: str,
    about: Sequence[str] = (),
) -> Messages:
    """Return what the model is asked; with nothing but excerpts it is what `ask` asks.

    The turns are messages of their own, since a small model follows up on them better than on a
    quoted conversation. The summary is one quoted line, and what is known of the user one for each,
    numbered on after the excerpts.
    """
    *system, (role, last) = _asked(excerpts, question)
    if about:
        lines = "\n".join(
            f"[{number}] {one}" for number, one in enumerate(about, len(excerpts) + 1)
        )
        ((role, last),) = load("about").render(lines=lines, prompt=last)
    if summary:
        ((role, last),) = load("earlier").render(summary=quotable(summary), prompt=last)
    said = [pair for one in turns for pair in (("user", one["user"]), ("assistant", one["agent"]))]
    return (*system, *_alternating([*said, (role, last)]))


def _asked(excerpts: Sequence[str], question: str) -> Messages:
    """Return the prompt without the conversation.

    Told to answer a statement in a few words, the default model says of "My name is Lena." that Lena is a
    name (LOG.md): what somebody says of themselves has a prompt of its own.
    """
    if not excerpts and tells_of_self(question):
        return load("told").render(said=question)
    return with_memory(excerpts, question)


def _alternating(messages: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Leave out what is empty, which some providers refuse, and join what one role says in a row.

    Many chat templates take nothing but user and assistant in turn.
    """
    joined: list[tuple[str, str]] = []
    for role, text in messages:
        if joined and text and joined[-1][0] == role:
            joined[-1] = (role, f"{joined[-1][1]}\n\n{text}")
        elif text:
            joined.append((role, text))
    return joined


def leans(question: str) -> bool:
    """Return whether a question cannot be understood by itself: "And when was that?"."""
    if _POINTS_BACK.search(question) or _goes_on(question):
        return True
    said = _DUMMY.sub("", question)
    pronoun = _PRONOUN.search(said)
    return pronoun is not None and not _NAMED.search(said[: pronoun.start()])


def _goes_on(question: str) -> bool:
    """Return whether a question is only a piece: "And the mill of Teskow?", "And who paid?", "Why not?".

    One that says more than a piece can stands by itself, whatever word it begins with.
    """
    begun = _GOES_ON.match(question)
    if not begun:
        return False
    rest = question[begun.end() :]
    if not _CLAUSE.search(rest):
        return len(terms(rest)) <= _PIECE
    return len(terms(rest)) <= (0 if begun[1].lower() == "why" else 1)


def in_context(question: str, turns: Sequence[Turn]) -> str:
    """Return a question with the turns before it that it leans on, to search with.

    Those are the last turns, back to one whose question stands by itself. They are searched with as
    they are: asked to reword "And when was that?" the default model gives the same back, or nonsense.
    """
    chain: list[Turn] = []
    for turn in reversed(turns[-_CHAIN:]):
        chain.insert(0, turn)
        if not leans(turn["user"]):
            break
    return " ".join([*map(_said, chain), question])


def _said(turn: Turn) -> str:
    return turn["user"] if abstained(turn["agent"]) else f"{turn['user']} {turn['agent']}"


def leaving(turns: Sequence[Turn], room: int, tokens: Callable[[str], int]) -> int:
    """Return how many of the oldest turns have to leave a window that has room for so many tokens.

    None as long as all fit; else so many that the rest fills half of it, so that a summary is not
    made anew after each turn. The last turn stays if it fits at all, for a question that leans on it.
    """
    sizes = [tokens(turn["user"]) + tokens(turn["agent"]) for turn in turns]
    if sum(sizes) <= room:
        return 0
    left = sum(sizes)
    for number, size in enumerate(sizes, 1):
        left -= size
        if left <= room // 2 or (number == len(sizes) - 1 and left <= room):
            return number
    return len(sizes)


def summary_prompt(
    summary: str, turns: Sequence[Turn], room: int, tokens: Callable[[str], int]
) -> Messages:
    """Ask for a summary of a summary and the turns after it, one line each.

    None is longer than the window; where they are twice as long together, each has its share of that.
    So it fits also after summaries that were cut short, when many turns wait.
    """
    lines = [f"So far: {quotable(summary)}"] if summary else []
    for turn in turns:
        lines.append(f"User: {quotable(turn['user'])}")
        if not abstained(turn["agent"]):
            lines.append(f"Agent: {quotable(turn['agent'])}")
    lines = [_clipped(one, room, tokens) for one in lines]
    if sum(map(tokens, lines)) > 2 * room:
        lines = [_clipped(one, max(1, 2 * room // len(lines)), tokens) for one in lines]
    return load("summarise").render(turns="\n".join(lines))


def _clipped(text: str, most: int, tokens: Callable[[str], int]) -> str:
    size = tokens(text)
    return text if size <= most else text[: max(1, len(text) * most // size)] + "…"
