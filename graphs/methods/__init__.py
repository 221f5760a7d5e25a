"""The training methods: each makes an adapter of a lesson, in one stage or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingrained.errors import TrainingError
from ingrained.trainer import methods

from . import autonomous, rest_em, self_evolution, star
from .lesson import Learned, Lesson, Stage

__all__ = ["Learned", "Lesson", "Stage", "learn"]

_METHODS: Mapping[str, Callable[[Lesson], Learned]] = {
    methods.SUPERVISED: lambda lesson: lesson.directly(lesson.rows),
    methods.AUTONOMOUS_LEARNING: autonomous.learn,
    methods.SELF: self_evolution.learn,
    methods.REST_EM: rest_em.learn,
    methods.STAR: star.learn,
}


def learn(lesson: Lesson, method: str) -> Learned:
    """Make the adapter of a lesson by a method, of `trainer.methods.TRAINING_METHODS`.

    Raises:
        TrainingError: there is nothing to train on.
    """
    if not lesson.rows:
        raise TrainingError(
            "There is nothing to train on.", hint="Study first: rows are made from active memories."
        )
    try:
        return _METHODS[method](lesson)
    finally:
        lesson.unload()
