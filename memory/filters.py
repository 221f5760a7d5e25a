"""Which memories may be recalled or listed at all."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .records import Kind

_IN_DOCUMENT = "m.seq IN (SELECT seq FROM facets WHERE name = 'document' AND value = ?)"
_TAGGED = "m.seq IN (SELECT seq FROM facets WHERE name = 'tag' AND value = ?)"


@dataclass(frozen=True, kw_only=True)
class Where:
    """Conditions that all have to be met; one left out is met by every memory."""

    kinds: tuple[Kind, ...] = ()
    """Of one of these kinds."""
    document: str | None = None
    """Resting on this document."""
    tags: tuple[str, ...] = ()
    """Bearing all of these tags."""
    created_from: float | None = None
    """Made at this time (POSIX seconds) or later."""
    created_to: float | None = None
    """Made before this time."""
    min_trust: float = 0.0
    """Trusted at least so much."""

    def __bool__(self) -> bool:
        return self != _ANY

    def sql(self) -> list[tuple[str, Any]]:
        """Return SQL conditions on a table `memories AS m`, each with its one value."""
        conditions: list[tuple[str, Any]] = [
            ("m.kind IN (SELECT value FROM json_each(?))", json.dumps(self.kinds)),
            (_IN_DOCUMENT, self.document),
            ("m.created >= ?", self.created_from),
            ("m.created < ?", self.created_to),
            ("m.trust >= ?", self.min_trust),
        ]
        used = (bool(self.kinds), *(value is not None for _, value in conditions[1:-1]),
                self.min_trust > 0.0)  # fmt: skip
        chosen = [pair for pair, wanted in zip(conditions, used, strict=True) if wanted]
        return [*chosen, *((_TAGGED, tag) for tag in self.tags)]


_ANY = Where()
