"""What a gain has to beat: documents that teach nothing, and what a model knew before.

A gain that a placebo brings too owes nothing to what the documents say: it is habit, such as the
form of the replies. An item that the untouched model answers closed-book shows no learning.
"""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

from ingrained.errors import ExamError

from .benchmark import Benchmark

_CHARACTER = r"[\u3001-\u30ff\u3400-\u9fff\uff01-\uff65]"
"""Of scripts that write no spaces, their marks included: each is dealt by itself."""
_PART = re.compile(rf"{_CHARACTER}|(?:(?!{_CHARACTER})\S)+")
"""A character of those, or a run without spaces of any other."""
MARGIN = 0.05
"""A placebo is flat if what it gains is known to be less than this, either way."""
_TWO_SIDED, _POWER = 0.975, 0.8
_NEAR_F1 = 0.8
"""Token F1 from which a sentence counts as the answer, as in `agent.grading.agrees`."""


def placebo(benchmark: Benchmark, seed: int = 0) -> Benchmark:
    """Return the benchmark with the words of all documents dealt out at random, the items untouched.

    Titles, white space, the number of words of each document and the words themselves stay; those
    of scripts without spaces are dealt among themselves, by the character. But a document no longer
    holds the words that its questions are answered with, unless it is the only one: what is gained
    here is what form, titles and vocabulary give. (Shuffled within each document, the words alone
    answer one SQuAD question in fifteen, see LOG.md.)

    Raises:
        ExamError: There are no documents.
    """
    _need_documents(benchmark)
    pools: dict[bool, list[str]] = {True: [], False: []}
    for one in benchmark.documents:
        for part in _PART.findall(one.text):
            pools[_is_character(part)].append(part)
    draw = random.Random(seed)
    for pool in pools.values():
        draw.shuffle(pool)
    dealt = {kind: iter(pool) for kind, pool in pools.items()}
    documents = tuple(
        dataclasses.replace(
            one, text=_PART.sub(lambda found: next(dealt[_is_character(found[0])]), one.text)
        )
        for one in benchmark.documents
    )
    return dataclasses.replace(benchmark, name=f"{benchmark.name}-shuffled", documents=documents)


def _is_character(part: str) -> bool:
    return re.fullmatch(_CHARACTER, part) is not None


def _need_documents(benchmark: Benchmark) -> None:
    if not benchmark.documents:
        raise ExamError(
            f"{benchmark.name!r} has no documents, so there is nothing to replace",
            hint="A placebo is for benchmarks that are studied, not for controls.",
        )


def against_base(difference: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a placebo's difference to the untouched model allows to say.

    Args:
        difference: `value`, `low` and `high`, the ends of a 95 % interval.

    Returns:
        `difference`; `margin`; `smallest_seen`, the true difference that four of five such exams
        tell from 0 (the minimum detectable effect, Bloom 1995, "Minimum detectable effects", at
        power 0.8); and `verdict`: `flat` where the whole interval lies within the margin
        (equivalence, after Schuirmann 1987), otherwise `not told apart from flat` where it holds 0,
        otherwise `not flat`.
    """
    low, high = difference["low"], difference["high"]
    end, power = (NormalDist().inv_cdf(share) for share in (_TWO_SIDED, _POWER))
    return {
        "difference": dict(difference),
        "margin": MARGIN,
        "smallest_seen": (high - low) / 2 * (end + power) / end,
        "verdict": _verdict(low, high),
    }


def _verdict(low: float, high: float) -> str:
    if low >= -MARGIN and high <= MARGIN:
        return "flat"
    return "not told apart from flat" if low <= 0 <= high else "not flat"


@dataclass(frozen=True, kw_only=True)
class Contamination:
    """What the untouched model answers without having studied."""

    ids: tuple[str, ...]
    """Of the items that it answers."""
    asked: int
    """How many items have an answer at all."""

    @property
    def share(self) -> float:
        """Part of the answerable items that it answers, in [0, 1]."""
        return len(self.ids) / self.asked if self.asked else 0.0


def contaminated(base_rows: Sequence[Mapping[str, Any]]) -> Contamination:
    """Return which items the untouched model answers closed-book.

    An item counts when an accepted answer stands in the reply, or when token F1 is 0.8 or more.
    The choice among replies does not count: with four of them a quarter is right by chance.

    Args:
        base_rows: Rows of `agent.exam.to_rows`; those of other cells than `base` are passed over.
    """
    rows = [row for row in base_rows if row["cell"] == "base" and row["answers"]]
    known = tuple(row["id"] for row in rows if row["contained"] or row["f1"] >= _NEAR_F1)
    return Contamination(ids=known, asked=len(rows))
