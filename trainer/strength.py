"""How strong an adapter may be: as strong as its drift allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .encode import EncodedRow
from .recipe import LoraRecipe

if TYPE_CHECKING:
    from .network import Network

_HALVINGS = 5
"""Of the strength of an adapter that drifts too far: it is found to 1/32."""


def weakened(
    network: Network, rows: Sequence[EncodedRow], drift: float, recipe: LoraRecipe
) -> tuple[float, float]:
    """Return a drift within the recipe's limit, and the largest strength that was found to have it.

    By bisection (STABLE, arXiv 2510.16089): at strength 0 it is the base.

    Args:
        network: The adapted model.
        rows: What the drift is measured on; their lower states are kept.
        drift: At full strength, in nats per token.
        recipe: Has the limit, if there is one.
    """
    limit, strength = recipe.max_drift, 1.0
    if limit is None or drift <= limit:
        return drift, strength
    drift, strength, above = 0.0, 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (strength + above) / 2
        with network.weakened(middle):
            found = network.drift(rows, recipe.batch_tokens)
        if found <= limit:
            drift, strength = found, middle
        else:
            above = middle
    return drift, strength
