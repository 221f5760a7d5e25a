"""A tree of token sequences that share prefixes, with the keys and values computed for each part.

The idea is RadixAttention's (Zheng et al. 2024, "SGLang", section 3): every prompt is a path from
the root, a shared prefix is stored and computed once, and what is used least recently goes first.
This module knows token ids and opaque blocks of keys and values; it computes nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch

MIN_SHARED = 12
"""Shorter shared prefixes are computed twice: another pass through the model would cost more."""


@dataclass(eq=False)
class Node:
    """A stretch of tokens that follows those of its parent."""

    tokens: tuple[int, ...]
    parent: Node | None
    """None above the first stretch."""
    kv: torch.Tensor | None = None
    """Keys and values, [layers, 2, heads, tokens, head size]; None until computed."""
    used: int = 0
    """When it was last asked for; higher is later."""
    children: list[Node] = field(default_factory=list)

    def path(self) -> list[Node]:
        """Return the nodes from the first stretch down to this one."""
        nodes = [self]
        while (above := nodes[-1].parent) is not None:
            nodes.append(above)
        return nodes[::-1]

    @property
    def size(self) -> int:
        """Bytes that its keys and values take."""
        return 0 if self.kv is None else self.kv.nbytes


class PrefixTree:
    """All prefixes seen under one set of weights.

    Args:
        longest: A node holds at most so many tokens; a longer stretch becomes a chain.
    """

    def __init__(self, longest: int) -> None:
        self._first: list[Node] = []
        self._longest = longest

    def insert(self, tokens: Sequence[int], now: int) -> Node | None:
        """Return the node at which `tokens` ends, with the path to it in place; None for none."""
        node: Node | None = None
        rest = tuple(tokens)
        while rest:
            node = self._descend(node, rest)
            node.used = now
            rest = rest[len(node.tokens) :]
        return node

    def _descend(self, node: Node | None, rest: tuple[int, ...]) -> Node:
        siblings = self._after(node)
        child, shared = _closest(siblings, rest)
        if child is not None and shared == len(child.tokens):
            return child
        if child is not None and shared >= MIN_SHARED:
            upper = _split(child, shared)
            siblings[siblings.index(child)] = upper
            return upper
        siblings.append(Node(rest[: self._longest], node))
        return siblings[-1]

    def _after(self, node: Node | None) -> list[Node]:
        return self._first if node is None else node.children

    def attach(self, node: Node, now: int) -> None:
        """Take in a node made elsewhere below one of this tree, unless its tokens are there."""
        siblings = self._after(node.parent)
        _, shared = _closest(siblings, node.tokens)
        if shared < len(node.tokens):
            node.used = now
            siblings.append(node)

    def nodes(self) -> Iterator[Node]:
        """Yield every node, parents first."""
        waiting = list(self._first)
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children)

    def remove(self, node: Node) -> None:
        """Take out a node that has no children."""
        self._after(node.parent).remove(node)


def _closest(nodes: list[Node], rest: tuple[int, ...]) -> tuple[Node | None, int]:
    """Return the node that shares the longest prefix with `rest`, and that length."""
    best, longest = None, 0
    for node in nodes:
        shared = shared_length(node.tokens, rest)
        if shared > longest:
            best, longest = node, shared
    return best, longest


def shared_length(a: Sequence[int], b: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common at their start."""
    for i, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return i
    return min(len(a), len(b))


def _split(node: Node, at: int) -> Node:
    """Cut a node in two; return the new upper half. The lower stays where prompts ended."""
    upper = Node(node.tokens[:at], node.parent, used=node.used, children=[node])
    if node.kv is not None:
        upper.kv, node.kv = node.kv[..., :at, :].clone(), node.kv[..., at:, :].clone()
    node.tokens, node.parent = node.tokens[at:], upper
    return upper


class PrefixCache:
    """One tree per adapter, together bounded in bytes.

    Keys and values depend on the weights, so what one adapter computed never serves another.

    Args:
        limit: Bytes kept between calls.
        longest: Tokens a node may hold.
    """

    def __init__(self, limit: int, longest: int) -> None:
        self._limit = limit
        self._longest = longest
        self._trees: dict[str | None, PrefixTree] = {}
        self._now = 0

    def insert(self, adapter: str | None, prompts: Sequence[Sequence[int]]) -> list[Node | None]:
        """Return, for each prompt, the node at which it ends; they are now the last used."""
        self._now += 1
        tree = self._trees.setdefault(adapter, PrefixTree(self._longest))
        return [tree.insert(tokens, self._now) for tokens in prompts]

    def attach(self, adapter: str | None, nodes: Sequence[Node]) -> None:
        """Keep computed nodes that hang below those where prompts end."""
        for node in nodes:
            self._trees[adapter].attach(node, self._now)

    def forget(self, adapter: str | None) -> None:
        """Drop what was computed under an adapter: its name may come back with other weights."""
        self._trees.pop(adapter, None)

    def clear(self) -> None:
        """Drop everything."""
        self._trees.clear()

    @property
    def size(self) -> int:
        """Bytes held."""
        return sum(node.size for tree in self._trees.values() for node in tree.nodes())

    def trim(self) -> None:
        """Drop the least recently used ends of paths until the limit is kept."""
        size = self.size
        if size <= self._limit:
            return
        ends = [
            (tree, node)
            for tree in self._trees.values()
            for node in tree.nodes()
            if not node.children
        ]
        heap = [(node.used, order, tree, node) for order, (tree, node) in enumerate(ends)]
        heapq.heapify(heap)
        while size > self._limit:
            _, order, tree, node = heapq.heappop(heap)
            size -= node.size
            tree.remove(node)
            if node.parent is not None and not node.parent.children:
                heapq.heappush(heap, (node.parent.used, order, tree, node.parent))
