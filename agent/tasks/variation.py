"""Knowledge-free tasks: the model's own questions after the manner of some that it has.

Self-Instruct (Wang et al. 2023, section 2): tasks from a pool are shown and the model writes
another; it joins the pool when it is unlike all there. No text is in view, so the answer, if there
is one, comes from open-book votes later.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingrained.agent.prompts import load

from .kinds import VARIATION
from .wishes import Verified, Wish

SHOWN = 3
_OPENERS = ("What", "Who", "Where", "How many")
NOVEL_BELOW = 0.7
"""ROUGE-L with each question of the pool (Self-Instruct, section 2.2)."""


def variations(
    verified: Sequence[Verified], pool: Sequence[str] = (), *, per_passage: int = 2
) -> list[Wish]:
    """Ask for new questions about the passages that have `SHOWN` verified ones or more.

    Args:
        verified: Questions in hand.
        pool: Questions of earlier batches, which must not come again either.
        per_passage: Each wish of a passage shows other questions, as far as there are others.
    """
    grouped: dict[str, list[Verified]] = {}
    for one in verified:
        grouped.setdefault(one.place.passage, []).append(one)
    known = (*pool, *(one.question for one in verified))
    return [
        _wish(shown, known) for group in grouped.values() for shown in _shown(group, per_passage)
    ]


def _shown(group: Sequence[Verified], wanted: int) -> list[list[Verified]]:
    """Return disjoint threes, spread over the passage: 1st, 3rd, 5th; 2nd, 4th, 6th."""
    asked = list({one.question: one for one in group}.values())
    count = min(wanted, len(asked) // SHOWN)
    return [asked[start::count][:SHOWN] for start in range(count)]


def _wish(shown: Sequence[Verified], known: tuple[str, ...]) -> Wish:
    place = shown[0].place
    first, second, third = (one.question for one in shown)
    return Wish(
        kind=VARIATION,
        prompt=load("variation").render(
            topic=place.topic, first=first, second=second, third=third, opener=_opener(shown)
        ),
        answer="",
        passages=(place.passage,),
        note=None,
        source=place.source,
        after=shown[0].id,
        also=tuple(one.id for one in shown[1:]),
        unlike=known,
        likeness=NOVEL_BELOW,
    )


def _opener(shown: Sequence[Verified]) -> str:
    """Return first words that none of the shown questions has."""
    used = [one.question for one in shown]
    fresh = (opener for opener in _OPENERS if not any(q.startswith(opener) for q in used))
    return next(fresh)
