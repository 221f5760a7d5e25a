"""What to study next: objectives from scores, levels of autonomy, and the gradebook they rest on."""

from __future__ import annotations

from .acceptance import Acceptance
from .gradebook import Gradebook, Sitting
from .objective import AUTONOMY, Objective, Planner, open_round, plan_round
from .scores import evaluation
from .telling import brief

__all__ = [
    "AUTONOMY",
    "Acceptance",
    "Gradebook",
    "Objective",
    "Planner",
    "Sitting",
    "brief",
    "evaluation",
    "open_round",
    "plan_round",
]
