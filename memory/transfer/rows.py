"""What goes over the border: memories, with or without their vectors, and what was left out."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

from ingrained.errors import InputError
from ingrained.memory.records import Memory

T = TypeVar("T")

FORMAT = 1
"""Version of the export's form; raised whenever an older reader would misread it."""

Form = Literal["jsonl", "parquet", "mem0", "mem0-history", "langgraph", "plain"]
"""Of a file to import. `jsonl` and `parquet` are our own exports."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One memory on its way."""

    memory: Memory
    vector: Sequence[float] | None = None
    """Of unit length, by the embedder that the header names."""
    left_out: tuple[str, ...] = ()
    """What of the file's row has no place in a memory, by name."""


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A row that is not imported."""

    place: str
    """`FILE:LINE`, or the number of an item that stands on no line of its own."""
    reason: str


Items = Iterator[Row | Skipped]


@dataclass(frozen=True, kw_only=True)
class Header:
    """What an export says of itself."""

    embedder: str = ""
    """Name of the embedder that the memory was indexed with."""
    fingerprint: str = ""
    """Of that embedder; see `Embedder.fingerprint`."""
    vectors: bool = False
    """Whether rows come with their vectors."""
    format: int = FORMAT

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict; `from_dict` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: object) -> Header:
        """Rebuild a header.

        Raises:
            InputError: It is none, or of a newer version.
        """
        if not isinstance(data, dict) or type(data.get("format")) is not int:
            raise InputError(
                "the header of the export is damaged", hint="Export the memories anew."
            )
        if data["format"] > FORMAT:
            raise InputError(
                f"the export has format {data['format']}; this Ingrained reads up to {FORMAT}",
                hint="Upgrade Ingrained, or export with this version.",
            )
        return cls(
            embedder=str(data.get("embedder", "")),
            fingerprint=str(data.get("fingerprint", "")),
            vectors=data.get("vectors") is True,
            format=data["format"],
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Header:
        """Rebuild a header from JSON.

        Raises:
            InputError: It is none, or of a newer version.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            data = None
        return cls.from_dict(data)


def batches(things: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` things, the last one shorter."""
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


def checked(place: str, read: Callable[[T], Row], value: T) -> Row | Skipped:
    """Return what `read` makes of a value, or the reason why it makes nothing of it."""
    try:
        return read(value)
    except InputError as error:
        return Skipped(place=place, reason=str(error))
