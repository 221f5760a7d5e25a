"""What is told of a training, after each step and at its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Stopped = Literal["epochs", "stop_loss", "max_seconds", "interrupted"]


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What is known after an optimizer step."""

    step: int
    """Counted from 1."""
    steps: int
    """Steps of the whole training, if it is not stopped before."""
    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the answer tokens of this step, before it, with all that the recipe mixes in."""
    validation_loss: float | None
    """After the last step of an epoch, if there are validation rows."""
    learning_rate: float
    tokens: int
    """Tokens of the rows trained on so far, prompts included."""
    seconds: float
    """So far, interrupted runs included."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a training went."""

    losses: tuple[float, ...]
    """One per step."""
    validation_losses: tuple[float, ...]
    """One per epoch."""
    tokens: int
    supervised_tokens: int
    seconds: float
    steps: int
    stopped: Stopped
    """`interrupted`: `should_stop` said so; no adapter was written, and the same call goes on."""
    drift: float | None = None
    """Mean KL divergence from the base on the probes, in nats per token, of the adapter as it was
    written; None without any, or if the training was interrupted."""
    strength: float = 1.0
    """What the trained addition was multiplied by to keep to the recipe's `max_drift`."""
