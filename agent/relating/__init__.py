"""How a newer memory relates to an older one: the words first, then the model."""

from .judging import QuizJudge

__all__ = ["QuizJudge"]
