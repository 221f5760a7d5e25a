"""Counting what is in a store."""

from __future__ import annotations

import json

from .lookups import Lookups
from .results import StoreStats

_ACTIVE = "FROM memories WHERE status = 'active'"


def count(ledger: Lookups, *, embedder: str) -> StoreStats:
    """Return the counts over all memories of a store, whatever their status."""
    statuses = dict(ledger.tally("SELECT status, count(*) FROM memories GROUP BY status"))
    ((pinned, reinforced),) = ledger.tally(
        f"SELECT coalesce(sum(pinned), 0), count(last_recalled) {_ACTIVE}"
    )
    ((documents,),) = ledger.tally(
        "SELECT count(DISTINCT value) FROM facets JOIN memories USING (seq) "
        "WHERE facets.name = 'document' AND status = 'active'"
    )
    spaces = ledger.tally(f"SELECT namespace, count(*) {_ACTIVE} GROUP BY namespace")
    return StoreStats(
        active=statuses.get("active", 0),
        superseded=statuses.get("superseded", 0),
        forgotten=statuses.get("forgotten", 0),
        stale=statuses.get("stale", 0),
        pinned=pinned,
        reinforced=reinforced,
        documents=documents,
        events=ledger.event_count(),
        kinds=dict(
            ledger.tally(f"SELECT kind, count(*) {_ACTIVE} GROUP BY kind ORDER BY min(seq)")
        ),
        namespaces={tuple(json.loads(name)): number for name, number in spaces},
        embedder=embedder,
    )


def by_kind_and_status(ledger: Lookups) -> dict[tuple[str, str], int]:
    """Return how many memories there are of each kind and status."""
    rows = ledger.tally("SELECT kind, status, count(*) FROM memories GROUP BY kind, status")
    return {(kind, status): number for kind, status, number in rows}


def events_by_kind(ledger: Lookups) -> dict[str, int]:
    """Return how many events there are of each kind."""
    return dict(ledger.tally("SELECT kind, count(*) FROM events GROUP BY kind"))
