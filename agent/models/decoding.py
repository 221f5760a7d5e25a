"""The decode loop: many rows a step, each leaving as it ends, others joining as places come free.

A row is prefilled up to its last prompt token; that token is the input of its first step here. So
prompts need no output layer at all, and a prompt that is cached whole needs no pass of its own. A row
that is alone has its last token computed with the rest, which saves it a pass.
"""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from transformers import PreTrainedModel

from .caches import KvShape, SlotCache
from .choosing import choose
from .grammar import Follower
from .prefixes import Node, shared_length
from .sampling import FinishReason, Generated, Sampling
from .text import ReplyText

_FIRST_ROOM = 64
"""Tokens of reply a slot has room for before it must grow."""


_AHEAD_TOKENS = 1024
"""Prompt tokens that are computed before there is a slot for their rows. Few slots, as long prompts
leave, would otherwise mean a pass for every row or two, and a pass reads all weights."""


@dataclass(kw_only=True)
class Row:
    """A prompt and its reply so far."""

    prompt: tuple[int, ...]
    text: ReplyText
    draws: random.Random
    follower: Follower | None
    reply: list[int] = field(default_factory=list)
    cached_tokens: int = 0
    made: int = 0
    finished: FinishReason | None = None

    def accept(self, token: int, ends: frozenset[int], max_tokens: int) -> None:
        """Append a token and see whether it ends the reply."""
        self.made += 1
        complete = self.follower is not None and self.follower.accept(token)
        if token in ends:
            self.finished = "stop"
            return
        self.reply.append(token)
        self.text.add(token)
        if complete or self.text.stopped:
            self.finished = "stop"
        elif self.made >= max_tokens:
            self.finished = "length"

    def result(self) -> Generated:
        """Return the finished reply."""
        text = self.text.finish()
        return Generated(
            token_ids=tuple(self.reply),
            text=text,
            prompt_tokens=len(self.prompt),
            completion_tokens=self.made,
            cached_tokens=self.cached_tokens,
            finish_reason="stop" if self.text.stopped else self.finished or "length",
            stopped_by=self.text.stopped_by,
        )


Prefill = Callable[[Sequence[Row]], list[Node | None]]
"""Computes the prompts of rows but for their last tokens; returns where each ends."""


Begin = Callable[[Row], tuple[list[Node], torch.Tensor]]
"""Computes the whole prompt of a row; returns the nodes that it is made of, and the scores after it."""


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """Runs rows to their ends.

    Args:
        model: A causal language model.
        shape: Of its keys and values.
        prefill: See `Prefill`.
        begin: See `Begin`.
        ends: Tokens that end a reply.
        max_rows: Rows in one step.
        max_bytes: Of keys and values in one step.
    """

    model: PreTrainedModel
    shape: KvShape
    prefill: Prefill
    begin: Begin
    ends: frozenset[int]
    max_rows: int
    max_bytes: int

    def run(self, rows: Sequence[Row], sampling: Sampling) -> Iterator[list[Row]]:
        """Yield, after each step, the rows that took part in it."""
        waiting = deque(sorted(rows, key=lambda row: row.prompt))
        cache = self._slots(rows, sampling)
        ready: deque[tuple[Row, Node | None]] = deque()
        live: list[Row] = []
        if len(waiting) == 1:
            live = [waiting.popleft()]
            self._open(live, cache, sampling)
            yield list(live)
            self._leave(live, cache)
        while waiting or ready or live:
            left = len(waiting) + len(ready)
            if left and cache.free >= self._worth_joining(cache, left):
                live += self._join(cache, ready, waiting)
            self._step(live, cache, sampling)
            yield list(live)
            self._leave(live, cache)

    def _slots(self, rows: Sequence[Row], sampling: Sampling) -> SlotCache:
        room = max(len(row.prompt) for row in rows) + min(sampling.max_tokens, _FIRST_ROOM)
        fitting = self.max_bytes // (room * self.shape.bytes_per_token)
        return SlotCache(
            self.shape, rows=max(1, min(self.max_rows, fitting, len(rows))), tokens=room
        )

    @staticmethod
    def _worth_joining(cache: SlotCache, waiting: int) -> int:
        """Return how many free slots are worth a prefill: a small one wastes a pass."""
        return min(waiting, max(1, (cache.free + len(cache)) // 4))

    @torch.inference_mode()
    def _join(
        self, cache: SlotCache, ready: deque[tuple[Row, Node | None]], waiting: deque[Row]
    ) -> list[Row]:
        """Give free slots to rows whose prompts are computed; compute some more if there are none.

        Another prefill may drop what an earlier one computed, so none comes before that has joined.
        """
        if not ready:
            rows = [waiting.popleft() for _ in range(_worth_computing(waiting, cache.free))]
            ready.extend(zip(rows, self.prefill(rows), strict=True))
        joining = [ready.popleft() for _ in range(min(cache.free, len(ready)))]
        for _, end in joining:
            cache.add([node.kv for node in end.path() if node.kv is not None] if end else [])
        return [row for row, _ in joining]

    @torch.inference_mode()
    def _open(self, alone: list[Row], cache: SlotCache, sampling: Sampling) -> None:
        path, scores = self.begin(alone[0])
        cache.add([node.kv for node in path if node.kv is not None])
        self._choose(alone, scores, sampling)

    @torch.inference_mode()
    def _leave(self, live: list[Row], cache: SlotCache) -> None:
        """Free the slots of finished rows; the last live row moves into each."""
        for slot in reversed([i for i, row in enumerate(live) if row.finished]):
            cache.remove(slot)
            live[slot] = live[-1]
            live.pop()

    @torch.inference_mode()
    def _step(self, live: list[Row], cache: SlotCache, sampling: Sampling) -> None:
        last = [row.reply[-1] if row.reply else row.prompt[-1] for row in live]
        positions, mask = cache.advance()
        scores = self.model(
            input_ids=torch.tensor(last, device=self.shape.device).unsqueeze(1),
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
        ).logits[:, -1]
        self._choose(live, scores, sampling)

    def _choose(self, live: list[Row], scores: torch.Tensor, sampling: Sampling) -> None:
        for row, line in zip(live, scores, strict=True):
            if row.follower is not None:
                row.follower.restrict(line)
        for row, token in zip(live, choose(scores, sampling, [r.draws for r in live]), strict=True):
            row.accept(token, self.ends, sampling.max_tokens)


def _worth_computing(waiting: Sequence[Row], free: int) -> int:
    """Return for how many rows to compute the prompts: what has a slot, and what takes little more.

    Args:
        waiting: Rows in the order of their prompts, so that those with a long beginning in common
            follow each other.
        free: Slots.
    """
    count = min(free, len(waiting))
    ahead = 0
    for row, before in zip(
        itertools.islice(waiting, count, None),
        itertools.islice(waiting, max(0, count - 1), None),
        strict=False,
    ):
        ahead += len(row.prompt) - shared_length(row.prompt, before.prompt)
        if ahead > _AHEAD_TOKENS:
            break
        count += 1
    return count
