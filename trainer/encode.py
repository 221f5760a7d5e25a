"""Study rows as token ids, and their order.

Prompt and answer are tokenised on their own and then joined, so that a prompt always ends in the
token it ends in when the agent asks: a tokenizer run over both could merge across the seam.
"""

from __future__ import annotations

import dataclasses
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingrained.errors import TrainingError

from .recipe import LoraRecipe
from .rows import StudyRow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100
"""The label of a token without loss, as in torch's cross-entropy."""


@dataclass(frozen=True)
class EncodedRow:
    """One row as the model sees it; the same row always gives the same ids."""

    ids: tuple[int, ...]
    prompt_length: int
    """Tokens of the prompt, the generation prompt of the template included; of a text, its first."""
    weight: float = 1.0
    replay: bool = False
    """The loss is the divergence from the base, not the cross-entropy."""
    source: tuple[int, ...] = ()
    """The prompt that a teacher is shown in place of this one; none if empty."""
    rejected: tuple[int, ...] = ()
    """What the answer is preferred to, with its end; nothing if empty."""

    @property
    def labels(self) -> tuple[int, ...]:
        """One per token: `IGNORED` on the prompt, the token itself on the answer."""
        return (IGNORED,) * self.prompt_length + self.ids[self.prompt_length :]

    @property
    def taught(self) -> EncodedRow:
        """The row as the teacher sees it: the same answer, after its source if it has one."""
        if not self.source:
            return self
        answer = self.ids[self.prompt_length :]
        return EncodedRow(ids=self.source + answer, prompt_length=len(self.source))

    @property
    def tokens(self) -> int:
        """Of a forward pass: prompt and answer, and once more the prompt with what is rejected."""
        return len(self.ids) + (self.prompt_length + len(self.rejected) if self.rejected else 0)

    @property
    def with_rejected(self) -> EncodedRow:
        """The row with what is rejected in place of the answer."""
        ids = self.ids[: self.prompt_length] + self.rejected
        return EncodedRow(ids=ids, prompt_length=self.prompt_length)

    @property
    def supervised(self) -> int:
        """Number of tokens that the loss is taken on."""
        return len(self.ids) - self.prompt_length


def load_tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """Read the tokenizer of a model folder.

    Raises:
        TrainingError: there is none.
    """
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(base, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"No tokenizer can be read from {base}: {error}",
            hint="The folder must hold the base model's tokenizer.json.",
        ) from error


def end_of_turn(tokenizer: PreTrainedTokenizerBase) -> int:
    """Return the token that the chat template puts after a reply.

    Found by rendering a reply and reading on: converted models do not always declare it.

    Raises:
        TrainingError: neither the template nor the tokenizer has one.
    """
    sentinel = "reply"
    turns = [{"role": "user", "content": "x"}, {"role": "assistant", "content": sentinel}]
    rendered = str(tokenizer.apply_chat_template(turns, tokenize=False))
    tail = tokenizer.encode(rendered.rpartition(sentinel)[2], add_special_tokens=False)
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    for token in tail:
        if token in special:
            return int(token)
    if isinstance(tokenizer.eos_token_id, int):
        return tokenizer.eos_token_id
    raise TrainingError(
        "The tokenizer has no token that ends a reply.",
        hint="Use an instruction-tuned model with a chat template.",
    )


def encode(
    rows: Sequence[StudyRow], tokenizer: PreTrainedTokenizerBase, *, max_length: int
) -> list[EncodedRow]:
    """Return the rows as token ids, in order.

    Raises:
        TrainingError: a row is too long, has no answer or no positive weight, or parts that its kind
            has not, or the tokenizer has no chat template.
    """
    if not tokenizer.chat_template:
        raise TrainingError(
            "The base model's tokenizer has no chat template.",
            hint="Train from an instruction-tuned model.",
        )
    end = end_of_turn(tokenizer)
    return [_encode_row(row, tokenizer, end, max_length) for row in rows]


def _encode_row(
    row: StudyRow, tokenizer: PreTrainedTokenizerBase, end: int, max_length: int
) -> EncodedRow:
    if (row.kind == "text") is bool(row.messages) or (
        row.kind == "text" and (row.source or row.rejected)
    ):
        raise TrainingError(
            f"A study row of kind {row.kind!r} has the parts of another: {row.answer[:80]!r}",
            hint="A text has no turns, no source and nothing rejected; all other kinds have turns.",
        )
    prompt = _prompt(row.messages, tokenizer) if row.messages else ()
    source = _prompt(row.source, tokenizer) if row.source else ()
    answer = tokenizer.encode(row.answer, add_special_tokens=False)
    asked = (row.messages[-1][1] if row.messages else row.answer)[:80]
    if not answer or not row.weight > 0:
        raise TrainingError(
            f"A study row has {'no answer' if not answer else f'weight {row.weight}'}: {asked!r}",
            hint="Leave such rows out.",
        )
    rejected = tokenizer.encode(row.rejected, add_special_tokens=False) if row.rejected else []
    if rejected == answer:
        raise TrainingError(
            f"A study row prefers its answer to itself: {asked!r}", hint="Leave `rejected` empty."
        )
    ids = (*prompt, *answer, end)
    longest = max(
        len(ids), len(ids) - len(prompt) + len(source), len(prompt) + len(rejected) + bool(rejected)
    )
    if longest > max_length:
        raise TrainingError(
            f"A study row has {longest} tokens, more than max_length={max_length}: {asked!r}",
            hint="Raise max_length in the recipe, or make shorter rows.",
        )
    return EncodedRow(
        ids=ids, prompt_length=len(prompt) or 1, weight=row.weight, replay=row.kind == "replay",
        source=source, rejected=(*rejected, end) if rejected else (),
    )  # fmt: skip


def _prompt(
    messages: Sequence[tuple[str, str]], tokenizer: PreTrainedTokenizerBase
) -> tuple[int, ...]:
    turns = [{"role": role, "content": content} for role, content in messages]
    ids: Sequence[int] = tokenizer.apply_chat_template(  # type: ignore[assignment]
        turns, add_generation_prompt=True, tokenize=True, return_dict=False
    )
    return tuple(ids)


def used(rows: Sequence[EncodedRow], recipe: LoraRecipe) -> list[EncodedRow]:
    """Return the rows without what the recipe has no use for."""
    return [
        dataclasses.replace(
            row,
            source=row.source if recipe.distil else (),
            rejected=row.rejected if recipe.dpo else (),
        )
        for row in rows
    ]


def shuffled_steps(count: int, *, batch_rows: int, seed: int, epoch: int) -> list[list[int]]:
    """Return the row numbers of each optimizer step of one epoch: every row exactly once.

    The same seed and epoch give the same order on every machine.
    """
    order = list(range(count))
    random.Random(f"{seed}:{epoch}").shuffle(order)
    return [order[start : start + batch_rows] for start in range(0, count, batch_rows)]


def bounded(rows: Sequence[EncodedRow], numbers: Sequence[int], tokens: int) -> list[list[int]]:
    """Split the rows of a step into passes of at most `tokens` tokens (or of one row)."""
    passes: list[list[int]] = []
    room = 0
    for number in numbers:
        length = rows[number].tokens
        if not passes or length > room:
            passes.append([])
            room = tokens
        passes[-1].append(number)
        room -= length
    return passes


def fingerprint(rows: Sequence[EncodedRow]) -> str:
    """Return a SHA-256 over the ids, seams, weights and losses of the rows, in order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(
            repr(
                (row.ids, row.prompt_length, row.weight, row.replay, row.source, row.rejected)
            ).encode()
        )
    return digest.hexdigest()
