"""Which kinds of questions to ask: those that work for the model and whose questions fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from .acceptance import Acceptance
from .scores import Score, Standing

EXPLORATION = 0.05
"""Share of the questions that goes to kinds that were given up, so that a change is noticed."""
TRIES = 30
"""So many are asked for before a kind is given up."""
USELESS = 0.1
"""A kind is given up when its share of accepted questions is surely below this."""
WORTH_ASKING = 0.4
"""Accepted per asked from which all answers chosen in a note are asked for; with less, fewer."""


def kind_shares(
    kinds: Sequence[str], found: Standing, acceptance: Mapping[str, Acceptance]
) -> dict[str, float]:
    """Return kind → share of what is asked, in proportion to weakness times acceptance.

    Args:
        kinds: At least one.
        found: How the kinds stand; one that was never asked stands like the corpus.
        acceptance: Kind → what became of its questions with the model in use.
    """
    weights = {kind: _weight(kind, found, acceptance) for kind in kinds}
    given_up = [kind for kind in kinds if is_given_up(acceptance.get(kind))]
    if len(given_up) == len(kinds):
        return dict.fromkeys(kinds, 1 / len(kinds))
    whole = sum(weights[kind] for kind in kinds if kind not in given_up)
    explored = EXPLORATION if given_up else 0.0
    return {
        kind: explored / len(given_up)
        if kind in given_up
        else (1 - explored) * weights[kind] / whole
        for kind in kinds
    }


def shares_now(
    shares: Mapping[str, float], acceptance: Mapping[str, Acceptance]
) -> dict[str, float]:
    """Return the shares of a round after what became of its first tasks, so that it moves at once.

    Args:
        shares: Kind → share, as the round was planned.
        acceptance: Kind → what became of its questions in this round.
    """
    fresh = Acceptance(asked=0, usable=0, accepted=0)
    weights = {kind: share * acceptance.get(kind, fresh).expected for kind, share in shares.items()}
    whole = sum(weights.values())
    return {kind: weight / whole for kind, weight in weights.items()} if whole else dict(shares)


def is_given_up(acceptance: Acceptance | None) -> bool:
    """Return whether a kind was tried often enough to know that it hardly ever works."""
    return is_known(acceptance) and acceptance.interval[1] < USELESS


def is_known(acceptance: Acceptance | None) -> TypeGuard[Acceptance]:
    """Return whether a kind was tried often enough to go by what became of it."""
    return acceptance is not None and acceptance.asked >= TRIES


def answers_now(most: int, acceptance: Acceptance | None) -> int:
    """Return how many answers of a note to ask for, as what became of earlier ones has it.

    Where hardly any question of the model's own is accepted, it is asked for fewer, and what is left
    without a question gets gaps, which cost no model call.

    Args:
        most: As many while little is known, or where enough is accepted; 1 at least.
        acceptance: Of the questions with an answer chosen first, with the model in use.
    """
    if not is_known(acceptance):
        return most
    return max(1, round(most * min(1.0, acceptance.expected / WORTH_ASKING)))


def _weight(kind: str, found: Standing, acceptance: Mapping[str, Acceptance]) -> float:
    score = found.kinds.get(kind, Score(passed=0, asked=0, mean=found.corpus.mean))
    works = acceptance.get(kind, Acceptance(asked=0, usable=0, accepted=0))
    return (1 - score.shrunk) * works.expected
