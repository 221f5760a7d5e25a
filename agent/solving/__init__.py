"""Solving tasks and judging the solutions: votes, evidence, rationales, refinement, reflection.

Each module is one published mechanism. None of them knows the graph: they take plain items and an
`Asker`, and ask about all items in one batch.
"""

from .cases import Case, Failure
from .evidence import Solution, solve
from .filtering import guessable, metric_filter, topic_free
from .rationalising import Rationale, rationalise, reason
from .refining import Refined, flips, self_refine
from .reflecting_on_failure import reflect, with_reflections
from .reviewing import Claim, review
from .voting import Vote, vote

__all__ = [
    "Case",
    "Claim",
    "Failure",
    "Rationale",
    "Refined",
    "Solution",
    "Vote",
    "flips",
    "guessable",
    "metric_filter",
    "rationalise",
    "reason",
    "reflect",
    "review",
    "self_refine",
    "solve",
    "topic_free",
    "vote",
    "with_reflections",
]
