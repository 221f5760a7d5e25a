"""The manifest of an adapter: where it comes from, how it was made and how it did."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from .gate import Scores
from .methods import SUPERVISED

MANIFEST_FILE = "manifest.json"

Verdict = Literal["candidate", "promoted", "rejected"]

_TUPLES = (
    "merged_from", "memory_ids", "stages", "losses", "validation_losses", "reasons",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Where an adapter comes from and how it did: enough to make it again, or to throw it away."""

    version: str
    base_model: str
    base_sha256: str = ""
    """Of the base's weights, if known."""
    parent: str | None = None
    """The version that was active when it was made. Never trained on: each starts at the base."""
    merged_from: tuple[str, ...] = ()
    """The versions whose weights were merged into it; none for one that was trained."""
    retained: float = 1.0
    """Share of the squared norm of what was merged that the rank of this one holds."""
    data_sha256: str = ""
    memory_ids: tuple[str, ...] = ()
    recipe: dict[str, Any] = dataclasses.field(default_factory=dict)
    seed: int = 0
    method: str = SUPERVISED
    """How it was trained, of `methods.TRAINING_METHODS`; `methods.MERGED` if it was merged."""
    stages: tuple[dict[str, Any], ...] = ()
    """The trainings of a method that has several, in order: `graphs.methods.Stage` as a dict."""
    questions: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What became of the questions that were asked for about every answer in the memories; as `statements`."""
    statements: dict[str, Any] = dataclasses.field(default_factory=dict)
    """What became of the statements that were asked for beside the questions: `made` by kind, `rejected`
    by reason, and the `tokens` that asking took. Empty without any."""
    rows: int = 0
    tokens: int = 0
    seconds: float = 0.0
    drift: float | None = None
    """Mean KL divergence from the base on everyday questions, in nats per token."""
    strength: float = 1.0
    """What the trained addition was multiplied by to keep the drift within the recipe's limit."""
    losses: tuple[float, ...] = ()
    validation_losses: tuple[float, ...] = ()
    exam_sha256: str = ""
    """Of what the gate judged by: the questions, and the version in use."""
    exam_before: Scores | None = None
    exam_after: Scores | None = None
    decision: Verdict = "candidate"
    reasons: tuple[str, ...] = ()
    forced: bool = False
    """Promoted although the gate had rejected or not judged it, or although it was stale."""
    refused: str = ""
    """Why it must not be used though the gate may have let it pass: somebody rejected it."""
    stale: str = ""
    """Why it must no longer be used, such as that a memory it was trained on was purged."""
    strength_alone: float = 1.0
    """What the adapter is multiplied by so that everyday questions are still answered; see the gate."""
    strength_beside_notes: float = 1.0
    """The same when recalled notes stand in the prompt."""
    created: float = 0.0
    """POSIX seconds."""

    @property
    def beside_over_alone(self) -> float:
        """What it is multiplied by beside notes, once it has the strength that it has alone."""
        return self.strength_beside_notes / self.strength_alone

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Manifest:
        """Rebuild from `to_dict` output or its JSON round trip; unknown keys are ignored."""
        known = {field.name for field in dataclasses.fields(cls)}
        plain = {key: value for key, value in data.items() if key in known}
        for key in _TUPLES:
            plain[key] = tuple(plain.get(key, ()))
        for key in ("exam_before", "exam_after"):
            scores = plain.get(key)
            plain[key] = Scores.from_dict(scores) if scores is not None else None
        return cls(**plain)
