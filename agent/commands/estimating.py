"""What a study would do and cost, worked out without a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingrained.agent.exam import Exam
from ingrained.agent.reading.corpus import read_corpus
from ingrained.agent.reading.passages import estimate_tokens
from ingrained.agent.reading.vanishing import vanished
from ingrained.devices import fast_dtype
from ingrained.graphs.context import StudyPolicy
from ingrained.trainer.recipe import LoraRecipe

from .costing import KEPT, REPLAYED_TOKENS, SEALED, TRAINED_TOKENS, Load, exam_tokens, load_of
from .planning import Entry, Past, entries, open_past

_USUAL = StudyPolicy()
_NOT_RECKONED = (
    "mechanisms", "votes", "autonomy", "judge", "reflection_importance", "every_documents",
    "method",
)  # fmt: skip
"""Settings that change what a study costs, by how much is not known."""
_ADAPTED = ("memory", "adapter", "both")
_STUDYING, _LATER = "studying", "later rounds, at most"
_EXAMINING, _TRAINING, _EXAM = "examining", "training", "exam"

TOKENS_PER_SECOND = {
    True: {_STUDYING: 1800.0, _LATER: 1800.0, _EXAMINING: 500.0, _TRAINING: 340.0, _EXAM: 1150.0},
    False: {_STUDYING: 550.0, _LATER: 550.0, _EXAMINING: 400.0, _TRAINING: 100.0, _EXAM: 720.0},
}
"""By part, in and out together: the default model on two cores, with and without bfloat16.

Measured by `make demo`: with bfloat16 on 2026-11-21 and 2026-12-01, without it on 2026-11-30 (between what it
was alone and beside other work). Replaced by this home's own last run.
"""


def estimate(
    paths: Sequence[Path], policy: StudyPolicy, home: Path, exam: Exam | None = None
) -> dict[str, Any]:
    """Read and split the corpus; return what would be studied and about what it would cost.

    Nothing is written. What was studied before and did not change is left out, as in a study.

    Args:
        paths: The corpus.
        policy: How it would be studied.
        home: Where; it need not exist.
        exam: Sat afterwards.

    Raises:
        CorpusError: nothing in the corpus can be read, nor ever was.
        HomeVersionError: the home was made by a newer version.
    """
    with open_past(home) as past:
        known = past.library.known() if past.library else {}
        corpus = read_corpus(paths, known=known)
        found = entries(corpus, past.library, policy.passage_tokens)
        plan = _Plan(found, policy, past)
        return {
            "documents": [plan.row(one) for one in found],
            "changed": [
                one.id
                for one in corpus.documents
                if one.id in known and known[one.id][0] != one.version
            ],
            "deleted": vanished(corpus, paths, known),
            "skipped": [item.to_dict() for item in corpus.skipped],
            "passages": plan.reached.passages,
            "left": plan.left,
            "questions": plan.reached.questions,
            "not_reckoned": not_reckoned(policy),
            **_costs(plan.parts(exam), past.runs),
        }


def not_reckoned(policy: StudyPolicy) -> list[str]:
    """Return the settings that an estimate does not go by, though they are not the usual ones."""
    return [name for name in _NOT_RECKONED if getattr(policy, name) != getattr(_USUAL, name)]


def has_bfloat16() -> bool:
    """Say whether this machine's processor computes in bfloat16."""
    import torch

    return fast_dtype("cpu") == torch.bfloat16


