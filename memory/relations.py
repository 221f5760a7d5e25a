"""How two memories stand to each other, and which of two that contradict is to stand.

Likeness says what two texts are about, never whether both can be true: on our development pairs
(benchmarks/dev/relations.jsonl) contradictions and mere restatements are equally alike. So a
`Judge` is asked, for the few pairs that `candidates` lets through.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from .lexical import normalise, stems, terms
from .records import Memory
from .results import Recalled

Relation = Literal["same", "contradicts", "refines", "unrelated"]
"""Of a newer memory to an older one. `refines`: it says the same and more. `unrelated`: both can
be true, however alike they sound."""

TRUST_MARGIN = 0.2
"""By this much trust must differ for the better sourced memory to stand against a later one.

Trust is a rough figure, so a small difference says less than the order of time does. At 0.2 a
document (1.0) stands against a remark (0.8 or less), while two documents go by date.
"""

CANDIDATE_FLOOR = 0.4
"""Lowest cosine similarity at which two memories are worth a judge's call.

With all-MiniLM-L6-v2 the least alike of 36 contradicting development pairs has 0.46. Recall is
what counts here: a pair too many costs a call, a pair too few leaves a contradiction standing.
"""


class Judge(Protocol):
    """Says how memories relate."""

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        """Return one relation per pair, in order; the older memory comes first in each."""
        ...


@dataclass(frozen=True, kw_only=True)
class Settled:
    """Two memories that contradict each other, as they are to be kept."""

    winner: Memory
    """Says in `supersedes` what it took the place of; otherwise as it was."""
    loser: Memory
    """Superseded, with the end of its validity; otherwise as it was, so that it stays visible."""


def settle(older: Memory, newer: Memory, relation: Relation) -> Settled | None:
    """Decide which of two memories stands; None when both do.

    The clearly better trusted one wins (see `TRUST_MARGIN`), otherwise the one that holds from
    later on, and of two that begin together the one given as newer. Both must bear their time of
    creation.

    Args:
        older: Was known before.
        newer: Came after it.
        relation: As judged.
    """
    if relation != "contradicts":
        return None
    winner, loser = (newer, older) if _gives_way(older, newer) else (older, newer)
    known = dict.fromkeys((*winner.supersedes, loser.id))
    return Settled(
        winner=dataclasses.replace(winner, supersedes=tuple(known)),
        loser=dataclasses.replace(
            loser,
            status="superseded",
            superseded_by=winner.id,
            valid_to=max(holds_from(winner), holds_from(loser)),
        ),
    )


def holds_from(memory: Memory) -> float:
    """Return when a memory begins to hold, in POSIX seconds: when it was made if that is not known."""
    return memory.created if memory.valid_from is None else memory.valid_from


def _gives_way(older: Memory, newer: Memory) -> bool:
    if abs(older.trust - newer.trust) >= TRUST_MARGIN:
        return newer.trust > older.trust
    return holds_from(newer) >= holds_from(older)


def candidates(
    new: Memory, found: Sequence[Recalled], *, floor: float = CANDIDATE_FLOOR
) -> list[Memory]:
    """Return which of the recalled memories are worth a judge's call, in the order recalled.

    They are active, of the same namespace and kind, say something else in other words, are near
    in meaning and share a content word. Two sentences of one version of a document are both meant
    as they stand there, so they are not compared.

    Args:
        new: What is about to be remembered.
        found: What its text recalls.
        floor: Lowest cosine similarity, from -1 to 1.
    """
    return [item.memory for item in found if item.dense >= floor and _comparable(new, item.memory)]


def _comparable(new: Memory, known: Memory) -> bool:
    return (
        known.status == "active"
        and (known.namespace, known.kind) == (new.namespace, new.kind)
        and normalise(known.text) != normalise(new.text)
        and _sources(known).isdisjoint(_sources(new))
        and not stems(terms(known.text)).isdisjoint(stems(terms(new.text)))
    )


def _sources(memory: Memory) -> set[tuple[str, str]]:
    return {(span.document, span.version) for span in memory.spans}
