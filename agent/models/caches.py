"""The two caches that the model sees: one for packed prompts, one for rows being generated.

Both stand in for transformers' `Cache`: attention hands in the new keys and values of a layer
and gets back all those to attend to. Which of them a token may see is the mask's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import Cache, PretrainedConfig


@dataclass(frozen=True, kw_only=True)
class KvShape:
    """The size of the keys (and of the values) of one token in one layer, and how many layers."""

    layers: int
    heads: int
    head_size: int
    dtype: torch.dtype
    device: torch.device

    @classmethod
    def of(cls, config: PretrainedConfig, dtype: torch.dtype, device: torch.device) -> KvShape:
        """Read it off a model's configuration."""
        heads = config.num_attention_heads
        return cls(
            layers=config.num_hidden_layers,
            heads=getattr(config, "num_key_value_heads", None) or heads,
            head_size=getattr(config, "head_dim", None) or config.hidden_size // heads,
            dtype=dtype,
            device=device,
        )

    @property
    def bytes_per_token(self) -> int:
        """Bytes of keys and values, over all layers."""
        return self.layers * 2 * self.heads * self.head_size * self.dtype.itemsize

    def zeros(self, *, rows: int, tokens: int) -> torch.Tensor:
        """Return room for keys and values: [layers, 2, rows, heads, tokens, head size].

        Zeros, because attention multiplies what the mask hides by 0, and 0 times NaN is NaN.
        """
        size = (self.layers, 2, rows, self.heads, tokens, self.head_size)
        return torch.zeros(size, dtype=self.dtype, device=self.device)


class PackedCache(Cache):
    """Keys and values of one packed sequence that follows what other prompts have in common.

    Args:
        shape: The model's.
        past: What was computed before, a block per stretch as in `Node.kv`.
        new: Tokens to come in this pass.
    """

    def __init__(self, shape: KvShape, past: list[torch.Tensor], new: int) -> None:
        super().__init__(layers=[])
        before = sum(block.shape[-2] for block in past)
        self._all = shape.zeros(rows=1, tokens=before + new)
        self._before = before
        if past:
            torch.cat(past, dim=-2, out=self._all[:, :, 0, :, :before])

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Store what a layer computed and return all it may attend to."""
        keys, values = self._all[layer_idx]
        keys[:, :, self._before :] = key_states
        values[:, :, self._before :] = value_states
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        """Return how many tokens came before."""
        return self._before

    def block(self, start: int, end: int) -> torch.Tensor:
        """Return a copy of the new tokens from `start` to `end`, shaped like `Node.kv`."""
        cut = slice(self._before + start, self._before + end)
        return self._all[:, :, 0, :, cut].clone()


class SlotCache(Cache):
    """Room for rows that grow by a token a step, each from position 0, live ones in front.

    Rows of different lengths lie side by side without moving: a row that ends is overwritten by
    the last live one, a row that joins takes the next free slot.

    Args:
        shape: The model's.
        rows: Slots.
        tokens: Tokens a slot holds at first; it grows when needed.
    """

    def __init__(self, shape: KvShape, *, rows: int, tokens: int) -> None:
        super().__init__(layers=[])
        self._shape = shape
        self._data = shape.zeros(rows=rows, tokens=tokens)
        self._lengths: list[int] = []
        self._where = torch.empty(0, dtype=torch.long, device=shape.device)
        self._seen = 0

    def __len__(self) -> int:
        return len(self._lengths)

    @property
    def free(self) -> int:
        """Slots that a row could take."""
        return int(self._data.shape[2]) - len(self._lengths)

    def add(self, blocks: list[torch.Tensor]) -> None:
        """Fill the next slot with the keys and values of a prompt."""
        slot, length = len(self._lengths), sum(block.shape[-2] for block in blocks)
        self._reserve(length + 1)
        if blocks:
            torch.cat(blocks, dim=-2, out=self._data[:, :, slot, :, :length])
        self._lengths.append(length)

    def remove(self, slot: int) -> None:
        """End a row: the last live row moves into its slot."""
        last = len(self._lengths) - 1
        length = self._lengths.pop()
        if slot != last:
            self._data[:, :, slot, :, :length] = self._data[:, :, last, :, :length]
            self._lengths[slot] = length

    def advance(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Make room for one more token in every row.

        Returns:
            The new tokens' positions, [rows, 1], and the additive mask, [rows, 1, 1, tokens].
        """
        self._seen = max(self._lengths) + 1
        self._reserve(self._seen)
        device, rows = self._shape.device, len(self._lengths)
        at = torch.tensor(self._lengths, device=device).unsqueeze(1)
        heads, room = self._shape.heads, self._data.shape[-2]
        lines = torch.arange(rows * heads, device=device).view(rows, heads)
        self._where = (lines * room + at).view(-1)
        hidden = torch.arange(self._seen, device=device) > at
        mask = torch.zeros(hidden.shape, dtype=self._shape.dtype, device=device)
        mask.masked_fill_(hidden, float("-inf"))
        self._lengths = [length + 1 for length in self._lengths]
        return at, mask[:, None, None, :]

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_: Any,
        **__: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Put the new token of every row where `advance` said and return all rows' tokens."""
        rows = len(self._lengths)
        for room, new in zip(self._data[layer_idx], (key_states, value_states), strict=True):
            room.view(-1, new.shape[-1]).index_copy_(0, self._where, new.reshape(-1, new.shape[-1]))
        keys, values = self._data[layer_idx][:, :rows, :, : self._seen]
        return keys, values

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002
        """Return the length of the longest row, the token of this step left out."""
        return self._seen - 1

    def _reserve(self, tokens: int) -> None:
        rows, room = self._data.shape[2], self._data.shape[-2]
        if tokens <= room:
            return
        grown = self._shape.zeros(rows=rows, tokens=max(tokens, room + room // 2))
        grown[..., :room, :] = self._data
        self._data = grown
