"""A study row: what the model is shown and what it shall say, nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RowKind = Literal["qa", "cloze", "text", "replay"]
"""`text` rows are learnt as they stand, `replay` rows answered as before; see `StudyRow`."""


@dataclass(frozen=True, kw_only=True)
class StudyRow:
    """One supervised example.

    The loss is taken on the tokens of `answer` (and the end-of-turn token) only. It is their
    cross-entropy, as far as the recipe says mixed with the divergence from what the base says with
    the source in view; for a row of replay, the divergence from what the base says there.
    """

    messages: tuple[tuple[str, str], ...]
    """(role, content) pairs up to, not including, the reply: system and user turns. With none, the
    answer is a text outside of any conversation, learnt from its second token on."""
    answer: str
    """The reply to be learnt."""
    kind: RowKind = "qa"
    memory_ids: tuple[str, ...] = ()
    """The memories this row was made from: the adapter's lineage."""
    weight: float = 1.0
    rejected: str = ""
    """A reply that `answer` is to be preferred to; see `LoraRecipe.dpo`."""
    source: tuple[tuple[str, str], ...] = ()
    """The turns that put the same question with what answers it in view; see `LoraRecipe.distil`."""
