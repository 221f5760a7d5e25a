"""What happens when the same thing is remembered twice."""

from __future__ import annotations

import dataclasses

from .records import Evidence, Memory, Span


def merged(known: Memory, again: Memory, now: float) -> Memory:
    """Return `known` with what `again`, a duplicate, adds to it.

    Spans, evidence, tags and flags are united, and a new place counts. The text stays, the trust is
    the greater: what a trusted source says too is no less certain for another. An insert that
    repeats nothing but known spans and evidence changes nothing, so a resumed run may insert again.
    A forgotten memory that is learnt again is active again; a superseded one stays superseded,
    since an old document read again is no news.
    """
    spans = _united_spans(known.spans, again.spans)
    revived = known.status == "forgotten" and again.status == "active"
    return dataclasses.replace(
        known,
        spans=spans,
        evidence=_united_evidence(known.evidence, again.evidence),
        tags=_united(known.tags, again.tags),
        flags=_united(known.flags, again.flags),
        trust=max(known.trust, again.trust),
        count=known.count + (len(spans) > len(known.spans) or revived),
        pinned=known.pinned or again.pinned,
        status="active" if revived else known.status,
        last_recalled=now if revived else known.last_recalled,
    )


def _united(known: tuple[str, ...], again: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*known, *again)))


def _united_spans(known: tuple[Span, ...], again: tuple[Span, ...]) -> tuple[Span, ...]:
    return tuple(dict.fromkeys((*known, *again)))


def _united_evidence(
    known: tuple[Evidence, ...], again: tuple[Evidence, ...]
) -> tuple[Evidence, ...]:
    """Unite by question; the later trial of the same question replaces the earlier."""
    return tuple({item.question: item for item in (*known, *again)}.values())