class _Plan:
    """One run, as far as it can be foreseen.

    Args:
        found: What there is to study.
        policy: How.
        past: What the home holds.
    """

    def __init__(self, found: Sequence[Entry], policy: StudyPolicy, past: Past) -> None:
        self._found = sorted(found, key=lambda one: one.document.id)
        self._policy = policy
        self._past = past
        self._loads = {p.id: load_of(p, policy) for one in found for p in (*one.passages, *one.new)}
        self.reached = self._within_budget()
        self.left = sum(len(one.new) for one in found) - self.reached.passages

    def row(self, one: Entry) -> dict[str, Any]:
        """Return what is told of a document."""
        return {
            "id": one.document.id, "title": one.document.title,
            "characters": len(one.document.text),
            "passages": len(one.passages), "new": len(one.new),
            "questions": sum(self._loads[passage.id].questions for passage in one.new),
        }  # fmt: skip

    def parts(self, exam: Exam | None) -> dict[str, float]:
        """Return the tokens of each part that costs any."""
        training = self._training()
        cells = _ADAPTED if training or self._past.adapters.active() else _ADAPTED[:1]
        sealed = self._past.counts.get("sealed", 0) + SEALED * self.reached.questions
        sitting = self._sitting(min(self._policy.exam_items, sealed), cells)
        rounds = 1 if self.left else self._policy.rounds
        parts = {
            _STUDYING: self.reached.tokens,
            _LATER: self._later_rounds(),
            _EXAMINING: sitting * (rounds + bool(training)),
            _TRAINING: training,
            _EXAM: self._sitting(len(exam.items), ("base", *cells, "open")) if exam else 0.0,
        }
        return {name: tokens for name, tokens in parts.items() if tokens}

    def _within_budget(self) -> Load:
        """Return what the first round comes to: whole batches, until the budget is spent."""
        order = [passage.id for one in self._found for passage in one.new]
        budget, size, reached = self._policy.budget_tokens, self._policy.few_passages, Load()
        for start in range(0, len(order), size):
            if budget is not None and reached.tokens >= budget:
                break
            reached = sum((self._loads[one] for one in order[start : start + size]), reached)
        return reached

    def _later_rounds(self) -> float:
        """Return what they take if each finds as many weak passages as it may take up."""
        known = self._past.counts.get("studied", 0) + self.reached.passages
        each = sum(load.tokens for load in self._loads.values()) / max(1, len(self._loads))
        weak = min(self._policy.weak_passages, known) * (self._policy.rounds - 1)
        most = 0.0 if self.left else weak * each
        budget = self._policy.budget_tokens
        return most if budget is None else max(0.0, min(most, budget - self.reached.tokens))

    def _training(self) -> float:
        """Return what a training takes; none is made of what an adapter was made of before."""
        held, made = self._past.memories, self._past.adapters.list()
        known = LoraRecipe().to_dict().keys()  # an older version's recipe has fewer
        again = not self.reached.questions and any(
            set(one.memory_ids) == held and one.recipe.keys() == known for one in made
        )
        if again or not self._policy.consolidate:
            return 0.0
        return REPLAYED_TOKENS + TRAINED_TOKENS * (len(held) + KEPT * self.reached.questions)

    def _sitting(self, questions: float, cells: Sequence[str]) -> float:
        sizes = [estimate_tokens(one.document.text) for one in self._found]
        passages = max(1, sum(len(one.passages) for one in self._found))
        return exam_tokens(
            questions, cells, size=sum(sizes) / passages, document=sum(sizes) / max(1, len(sizes))
        )


def _costs(parts: Mapping[str, float], runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return tokens and seconds of each part, and together, at the speed of this home's last run.

    Where nothing was measured yet, the speed is that of a machine like this one.
    """
    bfloat16 = has_bfloat16()
    assumed = TOKENS_PER_SECOND[bfloat16]
    study = _speed(runs, training=False)
    trained = _speed(runs, training=True)
    seconds = {
        name: tokens / ((trained if name == _TRAINING else study) or assumed[name])
        for name, tokens in parts.items()
    }
    return {
        "parts": {
            name: {"tokens": round(parts[name]), "seconds": round(seconds[name])} for name in parts
        },
        "tokens": round(sum(parts.values())),
        "seconds": round(sum(seconds.values())),
        "speed": {
            "tokens_per_second": round(study or assumed[_STUDYING]),
            "measured": study is not None,
            "bfloat16": bfloat16,
        },
    }


def _speed(runs: Sequence[Mapping[str, Any]], *, training: bool) -> float | None:
    """Return tokens in and out a second of the last run that took long enough to tell."""
    for run in reversed(runs):
        phases = [
            cost for name, cost in run["phases"].items()
            if name != "plan" and (name == "consolidate") == training
        ]  # fmt: skip
        seconds = sum(phase["seconds"] for phase in phases)
        tokens = sum(
            phase["tokens_in"] + phase["tokens_out"] - phase.get("tokens_replayed", 0)
            for phase in phases
        )
        if seconds > 1 and tokens:
            return float(tokens / seconds)
    return None
