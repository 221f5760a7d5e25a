"""What a training needs to go on after a crash: one safetensors file, replaced atomically.

No pickle is written or read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .processes import Processes
from .saving import save_tensors

if TYPE_CHECKING:
    import torch

RESUME_FILE = ".resume"
"""Name of the file in the adapter's folder."""
_MOMENTS = ("exp_avg", "exp_avg_sq")
"""What Adam keeps of each parameter."""


@dataclass(kw_only=True)
class Progress:
    """How far a training is."""

    step: int = 0
    tokens: int = 0
    supervised_tokens: int = 0
    seconds: float = 0.0
    losses: list[float] = field(default_factory=list)
    validation_losses: list[float] = field(default_factory=list)


class Checkpoint:
    """The state file of one training.

    Args:
        folder: Where the adapter will be.
        fingerprint: Hash of everything that decides the outcome; a file made for another
            training is ignored.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self.path = folder / RESUME_FILE
        self._fingerprint = fingerprint

    def save(
        self,
        progress: Progress,
        parameters: dict[str, torch.nn.Parameter],
        optimizer: torch.optim.Optimizer,
    ) -> None:
        """Write parameters, their moments and the progress."""
        tensors = {}
        for name, parameter in parameters.items():
            state = optimizer.state[parameter]
            tensors[name] = parameter.detach()
            for moment in _MOMENTS:
                if moment in state:
                    tensors[f"{name}|{moment}"] = state[moment]
        note = json.dumps({"fingerprint": self._fingerprint, "progress": asdict(progress)})
        save_tensors(tensors, self.path, metadata={"ingrained": note})

    def load(
        self, parameters: dict[str, torch.nn.Parameter], optimizer: torch.optim.Optimizer
    ) -> Progress:
        """Restore parameters and optimizer in place; start anew if there is nothing to restore.

        Everything is read before anything is changed: a file that lacks a tensor restores nothing.
        """
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(self.path, framework="pt") as file:
                note = json.loads((file.metadata() or {}).get("ingrained", "{}"))
                if note.get("fingerprint") != self._fingerprint:
                    return Progress()
                progress = Progress(**note["progress"])
                kept = {name: file.get_tensor(name) for name in _names(parameters, progress)}
        except (OSError, SafetensorError):
            return Progress()
        _restore(kept, progress, parameters, optimizer)
        return progress

    def clear(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def _names(parameters: Iterable[str], progress: Progress) -> Iterator[str]:
    for name in parameters:
        yield name
        if progress.step:
            yield from (f"{name}|{moment}" for moment in _MOMENTS)


def _restore(
    kept: dict[str, torch.Tensor],
    progress: Progress,
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    import torch

    for name, parameter in parameters.items():
        with torch.no_grad():
            parameter.copy_(kept[name])
        if progress.step:
            optimizer.state[parameter] = {
                "step": torch.tensor(float(progress.step), device=parameter.device),
                **{moment: kept[f"{name}|{moment}"].to(parameter) for moment in _MOMENTS},
            }


def same_state(
    together: Processes,
    progress: Progress,
    parameters: dict[str, torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
) -> None:
    """Give every process the parameters and moments that the first one begins with."""
    import torch

    together.copy_first(parameters.values())
    if not progress.step:
        return
    for parameter in parameters.values():
        state = optimizer.state[parameter]
        if not state:
            state["step"] = torch.tensor(float(progress.step), device=parameter.device)
            state["exp_avg"] = torch.zeros_like(parameter)
            state["exp_avg_sq"] = torch.zeros_like(parameter)
        together.copy_first((state["exp_avg"], state["exp_avg_sq"]))
