"""What studying and sleeping come to, as the Python API gives it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from ingrained.agent.reading.documents import Skipped
from ingrained.trainer.adapters import AdapterRegistry

_AS_RECORDED = ("kept", "rounds", "scores", "adapter", "stop", "resumed", "tokens", "seconds")


@dataclass(frozen=True, kw_only=True)
class GateDecision:
    """What the gate said of an adapter."""

    version: str
    accepted: bool
    in_use: bool
    """Whether answers are given with it now. One that was accepted may wait for your approval."""
    reasons: tuple[str, ...]
    """A sentence for each thing that failed; for everything that was weighed if nothing did."""

    @classmethod
    def of(cls, registry: AdapterRegistry, version: str) -> Self:
        """Return what stands in an adapter's manifest.

        Raises:
            NotFoundError: no such version.
        """
        manifest = registry.show(version)
        return cls(
            version=version,
            accepted=manifest.decision != "rejected" and not manifest.forced,
            in_use=version == registry.active(),
            reasons=(manifest.refused,) if manifest.refused else manifest.reasons,
        )


@dataclass(frozen=True, kw_only=True)
class StudyReport:
    """What a study came to."""

    kept: int
    """Memories added."""
    rounds: int
    scores: Mapping[str, float]
    """Share of the study's own sealed questions answered, by cell; 0 if it had none."""
    adapter: str | None
    """Version of the adapter in use after it."""
    gate: GateDecision | None
    """Of the last adapter that was judged in this run; None if none was."""
    stop: str
    """Why it ended: mastered, rounds, budget, nothing to do."""
    resumed: bool
    """Whether it went on with a study that was cut short."""
    tokens: int
    """In and out, of a study that was cut short before it as well."""
    seconds: float
    """Of this call."""
    skipped: tuple[Skipped, ...]
    """Files of the corpus that were left out, each with the reason."""

    @classmethod
    def of(cls, record: Mapping[str, Any], registry: AdapterRegistry) -> Self:
        """Return what the record of a run says, and its adapter's manifest."""
        judged = record["gate"]
        return cls(
            **{name: record[name] for name in _AS_RECORDED},
            gate=GateDecision.of(registry, judged["version"]) if judged else None,
            skipped=tuple(Skipped(**one) for one in record["skipped"]),
        )
