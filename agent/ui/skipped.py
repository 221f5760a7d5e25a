"""What was left out of a corpus: a line for each thing, or for each kind of reason."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

MOST_LINES = 10
"""Of one kind; more than these are counted in one line."""
_SAME_CONTENT = "same content as "
_LINE_NUMBER = re.compile(r":\d+\Z")


def skipped_lines(skipped: Sequence[Mapping[str, str]]) -> Iterator[str]:
    """Yield `PATH: REASON` of each, or `N files: KIND` where many have a reason of one kind."""
    kinds: dict[str, list[Mapping[str, str]]] = defaultdict(list)
    for item in skipped:
        kinds[_kind(item["reason"])].append(item)
    for item in skipped:
        kind = _kind(item["reason"])
        alike = kinds[kind]
        if len(alike) <= MOST_LINES:
            yield f"{item['path']}: {item['reason']}"
        elif item is alike[0]:
            yield f"{len(alike):,} {_what(alike)}: {kind}"


def _kind(reason: str) -> str:
    """Return a reason without what is particular to one file."""
    if reason.startswith(_SAME_CONTENT):
        return f"{_SAME_CONTENT}another"
    return reason.partition(":")[0]


def _what(items: Sequence[Mapping[str, str]]) -> str:
    return "lines" if all(_LINE_NUMBER.search(item["path"]) for item in items) else "files"
