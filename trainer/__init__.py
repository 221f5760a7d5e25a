"""What trains: study rows into a LoRA adapter, the gate before it is used, the versions kept.

Runs alone, on a machine that has only torch, transformers and peft. Importing it loads none of them.
"""

from __future__ import annotations

from .adapters import AdapterRegistry, Manifest
from .curriculum import build_rows, data_sha256
from .gate import Count, Decision, GateLimits, Scores, decide
from .lora import StepReport, TrainResult, train
from .recipe import LoraRecipe
from .rows import StudyRow

__all__ = [
    "AdapterRegistry",
    "Count",
    "Decision",
    "GateLimits",
    "LoraRecipe",
    "Manifest",
    "Scores",
    "StepReport",
    "StudyRow",
    "TrainResult",
    "build_rows",
    "data_sha256",
    "decide",
    "train",
]
