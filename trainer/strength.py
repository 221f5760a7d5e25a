"""How strong an adapter may be: as strong as its drift allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .encode import EncodedRow
    from .network import Network
    from .recipe import LoraRecipe

_HALVINGS = 5
"""Of the strength of an adapter that drifts too far: it is found to 1/32."""


def largest(holds: Callable[[float], bool], halvings: int) -> float:
    """Return the largest strength below 1 that was found to hold; 0 if none was.

    By bisection (STABLE, arXiv 2510.16089): at strength 0 an adapter is its base, and what holds at
    one strength is taken to hold at any smaller one.

    Args:
        holds: Whether a strength is small enough.
        halvings: How often to halve; the strength is found to 1/2 to the power of these.
    """
    strength, above = 0.0, 1.0
    for _ in range(halvings):
        middle = (strength + above) / 2
        if holds(middle):
            strength = middle
        else:
            above = middle
    return strength


def weakened(
    network: Network, rows: Sequence[EncodedRow], drift: float, recipe: LoraRecipe
) -> tuple[float, float]:
    """Return a drift within the recipe's limit, and the largest strength that was found to have it.

    Args:
        network: The adapted model.
        rows: What the drift is measured on; their lower states are kept.
        drift: At full strength, in nats per token.
        recipe: Has the limit, if there is one.
    """
    limit = recipe.max_drift
    if limit is None or drift <= limit:
        return drift, 1.0
    found = {0.0: 0.0}

    def holds(strength: float) -> bool:
        with network.weakened(strength):
            found[strength] = network.drift(rows, recipe.batch_tokens)
        return found[strength] <= limit

    strength = largest(holds, _HALVINGS)
    return found[strength], strength
