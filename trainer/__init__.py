"""What trains: study rows into a LoRA adapter, the gate before it is used, the versions kept.

Runs alone, on a machine that has only torch, transformers and peft. Importing it loads none of them.
"""

from __future__ import annotations

from .adapters import AdapterRegistry
from .curriculum import build_rows, data_sha256
from .gate import Count, Decision, GateLimits, Scores, decide
from .lora import train
from .manifest import Manifest
from .recipe import LoraRecipe
from .reports import StepReport, TrainResult
from .rows import StudyRow, read_rows, write_rows

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
    "read_rows",
    "train",
    "write_rows",
]
