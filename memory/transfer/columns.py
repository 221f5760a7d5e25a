"""The columns of an exported memory, one for each field of `Memory`, and two for its vector.

| column | type | what it is |
|---|---|---|
| `id`, `text`, `kind`, `title`, `status`, `superseded_by`, `derived_sha256`, `prompt_sha256`, `model` | string | as in `Memory`; empty when there is none |
| `namespace`, `tags`, `flags`, `supersedes`, `derived_from` | list of string | as in `Memory` |
| `created`, `last_recalled`, `valid_from`, `valid_to` | double | POSIX seconds; all but `created` may be null |
| `strength`, `trust` | double | days; in [0, 1] |
| `pinned` | bool | |
| `count` | int64 | how often it was inserted |
| `spans` | list of struct | `document`, `version`, `start`, `end` (characters), `quote`, `quote_sha256` |
| `evidence` | list of struct | `question`, `answer`, `passed_before`, `passed_after`, `phrasings` |
| `vector` | list of float | of unit length; null when not asked for, and for what is not recalled |
| `vector_sha256` | string | of the text that the vector was made of; null without one |

Seconds are kept as numbers because a timestamp would round them; `to_timestamp(created)` in DuckDB
and `pandas.to_datetime(frame.created, unit="s")` turn them into one.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ingrained.memory.entries import text_digest

from .rows import Header, Row

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

HEADER_KEY = b"ingrained"
"""Key of the header in the metadata of a Parquet file."""


def columns_of(row: Row) -> dict[str, Any]:
    """Return a row as JSON-ready columns."""
    with_vector = row.vector is not None
    return {
        **row.memory.to_dict(),
        "vector": [float(value) for value in row.vector or ()] if with_vector else None,
        "vector_sha256": text_digest(row.memory) if with_vector else None,
    }


def json_line(columns: dict[str, Any]) -> bytes:
    """Return columns as one line of UTF-8; a lone surrogate, which UTF-8 lacks, becomes `?`.

    The store does the same to a text before it indexes it; see `lexical.clean`.
    """
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace") + b"\n"


def record_batch(rows: Sequence[Row], schema: pa.Schema) -> pa.RecordBatch:
    """Return rows as Arrow columns; lone surrogates are replaced as in `json_line`."""
    import pyarrow as pa

    columns = [columns_of(row) for row in rows]
    try:
        return pa.RecordBatch.from_pylist(columns, schema=schema)
    except UnicodeEncodeError:
        cleaned = [json.loads(json_line(one)) for one in columns]
        return pa.RecordBatch.from_pylist(cleaned, schema=schema)


def arrow_schema(header: Header) -> pa.Schema:
    """Return the columns' types, with the header as metadata."""
    import pyarrow as pa

    strings = pa.list_(pa.string())
    types = {
        "id": pa.string(),
        "text": pa.string(),
        "kind": pa.string(),
        "namespace": strings,
        "title": pa.string(),
        "spans": pa.list_(_span_type()),
        "created": pa.float64(),
        "last_recalled": pa.float64(),
        "strength": pa.float64(),
        "trust": pa.float64(),
        "status": pa.string(),
        "pinned": pa.bool_(),
        "tags": strings,
        "flags": strings,
        "valid_from": pa.float64(),
        "valid_to": pa.float64(),
        "supersedes": strings,
        "superseded_by": pa.string(),
        "derived_from": strings,
        "derived_sha256": pa.string(),
        "evidence": pa.list_(_evidence_type()),
        "prompt_sha256": pa.string(),
        "model": pa.string(),
        "count": pa.int64(),
        "vector": pa.list_(pa.float32()),
        "vector_sha256": pa.string(),
    }
    return pa.schema(list(types.items()), metadata={HEADER_KEY: json.dumps(header.to_dict())})


def _span_type() -> pa.DataType:
    import pyarrow as pa

    return pa.struct(
        [
            ("document", pa.string()),
            ("version", pa.string()),
            ("start", pa.int64()),
            ("end", pa.int64()),
            ("quote", pa.string()),
            ("quote_sha256", pa.string()),
        ]
    )


def _evidence_type() -> pa.DataType:
    import pyarrow as pa

    return pa.struct(
        [
            ("question", pa.string()),
            ("answer", pa.string()),
            ("passed_before", pa.bool_()),
            ("passed_after", pa.bool_()),
            ("phrasings", pa.list_(pa.string())),
        ]
    )
