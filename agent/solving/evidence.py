"""Answers with their evidence: first the sentence of the passage, verbatim, then a few words.

A small model rewords what it was to quote, and then often forgets the answer (LOG.md). So a quote
that stands nowhere in the passage is replaced by the sentence that it is most like, and what has no
answer, or one that is not in that sentence, is asked once more with only the sentence in view.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingrained.agent.answering import open_book
from ingrained.agent.asking import Asker
from ingrained.agent.grading import ABSTENTION, abstained, contains, f1, words
from ingrained.agent.prompts import Messages, load
from ingrained.agent.reading.sentences import sentences

from .cases import Case

PHASE = "solve"
TOKENS = 96
ANSWER_TOKENS = 24
LIKENESS = 0.3
"""Least token F1 of a sentence and the quote that it stands in for, unless it holds the answer."""
LEAST_WORDS = 3
"""Of a quote; a shorter one may stand anywhere."""

_LABEL = re.compile(r"^\W*(evidence|answer)\s*:\s*(.*)", re.IGNORECASE)
_MARKS = " \t*\"'“”‘’…"  # noqa: RUF001


@dataclass(frozen=True, kw_only=True)
class Solution:
    """An answer and where it stands."""

    answer: str
    evidence: str = ""
    """`passage[start:end]`; empty when nothing verbatim was quoted."""
    start: int = 0
    end: int = 0
    rationale: str = ""
    """What the model wrote before its answer, verbatim or not, in one line."""
    quoted: bool = False
    """Whether the model quoted the evidence itself; otherwise the sentence was looked up."""

    @property
    def supported(self) -> bool:
        """Whether the answer stands in verbatim evidence."""
        return contains(self.evidence, self.answer)


def solve(
    asker: Asker,
    cases: Sequence[Case],
    *,
    phase: str = PHASE,
    max_tokens: int = TOKENS,
    temperature: float = 0.0,
    seed: int = 0,
    repair: bool = True,
) -> list[Solution]:
    """Return a solution per case, in order.

    Args:
        asker: The model.
        cases: Questions with their passages.
        phase: Where the cost is booked.
        max_tokens: Longest reply: the evidence has to fit in.
        temperature: 0 is greedy.
        seed: Of the samples.
        repair: Look up evidence that is not verbatim, and ask again for answers that lack.
    """
    replies = asker.ask(
        [solve_prompt(case) for case in cases],
        phase=phase, max_tokens=max_tokens, temperature=temperature, seed=seed,
    )  # fmt: skip
    pairs = zip(cases, replies, strict=True)
    solutions = [parse_solution(reply, case.passage) for case, reply in pairs]
    return _repaired(asker, cases, solutions, phase) if repair else solutions


def solve_prompt(case: Case) -> Messages:
    """Ask for evidence and answer; the passage comes first, so that prompts share a prefix."""
    return load("solve").render(passage=case.passage, question=case.question)


def parse_solution(reply: str, passage: str) -> Solution:
    """Read `Evidence: …` and `Answer: …` out of a reply; without labels the last line is the answer.

    The answer is empty if there is evidence only.
    """
    said: dict[str, str] = {}
    bare: list[str] = []
    for line in filter(str.strip, reply.splitlines()):
        if match := _LABEL.match(line):
            said.setdefault(match[1].lower(), match[2].strip(_MARKS))
        else:
            bare.append(line.strip(_MARKS))
    if "answer" not in said and bare:
        said["answer"] = bare.pop()
    answer = said.get("answer", "").rstrip(".")
    rationale = said.get("evidence") or " ".join(bare)
    if abstained(answer) and (words(answer) or not words(rationale)):
        return Solution(answer=ABSTENTION, rationale=rationale)
    span = locate(passage, rationale)
    read = Solution(answer=answer, rationale=rationale, quoted=span is not None)
    return _placed(read, passage, span or (0, 0))


def locate(passage: str, quote: str) -> tuple[int, int] | None:
    """Return where a quote stands verbatim but for white space and marks around it, or None."""
    if len(words(quote)) < LEAST_WORDS:
        return None
    for text in (quote, quote.strip(_MARKS + ".,;:")):
        found = re.search(r"\s+".join(map(re.escape, text.split())), passage)
        if found:
            return found.span()
    return None


def _repaired(
    asker: Asker, cases: Sequence[Case], solutions: Sequence[Solution], phase: str
) -> list[Solution]:
    """Look up missing evidence, and ask for the answers that are missing or not in it."""
    placed = [_looked_up(case.passage, one) for case, one in zip(cases, solutions, strict=True)]
    wanted = [n for n, one in enumerate(placed) if _lacks_answer(one)]
    prompts = [open_book(placed[n].evidence, cases[n].question) for n in wanted]
    replies = asker.ask(prompts, phase=phase, max_tokens=ANSWER_TOKENS)
    for n, reply in zip(wanted, replies, strict=True):
        answer = reply.strip(_MARKS + ".")
        good = not abstained(answer) and contains(placed[n].evidence, answer)
        placed[n] = replace(placed[n], answer=answer) if good else solutions[n]
    return [one if words(one.answer) else replace(one, answer=ABSTENTION) for one in placed]


def _looked_up(passage: str, solution: Solution) -> Solution:
    """Put the sentence in for evidence that stands nowhere, if one is like it."""
    if solution.evidence or solution.answer == ABSTENTION:
        return solution

    def likeness(span: tuple[int, int]) -> tuple[bool, float]:
        text = passage[slice(*span)]
        return contains(text, solution.answer), f1(text, solution.rationale)

    best = max(sentences(passage), key=likeness, default=(0, 0))
    holds, alike = likeness(best)
    return _placed(solution, passage, best) if holds or alike >= LIKENESS else solution


def _lacks_answer(solution: Solution) -> bool:
    if not solution.evidence:
        return False
    return not words(solution.answer) or not (solution.quoted or solution.supported)


def _placed(solution: Solution, passage: str, span: tuple[int, int]) -> Solution:
    return replace(solution, evidence=passage[slice(*span)], start=span[0], end=span[1])
