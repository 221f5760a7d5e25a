"""What a round is for: the corpus narrowed to topics, topics to passages, and kinds of questions.

The plan is made from the scores of the round before, which closes the cycle of "A Survey on
Self-Evolution of LLMs" (Tao et al. 2024); the hierarchy of objectives and the three levels of
autonomy are from its open problems.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

from ingrained.agent.tasks.kinds import DERIVED
from ingrained.errors import SettingsError

from .apportioning import apportion
from .choosing import Choice, choose_kinds, choose_topics
from .kinds import kind_shares
from .scores import Standing, Topic, standing, studied_topics, topics

if TYPE_CHECKING:
    from ingrained.agent.asking import Asker
    from ingrained.agent.library import Library

AUTONOMY = ("low", "medium", "high")
"""Who plans: a fixed plan, the scores, the model."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What a round is for."""

    level: str
    """Which of `AUTONOMY` it was planned with."""
    topics: Mapping[str, int]
    """Topic id → how many of its passages are taken up, in reading order."""
    kinds: Mapping[str, float]
    """Kind of question → its share of what is asked; the shares add up to 1."""
    passages: tuple[str, ...]
    """Ids, in the order in which they are taken up."""
    why: str
    """One sentence of fixed words and numbers, no document's text."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_dict` is its inverse."""
        return {**asdict(self), "passages": list(self.passages)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild from `to_dict` output or its JSON round trip."""
        return cls(**{**data, "passages": tuple(data["passages"])})


@dataclass(frozen=True, kw_only=True)
class Planner:
    """How rounds are planned.

    Raises:
        SettingsError: no such level of autonomy, no kind of question, or no passage a round.
    """

    autonomy: str = "medium"
    kinds: tuple[str, ...]
    """Those that may be asked, in a fixed order."""
    limit: int
    """Most passages taken up again in a later round."""
    model: str
    """Name of the model whose acceptance counts."""
    asker: Asker | None = None
    """The model that plans at level `high`; without one the scores do."""

    def __post_init__(self) -> None:
        """Check the fields."""
        if self.autonomy not in AUTONOMY:
            raise SettingsError(
                f"autonomy must be one of {', '.join(AUTONOMY)}, got {self.autonomy!r}"
            )
        if not self.kinds or self.limit < 1:
            raise SettingsError("a round needs a kind of question and at least one passage")


def plan_round(number: int, library: Library, planner: Planner) -> Objective:
    """Return what a round of a run is for; the same library gives the same plan.

    Args:
        number: Of the round within its run, from 1: the first takes all that was never studied.
        library: What was read and asked so far.
        planner: How to plan.
    """
    if number == 1:
        return _first(library, planner)
    if planner.autonomy == "low":
        return _fixed(number, library, planner)
    return _by_scores(library, planner, chosen=planner.autonomy == "high")


def open_round(number: int, library: Library, planner: Planner) -> Objective:
    """Return what a round is for and open it in the gradebook.

    A later round has the objective that the evaluation of the one before has set.
    """
    book = library.gradebook
    before = book.trace(book.latest()).get("next_objective") if number > 1 else None
    objective = Objective.from_dict(before) if before else plan_round(number, library, planner)
    book.begin(objective.to_dict())
    return objective


def _first(library: Library, planner: Planner) -> Objective:
    unread = library.unread()
    shares, why = _kinds(library, planner, standing(library), chosen=False)
    return Objective(
        level=planner.autonomy,
        topics=_counted(topics(library), unread),
        kinds=shares,
        passages=tuple(unread),
        why=f"what was never studied, in reading order: {len(unread)} passages{why}",
    )


def _fixed(number: int, library: Library, planner: Planner) -> Objective:
    """Go through the corpus in reading order, over and over, whatever the scores are."""
    parts = studied_topics(library)
    order = [place.passage for place in library.gradebook.places() if place.studied]
    count = min(planner.limit, len(order))
    begin = (number - 2) * count
    taken = tuple(order[(begin + step) % len(order)] for step in range(count))
    return Objective(
        level="low",
        topics=_counted(parts, taken),
        kinds=_evenly(planner.kinds),
        passages=taken,
        why=f"a fixed plan: {count} passages in reading order, {len(planner.kinds)} kinds evenly",
    )


def _by_scores(library: Library, planner: Planner, *, chosen: bool) -> Objective:
    """Take up the weakest passages of each topic, as many as its share of the failures demands."""
    found, parts = standing(library), studied_topics(library)
    open_parts = [part for part in parts if found.open_passages(part)]
    choice = choose_topics(planner.asker, open_parts, found) if chosen else Choice()
    passages = weakest([p for p in open_parts if choice.allows(p.id)], found, planner.limit)
    counts = _counted(parts, passages)
    shares, why_kinds = _kinds(library, planner, found, chosen=chosen)
    return Objective(
        level=planner.autonomy,
        topics=counts,
        kinds=shares,
        passages=passages,
        why=f"by scores: {len(passages)} passages, in {len(counts)} of {len(parts)} topics"
        f"{choice.said('topics')}{why_kinds}",
    )


def weakest(parts: Sequence[Topic], found: Standing, limit: int) -> tuple[str, ...]:
    """Return the ids of the weakest passages of each topic, the weakest of all first.

    A topic gets as many as its share of the failures that are to be expected demands; a passage
    whose questions are all answered is left out.

    Args:
        parts: Topics, in reading order.
        found: How they stand.
        limit: Most passages in all.
    """
    left = {part.id: found.open_passages(part) for part in parts}
    counts = apportion(
        {part.id: found.topics[part.id].error_mass for part in parts},
        limit,
        caps={id_: len(passages) for id_, passages in left.items()},
    )
    taken = {id_ for part in parts for id_ in left[part.id][: counts[part.id]]}
    order = [id_ for part in parts for id_ in part.passages if id_ in taken]
    return tuple(sorted(order, key=found.weakness))


def _kinds(
    library: Library, planner: Planner, found: Standing, *, chosen: bool
) -> tuple[dict[str, float], str]:
    """Return kind → share, and what is to be said of who chose them.

    The model chooses among the kinds that are made from accepted questions; without the others
    there would be none.
    """
    if planner.autonomy == "low":
        return _evenly(planner.kinds), ""
    acceptance = library.gradebook.acceptance(planner.model)
    choice = Choice()
    if chosen:
        derived = [kind for kind in planner.kinds if kind in DERIVED]
        choice = choose_kinds(planner.asker, derived, found, acceptance)
    wanted = [kind for kind in planner.kinds if kind not in DERIVED or choice.allows(kind)]
    return kind_shares(wanted, found, acceptance), choice.said("kinds")


def _evenly(kinds: Sequence[str]) -> dict[str, float]:
    return dict.fromkeys(kinds, 1 / len(kinds))


def _counted(parts: Sequence[Topic], passages: Sequence[str]) -> dict[str, int]:
    taken = set(passages)
    counts = {part.id: len(taken.intersection(part.passages)) for part in parts}
    return {id_: count for id_, count in counts.items() if count}
