"""What the loss of a row is made of: cross-entropy, divergence from a teacher, preference."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy, logsigmoid

from .divergence import Teacher
from .encode import EncodedRow
from .recipe import LoraRecipe


class Objectives:
    """The losses of rows from their logits, and what the base has to say for them beforehand.

    Args:
        recipe: How much each counts.
    """

    def __init__(self, recipe: LoraRecipe) -> None:
        self._recipe = recipe
        self._teachers: dict[EncodedRow, Teacher] = {}
        self._references: dict[EncodedRow, float] = {}

    def taught(self, rows: Sequence[EncodedRow]) -> list[EncodedRow]:
        """Return the rows that are to have a teacher."""
        return [row for row in rows if row.replay or (self._recipe.distil and row.source)]

    def preferring(self, rows: Sequence[EncodedRow]) -> list[EncodedRow]:
        """Return the rows whose answer is preferred to another one."""
        return [row for row in rows if self._recipe.dpo and row.rejected]

    def forwarded(self, rows: Sequence[EncodedRow]) -> list[EncodedRow]:
        """Return the rows whose logits `losses` takes: these, then what some of them reject."""
        return [*rows, *(row.with_rejected for row in self.preferring(rows))]

    def keep_teacher(self, row: EncodedRow, log_probabilities: torch.Tensor) -> None:
        """Keep what a row's teacher says at each supervised token, (S, V)."""
        self._teachers[row] = Teacher.of(log_probabilities)

    def keep_reference(self, row: EncodedRow, margin: float) -> None:
        """Keep the reference's margin: by how much the base itself prefers a row's answer, in nats."""
        self._references[row] = margin

    def losses(
        self, rows: Sequence[EncodedRow], logits: torch.Tensor, labels: torch.Tensor
    ) -> torch.Tensor:
        """Return the loss of each supervised token of the rows, (S,).

        A row without teacher or reference has its cross-entropy only.

        Args:
            rows: What is trained on.
            logits: Of all that is `forwarded`, (S + rejected, V), float32.
            labels: The tokens there, (S + rejected,).
        """
        plain = cross_entropy(logits, labels, reduction="none")
        sizes = [row.supervised for row in self.forwarded(rows)]
        own, said = torch.split(plain, sizes), torch.split(logits, sizes)
        rejected = iter(own[len(rows) :])
        out = []
        for number, row in enumerate(rows):
            loss = own[number]
            if row in self._teachers:
                loss = self._mixed(row, loss, said[number])
            if self.preferring([row]):
                loss = loss + self._preference(row, own[number], next(rejected)) / len(loss)
            out.append(loss)
        return torch.cat(out)

    def _mixed(self, row: EncodedRow, plain: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        share = 1.0 if row.replay else self._recipe.distil
        apart = self._teachers[row].divergence(logits.log_softmax(-1))
        return share * apart + (1 - share) * plain

    def _preference(
        self, row: EncodedRow, chosen: torch.Tensor, rejected: torch.Tensor
    ) -> torch.Tensor:
        """Return -log sigmoid(beta · (margin - that of the base)) (Rafailov et al. 2023, eq. 7)."""
        if row not in self._references:
            return chosen.new_zeros(())
        margin = rejected.sum() - chosen.sum() - self._references[row]
        return -self._recipe.dpo * logsigmoid(self._recipe.beta * margin)
