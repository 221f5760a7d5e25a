"""What is asked of a generation and what comes back: plain data, no torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length"]

Progress = Callable[[int, int], None]
"""Called with (rows finished, rows asked) each time a row finishes."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How to choose tokens and when to end.

    Raises:
        ValueError: a value is out of range.
    """

    max_tokens: int = 256
    temperature: float = 0.0
    """0 takes the most likely token; sampling starts above it."""
    top_p: float = 1.0
    """Sample from the smallest set of tokens that holds this much probability."""
    seed: int = 0
    stop: tuple[str, ...] = ()
    """Texts that end a reply; they are not part of it."""
    grammar: str | None = None
    """An llguidance grammar that the reply must follow, see `grammar.py`."""

    def __post_init__(self) -> None:
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens must be at least 1, got {self.max_tokens}")
        if not self.temperature >= 0:
            raise ValueError(f"temperature must not be negative, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        if "" in self.stop:
            raise ValueError("a stop text must not be empty")


@dataclass(frozen=True, kw_only=True)
class Scored:
    """How likely a given text is after a prompt."""

    log_probability: float
    """Mean over the text's tokens, natural log."""
    tokens: int
    """Of prompt and text."""
    cached_tokens: int
    """Of those, the ones whose keys and values were reused."""


@dataclass(frozen=True, kw_only=True)
class Generated:
    """One reply."""

    token_ids: tuple[int, ...]
    """Without the token that ended the reply."""
    text: str
    prompt_tokens: int
    completion_tokens: int
    """Tokens the model produced, the one that ended the reply included."""
    cached_tokens: int
    """Prompt tokens whose keys and values were reused, from an earlier call or another row."""
    finish_reason: FinishReason
    stopped_by: str | None = None
    """The stop text that ended the reply, if one did."""
