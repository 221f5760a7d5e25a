"""Our own exports, read and checked field by field: the file may have been edited, or forged."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ingrained.errors import InputError
from ingrained.memory.entries import text_digest
from ingrained.memory.lexical import normalise
from ingrained.memory.records import Memory

from .columns import HEADER_KEY, arrow_schema
from .lines import lines_of, parsed
from .rows import Header, Items, Row, Skipped, checked
from .values import is_moment

if TYPE_CHECKING:
    import pyarrow as pa  # type: ignore[import-untyped]

_BATCH = 1000
_LARGEST = 2**53
_FIELDS = tuple(field.name for field in dataclasses.fields(Memory))
_LENGTH_TOLERANCE = 1e-3


@dataclass(frozen=True, kw_only=True)
class _Columns(Memory):
    """A row as it stands in the file."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}
    vector: tuple[float, ...] | None = None
    vector_sha256: str | None = None


class ExportedRows:
    """Checks rows of one file; vectors must all be as long as the first."""

    def __init__(self) -> None:
        from pydantic import TypeAdapter

        self._adapter = TypeAdapter(_Columns)
        self._dimension = 0

    def of_line(self, line: bytes) -> Row:
        """Read one line of JSON.

        Raises:
            InputError: It is no memory; the message is the reason.
        """
        return self._row(lambda: self._adapter.validate_json(line, strict=True))

    def of_columns(self, columns: Mapping[str, Any]) -> Row:
        """Read columns of the types of `arrow_schema`.

        Raises:
            InputError: They are no memory; the message is the reason.
        """
        return self._row(lambda: self._adapter.validate_python(columns))

    def _row(self, read: Callable[[], _Columns]) -> Row:
        from pydantic import ValidationError

        try:
            columns = read()
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise InputError(f'"{place}": {first["msg"]}' if place else first["msg"]) from error
        memory = Memory(**{name: getattr(columns, name) for name in _FIELDS})
        _check(memory)
        if columns.vector is None:
            return Row(memory=memory)
        if columns.vector_sha256 == text_digest(memory) and self._fits(columns.vector):
            return Row(memory=memory, vector=columns.vector)
        return Row(memory=memory, left_out=("vector",))

    def _fits(self, vector: tuple[float, ...]) -> bool:
        self._dimension = self._dimension or len(vector)
        unit = abs(sum(value * value for value in vector) - 1.0) < _LENGTH_TOLERANCE
        return unit and len(vector) == self._dimension


def _check(memory: Memory) -> None:
    faults = {
        '"id" is empty': not memory.id,
        '"text" is empty': not normalise(memory.text),
        '"namespace" is empty': not (memory.namespace and all(memory.namespace)),
        '"strength" is not above 0': not memory.strength > 0,
        '"trust" is not in [0, 1]': not 0 <= memory.trust <= 1,
        '"count" is out of range': not 1 <= memory.count <= _LARGEST,
        '"spans" are out of range': any(
            not 0 <= span.start <= span.end <= _LARGEST for span in memory.spans
        ),
        "a number is not finite": not math.isfinite(memory.strength),
        **{f'"{name}" is out of range': not is_moment(time) for name, time in _times(memory)},
    }
    fault = next((reason for reason, wrong in faults.items() if wrong), None)
    if fault:
        raise InputError(fault)


def _times(memory: Memory) -> list[tuple[str, float]]:
    times = {
        "created": memory.created,
        "last_recalled": memory.last_recalled,
        "valid_from": memory.valid_from,
        "valid_to": memory.valid_to,
    }
    return [(name, time) for name, time in times.items() if time is not None]


def header_of_lines(path: Path) -> Header:
    """Read the header of JSON lines.

    Raises:
        InputError: There is none, or it is damaged or of a newer version.
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        first = next(lines_of(file), (0, None))[1]
    try:
        value = parsed(first or b"")
    except InputError:
        value = None
    if not isinstance(value, dict) or "ingrained" not in value:
        raise InputError(
            f"{path.name!r} is no export of Ingrained: its first line is not the header",
            hint="Leave out --format, or give --format plain.",
        )
    return Header.from_dict(value["ingrained"])


def lines_of_export(path: Path) -> Items:
    """Yield the memories of JSON lines, and a reason at the end when lines are missing.

    Raises:
        OSError: The file cannot be read.
    """
    rows, count, end = ExportedRows(), 0, None
    with path.open("rb") as file:
        for number, line in islice(lines_of(file), 1, None):
            place = f"{path.name}:{number}"
            if line is None:
                yield Skipped(place=place, reason="the line is too long")
            elif line.startswith(_END):
                end = line.removeprefix(_END).strip(b" }\r\n").decode("ascii", "replace")
                continue
            else:
                yield checked(place, rows.of_line, line)
            count += 1
    if end != str(count):
        told = f"{end} were written" if end else "its last line is missing"
        yield Skipped(place=path.name, reason=f"cut short or changed: {count} rows, {told}")


_END = b'{"ingrained_end":'


def header_of_parquet(path: Path) -> Header:
    """Read the header of a Parquet file.

    Raises:
        InputError: There is none, or it is damaged or of a newer version.
    """
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    with _arrow_errors(path), pq.ParquetFile(path) as file:
        found = (file.schema_arrow.metadata or {}).get(HEADER_KEY)
        names = set(file.schema_arrow.names)
    if found is None or names != set(arrow_schema(Header()).names):
        raise InputError(
            f"{path.name!r} is no export of Ingrained, but other Parquet",
            hint='Write its rows as JSON lines, each with a text: {"text": ...}.',
        )
    return Header.from_json(found)


def rows_of_parquet(path: Path) -> Items:
    """Yield the memories of a Parquet file.

    Raises:
        InputError: The file is damaged.
    """
    import pyarrow.parquet as pq

    rows, number = ExportedRows(), 0
    with _arrow_errors(path), pq.ParquetFile(path) as file:
        for batch in file.iter_batches(_BATCH):
            for columns in _as_exported(batch):
                number += 1
                yield checked(f"{path.name}, row {number}", rows.of_columns, columns)


def _as_exported(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    import pyarrow as pa

    schema = arrow_schema(Header())
    columns: list[dict[str, Any]] = (
        pa.Table.from_batches([batch]).select(schema.names).cast(schema).to_pylist()
    )
    return columns


@contextmanager
def _arrow_errors(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"{path.name!r} is damaged Parquet: {reason}", hint="Export the memories anew."
        ) from error
