"""The study's state: plain data only, so that any checkpointer can store it."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict


class StudyState(TypedDict, total=False):
    """What travels between the nodes.

    Texts stay in the library; the state carries ids and the few passages in hand.
    """

    round: int
    """Number of the round under way, from 1."""
    objective: dict[str, Any]
    """What the round is for: level, topics, kinds with their shares, why; see `planning.Objective`."""
    queue: list[str]
    """Passages still to be studied in this round."""
    batch: list[str]
    """Passages in hand."""
    notes: list[dict[str, Any]]
    """Candidate notes of the batch: passage, title, text, start, end."""
    drafts: list[dict[str, Any]]
    """Questions of the batch, richer after each node: question, answer, votes, closed, verdict."""
    tally: dict[str, dict[str, int]]
    """Stage (asked, usable) → kind → how many questions of the batch reached it."""
    varied: bool
    """Whether the batch's accepted questions have been varied."""
    rejected: dict[str, int]
    """Reason → number of questions dropped, over the whole run."""
    before: int
    """Memories of any status when the run began."""
    kept: int
    """Memories added in this run."""
    spent: dict[str, dict[str, float]]
    """Cost by phase, so that a resumed run goes on counting."""
    scores: dict[str, float]
    """Share of sealed questions answered, by cell, at the last examination."""
    adapter: str | None
    """The adapter that was last made or tried in this run, promoted or not."""
    passed: str | None
    """The adapter that the gate let pass, until it is promoted, rejected or left to wait."""
    known_adapter: str | None
    """One of just what the memory holds, tried before, so that none was made at the end."""
    documents_then: int
    """Documents that were read to their end when memory was last consolidated, or the run began."""
    consolidated: bool
    """Whether memory was consolidated after the last passages of the run."""
    stop: str
    """Why the run ends, set by the examination: mastered, rounds or budget."""


class StudyInput(TypedDict, total=False):
    """What a host passes in: the corpus and the policy are in the context."""

    round: int
    """Rounds done before; 0 for a new run."""


class StudyOutput(TypedDict, total=False):
    """What a host gets back."""

    round: int
    kept: int
    scores: dict[str, float]
    adapter: str | None
    stop: str


class ConsolidationInput(TypedDict, total=False):
    """What a consolidation is told; the memory it trains on is in the context."""

    round: int
    """Number of the round under way, for its progress events."""


class ConsolidationOutput(TypedDict, total=False):
    """What a consolidation leaves, in the study around it or in a host's graph; see `StudyState`."""

    adapter: str | None
    known_adapter: str | None
    consolidated: bool
    documents_then: int
    spent: dict[str, dict[str, float]]
