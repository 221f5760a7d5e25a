"""Memories into a file: JSON lines, or Parquet.

Both are streamed, so that the memory used does not grow with the file, and both take the place of
the target in one step: a kill leaves the old file, or the new one. Either is readable without
Ingrained. The history of the memories (the ledger's events) stays behind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from ingrained.disk import replacing

from .columns import arrow_schema, columns_of, json_line, record_batch
from .rows import Header, Row, batches

_BATCH = 1000
"""Memories to a row group of Parquet."""

Writer = Callable[[Path, Iterable[Row], Header], int]


def write_jsonl(path: Path, rows: Iterable[Row], header: Header) -> int:
    """Write a header line, a line for each memory, and a last line that says how many they are.

    Returns:
        How many memories were written.

    Raises:
        OSError: The file cannot be written; the one that was there stays as it was.
    """
    written = 0
    with replacing(path) as file:
        file.write(json_line({"ingrained": header.to_dict()}))
        for row in rows:
            file.write(json_line(columns_of(row)))
            written += 1
        file.write(json_line({"ingrained_end": written}))
    return written


def write_parquet(path: Path, rows: Iterable[Row], header: Header) -> int:
    """Write the columns that `columns` documents, compressed with zstd.

    Returns:
        How many memories were written.

    Raises:
        OSError: The file cannot be written; the one that was there stays as it was.
    """
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    schema = arrow_schema(header)
    written = 0
    with replacing(path) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches(rows, _BATCH):
            writer.write_batch(record_batch(batch, schema))
            written += len(batch)
    return written
