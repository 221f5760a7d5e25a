"""Divergence from a frozen teacher whose likeliest tokens are kept: forward top-k KL.

The teacher's k likeliest tokens of each place are kept with their log-probabilities, the rest of the
vocabulary as one more outcome, so that the divergence of a student that agrees is exactly 0 and a few
hundred bytes a token stand for the whole distribution.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

KEPT = 64
"""Tokens of each place that are kept."""
_TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Teacher:
    """What the teacher says at S places."""

    ids: torch.Tensor
    """(S, k) its likeliest tokens."""
    logs: torch.Tensor
    """(S, k) their log-probabilities, float32."""

    @classmethod
    def of(cls, log_probabilities: torch.Tensor, k: int = KEPT) -> Teacher:
        """Keep the k likeliest of (S, V) log-probabilities."""
        top = log_probabilities.topk(min(k, log_probabilities.shape[-1]), dim=-1)
        return cls(ids=top.indices, logs=top.values)

    def divergence(self, log_probabilities: torch.Tensor) -> torch.Tensor:
        """Return KL(teacher || student) at each place, in nats, (S,).

        Summed over the kept tokens and, as one outcome, all others: p (log p - log q).

        Args:
            log_probabilities: Of the student, (S, V), float32.
        """
        student = log_probabilities.gather(-1, self.ids)
        kept = (self.logs.exp() * (self.logs - student)).sum(-1)
        p, q = (1 - logs.exp().sum(-1) for logs in (self.logs, student))
        p, q = p.clamp(min=_TINY), q.clamp(min=_TINY)
        return kept + p * (p.log() - q.log())
