"""From the model's scores to the next token of each row."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Sequence

import torch

from .sampling import Sampling

_CANDIDATES = 1024
"""Sorting so few tokens is enough for top-p nearly always; a whole vocabulary takes much longer."""


def row_seeds(prompts: Sequence[Sequence[int]], seed: int) -> list[str]:
    """Return a seed per row that depends on the prompt, not on its place or its neighbours.

    Rows with the same prompt get different seeds.
    """
    seen: Counter[str] = Counter()
    seeds = []
    for prompt in prompts:
        digest = hashlib.sha256(repr(tuple(prompt)).encode()).hexdigest()
        seeds.append(f"{seed}:{digest}:{seen[digest]}")
        seen[digest] += 1
    return seeds


def choose(scores: torch.Tensor, sampling: Sampling, draws: Sequence[random.Random]) -> list[int]:
    """Return the next token of each row.

    Args:
        scores: Of the vocabulary for each row, [rows, vocabulary].
        sampling: How to choose.
        draws: A source of randomness per row; unused at temperature 0.
    """
    if sampling.temperature == 0:
        return list(scores.max(dim=-1).indices.tolist())
    chances = torch.softmax(scores.float() / sampling.temperature, dim=-1)
    return [
        _draw(row, sampling.top_p, draw.random()) for row, draw in zip(chances, draws, strict=True)
    ]


def _draw(chances: torch.Tensor, top_p: float, draw: float) -> int:
    """Take a token by inverting the cumulative distribution at `draw`, which is in [0, 1)."""
    ranked, tokens = _ranked(chances, top_p)
    summed = ranked.double().cumsum(0)
    # A token is kept if those before it do not reach top_p yet; the first always is.
    kept = int((summed - ranked < top_p).sum())
    goal = draw * float(summed[kept - 1])
    return int(tokens[min(int((summed[:kept] <= goal).sum()), kept - 1)])


def _ranked(chances: torch.Tensor, top_p: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the likeliest tokens, as many as hold `top_p`, likeliest first."""
    ranked, tokens = chances.topk(min(_CANDIDATES, len(chances)))
    if top_p < 1 and float(ranked.sum()) >= top_p:
        return ranked, tokens
    return chances.sort(descending=True)
