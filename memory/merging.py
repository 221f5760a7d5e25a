"""What happens when the same thing is remembered twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import Any, TypeVar

from .records import Evidence, Memory

_Item = TypeVar("_Item", bound=Hashable)


def merged(known: Memory, again: Memory, now: float) -> Memory:
    """Return `known` with what `again`, a duplicate, adds to it.

    Spans, evidence, tags and flags are united, and a new place counts. The text stays, trust and
    strength are the greater: what a trusted source says too is no less certain for another. Of two
    derivations the lineage is united and the trust the lesser, unless the known one holds no more.
    An insert that repeats nothing but known spans and evidence changes nothing, so a resumed run
    may insert again. A forgotten memory that is learnt again is active again, and so is a stale one
    that is derived again; a superseded one stays superseded here, see `InsertPlan`.
    """
    spans = _united(known.spans, again.spans)
    revived = again.status == "active" and (
        known.status == "forgotten" or (known.status == "stale" and bool(again.derived_from))
    )
    return dataclasses.replace(
        known,
        spans=spans,
        evidence=_united_evidence(known.evidence, again.evidence),
        tags=_united(known.tags, again.tags),
        flags=_united(known.flags, again.flags),
        strength=max(known.strength, again.strength),
        count=known.count + (len(spans) > len(known.spans) or revived),
        pinned=known.pinned or again.pinned,
        status="active" if revived else known.status,
        last_recalled=now if revived else known.last_recalled,
        **_lineage(known, again, revived=revived),
    )


def _lineage(known: Memory, again: Memory, *, revived: bool) -> dict[str, Any]:
    """Return what the memory is derived from after a merge, and how far it is trusted.

    What was known without a derivation needs none; what was derived does not lose its own.
    """
    if not known.derived_from:
        return {"trust": max(known.trust, again.trust)}
    if not again.derived_from:
        return {"trust": known.trust}
    if revived:
        names = ("trust", "derived_from", "derived_sha256")
        return {name: getattr(again, name) for name in names}
    return {
        "trust": min(known.trust, again.trust),
        "derived_from": _united(known.derived_from, again.derived_from),
    }


def _united(known: Iterable[_Item], again: Iterable[_Item]) -> tuple[_Item, ...]:
    return tuple(dict.fromkeys((*known, *again)))


def _united_evidence(
    known: tuple[Evidence, ...], again: tuple[Evidence, ...]
) -> tuple[Evidence, ...]:
    """Unite by question; the later trial of the same question replaces the earlier."""
    return tuple({item.question: item for item in (*known, *again)}.values())
