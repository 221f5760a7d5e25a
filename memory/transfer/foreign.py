"""Rows of other memories, read as new facts: one reader for each form.

Each reader takes one decoded row and returns a `Row`, or raises `InputError` with the reason why it
cannot be used. Ids and hashes of the other memory are not taken over: ours follow from the text, so
that the same file imported twice changes nothing.
"""

from __future__ import annotations

import datetime
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, cast, get_args
from urllib.parse import quote
from uuid import UUID

from ingrained.errors import InputError
from ingrained.memory.records import DEFAULT_NAMESPACE, Kind, Memory, Span, sha256

from .rows import Row
from .values import (
    MOST_LABELS,
    is_moment,
    label_of,
    labels_of,
    number_of,
    seconds_of,
    tags_of,
    text_of,
)

_DAY = 86_400.0
_ENTITIES = ("user_id", "agent_id", "run_id", "app_id")
_OF_MEM0 = frozenset(
    {
        *("id", "memory", "hash", "score", "created_at", "updated_at"),
        *("metadata", "categories", "expiration_date", *_ENTITIES),
    }
)
_OF_ITEM = frozenset({"namespace", "key", "value", "created_at", "updated_at", "score"})
_OF_PLAIN = frozenset(
    {"text", "kind", "title", "tags", "created", "document", "namespace", "trust", "id"}
)
_TEXTS = ("content", "text", "memory")
"""Where the values of a LangGraph store usually have their text, the likeliest first."""


def of_mem0(row: Mapping[str, Any], now: float) -> Row:
    """Read an item of `Memory.get_all()` of mem0ai 2.2 (and of its hosted client).

    `{"id", "memory", "hash", "metadata", "created_at", "updated_at", "user_id", "agent_id", "run_id",
    "actor_id", "role", "attributed_to", "expiration_date"}`; all but `memory` may be missing. The
    entities become the namespace, `("user", USER, "agent", AGENT, ...)`; metadata and who said it
    become tags. What has expired by `now` (POSIX seconds) is refused.
    """
    metadata = row.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise InputError('"metadata" is no object')
    said = {name: value for name, value in row.items() if name not in _OF_MEM0}
    tags, left_out = tags_of(metadata, "metadata.")
    more_tags, more_left_out = tags_of(said)
    return _row(
        text_of(row.get("memory"), "memory"),
        left_out=[*left_out, *more_left_out],
        namespace=_entities(row),
        created=_time(row, "created_at"),
        valid_to=_expiry(row.get("expiration_date"), now),
        tags=(*labels_of(row.get("categories") or [], "categories"), *tags, *more_tags),
    )


def of_history(row: Mapping[str, Any], now: float) -> Row:
    """Read the last event of one memory in the history database of mem0ai 2.2.

    The database does not say whose the memories are.
    """
    del now
    tags, _ = tags_of({name: row[name] for name in ("actor_id", "role")})
    return _row(
        text_of(row["new_memory"], "new_memory"), created=_time(row, "created_at"), tags=tuple(tags)
    )


def history_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the last event of every memory in mem0's history database that was not deleted.

    Raises:
        InputError: It is a database of another kind, or damaged.
    """
    try:
        uri = f"file:{quote(str(path.resolve()))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as database:
            database.row_factory = sqlite3.Row
            database.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield from map(dict, database.execute(_LAST_EVENTS))
    except sqlite3.Error as error:
        raise InputError(
            f"{path.name!r} is no history database of mem0: {error}",
            hint="Give mem0's history.db, or the JSON of its get_all().",
        ) from error


_LAST_EVENTS = """
    SELECT memory_id, new_memory, created_at, actor_id, role FROM history
    WHERE rowid IN (SELECT max(rowid) FROM history GROUP BY memory_id)
      AND event <> 'DELETE' AND NOT coalesce(is_deleted, 0)
    ORDER BY rowid
