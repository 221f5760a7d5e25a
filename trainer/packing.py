"""Many rows in one sequence: no padding, and the beginning they share computed once.

A token sees the shared beginning and the earlier tokens of its own row, at the positions it would
have alone. In a causal decoder that is the same computation as one row at a time, so loss and
gradients are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .encode import EncodedRow

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Pack:
    """Rows laid end to end behind their common prefix: T tokens, S of them with a loss."""

    prefix: int
    """Tokens that all rows share."""
    ids: torch.Tensor
    """(1, T) token ids."""
    positions: torch.Tensor
    """(1, T) position of each token in its own row."""
    mask: torch.Tensor
    """(1, 1, T, T), 0 where a token (second last) may see another (last), else -inf."""
    sources: torch.Tensor
    """(S,) where in T each supervised token is predicted from."""
    labels: torch.Tensor
    """(S,) the supervised tokens."""
    weights: torch.Tensor
    """(S,) the weight of each one's row, float32."""


def common_prefix(rows: Sequence[EncodedRow]) -> int:
    """Return how many leading tokens all rows share.

    The last token of a prompt is never counted: it predicts the answer, in each row another.
    """
    limit = min(row.prompt_length for row in rows) - 1
    shared = 0
    for tokens in zip(*(row.ids[:limit] for row in rows), strict=True):
        if len(set(tokens)) > 1:
            break
        shared += 1
    return shared


def pack(
    rows: Sequence[EncodedRow],
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> Pack:
    """Lay the rows into one sequence.

    Args:
        rows: At least one.
        device: Where the tensors go.
        dtype: Of the mask; float32 when omitted.
    """
    import torch

    prefix = common_prefix(rows)
    ids = list(rows[0].ids[:prefix])
    positions = list(range(prefix))
    owners = [0] * prefix
    sources: list[int] = []
    labels: list[int] = []
    weights: list[float] = []
    for number, row in enumerate(rows, 1):
        shift = len(ids) - prefix
        ids += row.ids[prefix:]
        positions += range(prefix, len(row.ids))
        owners += [number] * (len(row.ids) - prefix)
        sources += range(shift + row.prompt_length - 1, shift + len(row.ids) - 1)
        labels += row.ids[row.prompt_length :]
        weights += [row.weight] * row.supervised
    owner = torch.tensor(owners, device=device)
    seen = ((owner[:, None] == owner[None, :]) | (owner[None, :] == 0)).tril()
    mask = torch.zeros(seen.shape, device=device, dtype=dtype or torch.float32)
    return Pack(
        prefix=prefix,
        ids=torch.tensor([ids], device=device),
        positions=torch.tensor([positions], device=device),
        mask=mask.masked_fill_(~seen, float("-inf"))[None, None],
        sources=torch.tensor(sources, device=device),
        labels=torch.tensor(labels, device=device),
        weights=torch.tensor(weights, device=device, dtype=torch.float32),
    )


def spread(packed: Any, rows: Sequence[EncodedRow], prefix: int) -> list[torch.Tensor]:
    """Return what belongs to each row of a (T, H) result, as (length of the row, H)."""
    import torch

    parts = packed[prefix:].split([len(row.ids) - prefix for row in rows])
    return [torch.cat((packed[:prefix], part)) for part in parts]


def gather(states: Sequence[torch.Tensor], prefix: int) -> torch.Tensor:
    """Return (1, T, H), the rows' own (length, H) laid out as `pack` lays out their tokens."""
    import torch

    return torch.cat([states[0][:prefix], *(state[prefix:] for state in states)])[None]
