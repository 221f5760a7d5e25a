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

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\s\u3040-\u30ff\u3400-\u9fff]+")
"""A run without spaces; in scripts that write none, a character."""
MARGIN = 0.05
"""A placebo is flat if what it gains is known to be less than this, either way."""
_TWO_SIDED, _POWER = 0.975, 0.8
_NEAR_F1 = 0.8
"""Token F1 from which a sentence counts as the answer, as in `agent.grading.agrees`."""


def placebo(benchmark: Benchmark, seed: int = 0) -> Benchmark:
    """Return the benchmark with the words of all documents dealt out at random, the items untouched.

    Titles, lengths, white space and the words themselves stay, but a document no longer holds the
    words that its questions are answered with: what is gained here is what form, titles and
    vocabulary give. (Shuffled within each document, the words alone answer one SQuAD question in
    fifteen, see LOG.md.)

    Raises:
        ExamError: There are no documents.
    """
    _need_documents(benchmark)
    dealt = [word for one in benchmark.documents for word in _WORD.findall(one.text)]
    random.Random(seed).shuffle(dealt)
    following = iter(dealt)
    documents = tuple(
        dataclasses.replace(one, text=_WORD.sub(lambda _: next(following), one.text))
        for one in benchmark.documents
    )
    return dataclasses.replace(benchmark, name=f"{benchmark.name}-shuffled", documents=documents)


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
