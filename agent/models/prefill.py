"""Computes the keys and values of prompts, each shared stretch once and without padding.

The stretches of a prefix tree that are still missing are laid end to end into one sequence; the
mask lets a token see only its own stretch and those above it, which may be computed in the same pass.
A pass through the model costs about the same per token whatever prompt the token belongs to, so none
is spent on padding.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from .caches import KvShape, PackedCache
from .prefixes import Node


@dataclass(frozen=True, kw_only=True)
class Prefiller:
    """Fills in the missing keys and values of prefix-tree nodes.

    Args:
        decoder: The model, with its output layer where scores are asked for.
        shape: Of its keys and values.
        pass_tokens: Tokens computed in one pass.
        waste: How many pairs of tokens, compared only for the mask to hide, a pass less is worth.
    """

    decoder: nn.Module
    shape: KvShape
    pass_tokens: int
    waste: int

    def fill(self, ends: Sequence[Node | None]) -> None:
        """Compute every missing node on the paths to `ends`."""
        for group in self.missing_groups(ends):
            self._keep(group, self.run(group)[0])

    def scores_after(self, tip: Node) -> torch.Tensor:
        """Compute a node with all that is missing above it; return the scores after its last token.

        The decoder has its output layer, which is applied to the last token of each pass only.
        """
        *before, last = self.missing_groups([tip])
        for group in before:
            self._keep(group, self.run(group, logits_to_keep=1)[0])
        cache, output = self.run(last, logits_to_keep=1)
        self._keep(last, cache)
        scores: torch.Tensor = output.logits[:, -1]
        return scores

    def scores_in(self, group: list[Node], wanted: Container[Node]) -> torch.Tensor:
        """Compute the nodes of a pass; return the scores after each token of those that are wanted.

        The decoder has its output layer, which is applied to their tokens only.
        """
        marks = [node in wanted for node in group for _ in node.tokens]
        lines = torch.tensor(marks, device=self.shape.device).nonzero()[:, 0]
        cache, output = self.run(group, logits_to_keep=lines)
        self._keep(group, cache)
        scores: torch.Tensor = output.logits[0]
        return scores

    def missing(self, ends: Sequence[Node | None]) -> int:
        """Return how many tokens on the paths to `ends` are not computed."""
        return _total(_missing(ends))

    def missing_groups(self, ends: Sequence[Node | None]) -> Iterator[list[Node]]:
        """Cut what is missing on the paths to `ends` into passes, in an order that works."""
        return _groups(_missing(ends), self.pass_tokens, self.waste)

    @staticmethod
    def _keep(group: Sequence[Node], cache: PackedCache) -> None:
        start = 0
        for node in group:
            node.kv = cache.block(start, start + _length(node))
            start += _length(node)

    @torch.inference_mode()
    def run(self, group: list[Node], **options: Any) -> tuple[PackedCache, Any]:
        """Make one pass over nodes; return the cache and the output.

        What stands above them is computed, or stands before them in the group.
        """
        own = set(group)
        above = _unique(node for end in group for node in end.path() if node not in own)
        cache = PackedCache(self.shape, [n.kv for n in above if n.kv is not None], _total(group))
        ids = [token for node in group for token in node.tokens]
        positions = [place for node in group for place in _places(node)]
        device = self.shape.device
        output = self.decoder(
            input_ids=torch.tensor([ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            attention_mask=self._mask(above, group),
            past_key_values=cache,
            use_cache=True,
            **options,
        )
        return cache, output

    def _mask(self, above: list[Node], group: list[Node]) -> torch.Tensor:
        """Return the additive mask, [1, 1, new tokens, tokens above and new]."""
        columns = _offsets([*above, *group])
        rows = _offsets(group)
        size = (_total(group), _total(columns))
        mask = torch.full(size, float("-inf"), dtype=self.shape.dtype, device=self.shape.device)
        for node in group:
            new = slice(rows[node], rows[node] + _length(node))
            for other in node.path():
                seen = mask[new, columns[other] : columns[other] + _length(other)]
                if other is node:
                    seen.triu_(1)
                else:
                    seen.zero_()
        return mask[None, None]


def _length(node: Node) -> int:
    return len(node.tokens)


def _places(node: Node) -> range:
    """Return the positions of a node's tokens in their prompt."""
    start = _total(node.path()[:-1])
    return range(start, start + _length(node))


def _offsets(nodes: Sequence[Node]) -> dict[Node, int]:
    """Return where each node starts when all are laid end to end."""
    offsets, total = {}, 0
    for node in nodes:
        offsets[node] = total
        total += _length(node)
    return offsets


def _unique(nodes: Iterator[Node]) -> list[Node]:
    return list(dict.fromkeys(nodes))


def _missing(ends: Sequence[Node | None]) -> list[Node]:
    """Return the nodes on the way to `ends` that are not computed, each after those above it."""
    paths = (end.path() for end in ends if end is not None)
    return _unique(node for path in paths for node in path if node.kv is None)


def _groups(nodes: list[Node], pass_tokens: int, waste: int) -> Iterator[list[Node]]:
    """Cut nodes into passes that are bounded in new tokens and in what they compare in vain."""
    group: list[Node] = []
    new, seen = 0, dict[Node, None]()
    for node in nodes:
        size, wider = _length(node), seen | dict.fromkeys(node.path())
        columns, more = _total(seen), _total(wider)
        others = columns - _total(set(seen) & set(node.path()))
        vain = new * (more - columns) + size * others
        if group and (new + size > pass_tokens or vain > waste):
            yield group
            group, new, wider = [], 0, dict.fromkeys(node.path())
        group.append(node)
        new, seen = new + size, wider
    if group:
        yield group


def _total(nodes: Iterable[Node]) -> int:
    return sum(map(_length, nodes))
