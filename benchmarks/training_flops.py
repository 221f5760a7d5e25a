"""What a training step has to multiply, and how fast this machine multiplies just that.

Of a step with T tokens, S of them supervised, in a model whose adapted layers have P parameters in
linear layers, R parameters in low-rank matrices, and a head of V times H:

    2 P T + 2 P T      forward, and backward through the activations; the base is frozen, so the
                       gradient of its weights, another 2 P T in full training, is nobody's to compute
    2 R T + 4 R T      forward, and backward to activations and low-rank matrices
    2 V H S + 2 V H S  the head, where there is a label, forward and backward

Not counted: attention scores, norms, activations, softmax, the optimizer. Counted though not needed:
the gradient of what enters the first adapted layer (below 1 % of a model of 12 adapted layers).
T counts the shared beginning of packed rows once, as it is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ingrained.trainer.encode import EncodedRow, bounded
from ingrained.trainer.packing import common_prefix
from ingrained.trainer.recipe import LoraRecipe


@dataclass(frozen=True, kw_only=True)
class Shapes:
    """The matrices of a base model."""

    layers: int
    linears: tuple[tuple[int, int], ...]
    """(out, in) of each linear layer of one decoder layer."""
    head: tuple[int, int]
    """(vocabulary, hidden size)."""
    dtype: torch.dtype

    @classmethod
    def of(cls, model: Any) -> Shapes:
        """Read them off a model as `load_base` returns it; its decoder layers are all alike."""
        layers = model.get_decoder().layers
        linears = [m for m in layers[0].modules() if isinstance(m, torch.nn.Linear)]
        head = model.get_output_embeddings()
        return cls(
            layers=len(layers),
            linears=tuple((one.out_features, one.in_features) for one in linears),
            head=(head.out_features, head.in_features),
            dtype=model.dtype,
        )


@dataclass(frozen=True, kw_only=True)
class Work:
    """The tokens of one pass."""

    tokens: int
    supervised: int


def passes(rows: Sequence[EncodedRow], steps: Sequence[Sequence[int]], limit: int) -> list[Work]:
    """Return the passes that `train` makes in some steps, of so many tokens at most."""
    made = []
    for step in steps:
        for numbers in bounded(rows, step, limit):
            some = [rows[number] for number in numbers]
            shared = (len(some) - 1) * common_prefix(some)
            made.append(
                Work(
                    tokens=sum(len(row.ids) for row in some) - shared,
                    supervised=sum(row.supervised for row in some),
                )
            )
    return made


def flops(shapes: Shapes, recipe: LoraRecipe, work: Sequence[Work]) -> float:
    """Return the useful floating point operations of some passes, counted as above.

    All linear layers of a decoder layer are taken to be adapted.
    """
    adapted = shapes.layers - (recipe.first_layer or 0)
    base = adapted * sum(out * into for out, into in shapes.linears)
    low_rank = adapted * recipe.rank * sum(out + into for out, into in shapes.linears)
    vocabulary, hidden = shapes.head
    tokens, supervised = sum(one.tokens for one in work), sum(one.supervised for one in work)
    return float((4 * base + 6 * low_rank) * tokens + 4 * vocabulary * hidden * supervised)


def matmul_speed(
    shapes: Shapes, work: Work, clock: Callable[[], float], *, layers: int = 4, times: int = 5
) -> float:
    """Return floating point operations a second of the base's products alone, for one pass.

    Each weight is multiplied with T rows forward and T rows backward, the head with S; `layers` sets of
    weights, so that none is still in a cache. A limit is the fastest of several `times`: the first one
    is cold, and whatever else the machine does only makes a pass slower.
    """
    generator = torch.Generator().manual_seed(0)

    def filled(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(shapes.dtype)

    products = [(size, work.tokens) for _ in range(layers) for size in shapes.linears]
    products.append((shapes.head, work.supervised))
    operands = [
        (filled(*size), filled(count, size[1]), filled(count, size[0])) for size, count in products
    ]

    def seconds() -> float:
        began = clock()
        for weight, entering, gradient in operands:
            torch.nn.functional.linear(entering, weight)
            gradient @ weight
        return clock() - began

    work_done = sum(4 * out * into * count for (out, into), count in products)
    return work_done / min(seconds() for _ in range(times))
