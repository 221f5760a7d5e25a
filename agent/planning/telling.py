"""What a run's record says of planning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .scores import standing, studied_topics

if TYPE_CHECKING:
    from ingrained.agent.library import Library

WEAKEST_TOLD = 3
"""Topics."""


def brief(library: Library, model: str) -> dict[str, Any]:
    """Return acceptance by kind, the weakest topics by name, and what comes next, as plain data.

    Args:
        library: What was read and asked.
        model: Whose acceptance is told.
    """
    book, found = library.gradebook, standing(library)
    weak = [part for part in studied_topics(library) if found.topics[part.id].share < 1]
    weak.sort(key=lambda part: -found.topics[part.id].error_mass)
    following = book.trace(book.latest()).get("next_objective")
    return {
        "acceptance": {
            kind: {"asked": one.asked, "accepted": one.accepted}
            for kind, one in book.acceptance(model).items()
        },
        "weakest": [
            {
                "topic": part.name,
                "passed": found.topics[part.id].passed,
                "asked": found.topics[part.id].asked,
            }
            for part in weak[:WEAKEST_TOLD]
        ],
        "next": following["why"] if following else "",
    }