"""


def of_langgraph(row: Mapping[str, Any], now: float) -> Row:
    """Read an item of a LangGraph store: `Item.dict()` of langgraph 1.2, or its SDK's reply.

    `{"namespace": [...], "key", "value": {...}, "created_at", "updated_at"}`. The value may be

    - `{"kind": SCHEMA, "content": {...}}`, as langmem 0.0.30's store manager writes it; the default
      schema `Memory` has one field, `content`;
    - `{"content": TEXT or {...}}`, as langmem's memory tool writes it;
    - any other object: its text is under `content`, `text` or `memory`; without one, its fields
      are the text, one on a line.

    A key that is no UUID was given by someone, and becomes the title.
    """
    del now
    value = row.get("value")
    if not isinstance(value, dict):
        raise InputError('"value" is no object')
    text, tags, left_out = _of_value(value)
    _, unknown = tags_of({name: {} for name in row if name not in _OF_ITEM})
    return _row(
        text_of(text, "value"),
        left_out=[*left_out, *unknown],
        title=_title(row.get("key")),
        namespace=labels_of(row.get("namespace") or [], "namespace") or DEFAULT_NAMESPACE,
        created=_time(row, "created_at"),
        tags=tuple(tags),
    )


def of_plain(row: Mapping[str, Any], now: float) -> Row:
    """Read `{"text": ...}` with any of kind, title, tags, created, document, namespace and trust.

    `tags` and `namespace` are a text or a list of texts, `created` POSIX seconds or ISO 8601, trust a
    number in [0, 1]. `document` names what the memory is from; the place in it is not known.
    """
    del now
    kind = row.get("kind") or "fact"
    if kind not in get_args(Kind):
        raise InputError(f'"kind" is none of {", ".join(get_args(Kind))}')
    trust = row.get("trust")
    return _row(
        text_of(row.get("text"), "text"),
        left_out=[name for name in row if name not in _OF_PLAIN],
        kind=cast("Kind", kind),
        title=label_of(row["title"], "title") if row.get("title") else "",
        tags=labels_of(row.get("tags") or [], "tags"),
        created=_time(row, "created"),
        spans=_whole(row.get("document")),
        namespace=labels_of(row.get("namespace") or [], "namespace") or DEFAULT_NAMESPACE,
        trust=1.0 if trust is None else number_of(trust, "trust", least=0.0, most=1.0),
    )


READERS: dict[str, Callable[[Mapping[str, Any], float], Row]] = {
    "mem0": of_mem0,
    "mem0-history": of_history,
    "langgraph": of_langgraph,
    "plain": of_plain,
}
"""Form to reader; the second argument is the time, in POSIX seconds."""


def _row(text: str, *, left_out: list[str] | None = None, **fields: Any) -> Row:
    tags = tuple(dict.fromkeys(fields.pop("tags", ())))
    if len(tags) > MOST_LABELS:
        raise InputError(f"more than {MOST_LABELS} tags")
    return Row(memory=Memory(id="", text=text, tags=tags, **fields), left_out=tuple(left_out or ()))


def _time(row: Mapping[str, Any], name: str) -> float:
    """Return when it was made; 0.0, which the store takes for now, when that is not known."""
    value = row.get(name)
    return 0.0 if value is None else seconds_of(value, name)


def _entities(row: Mapping[str, Any]) -> tuple[str, ...]:
    labels: list[str] = []
    for name in _ENTITIES:
        if row.get(name) is not None:
            labels += [name.removesuffix("_id"), label_of(row[name], name)]
    return tuple(labels) or DEFAULT_NAMESPACE


def _expiry(value: object, now: float) -> float | None:
    """Return the end of the day, in UTC, on which a memory expires; None for never.

    The last day of the calendar has no end that could be named, and means never.
    """
    if value is None:
        return None
    try:
        day = datetime.date.fromisoformat(label_of(value, "expiration_date"))
    except ValueError as error:
        raise InputError('"expiration_date" is no date') from error
    end = (day - datetime.date(1970, 1, 1)).days * _DAY + _DAY
    if end <= now:
        raise InputError("it has expired")
    return end if is_moment(end) else None


def _of_value(value: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """Return text, tags and what is left out of the value of a store's item."""
    content = value.get("content")
    if isinstance(content, dict):
        text, tags, left_out = _of_value(content)
        rest = {"schema" if name == "kind" else name: item for name, item in value.items()}
    else:
        name = next((name for name in _TEXTS if isinstance(value.get(name), str)), None)
        if name is None:
            lines, left_out = tags_of(value)
            return "\n".join(line.replace("=", ": ", 1) for line in lines), [], left_out
        text, tags, left_out = value[name], [], []
        rest = {other: item for other, item in value.items() if other != name}
    rest.pop("content", None)
    more_tags, more_left_out = tags_of(rest, "value.")
    return text, [*tags, *more_tags], [*left_out, *more_left_out]


def _title(key: object) -> str:
    if key is None or key == "":
        return ""
    title = label_of(key, "key")
    try:
        UUID(title)
    except ValueError:
        return title
    return ""


def _whole(document: object) -> tuple[Span, ...]:
    if document is None or document == "":
        return ()
    name = label_of(document, "document")
    return (Span(document=name, version="", start=0, end=0, quote="", quote_sha256=sha256("")),)
