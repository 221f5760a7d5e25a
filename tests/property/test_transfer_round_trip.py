"""What is exported comes back exactly, whatever the memories hold."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from array import array
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from ingrained.memory import Evidence, Memory, Span
from ingrained.memory.lexical import normalise
from ingrained.memory.transfer import Header, Row, open_source, write_jsonl, write_parquet

WRITERS = {"jsonl": write_jsonl, "parquet": write_parquet}
ANY_TEXT = st.text(st.characters(), max_size=12)  # Lone surrogates and control characters as well.
SAYING = ANY_TEXT.filter(normalise)
TEXTS = st.lists(ANY_TEXT, max_size=3).map(tuple)
SECONDS = st.floats(-62_135_596_800.0, 253_402_300_799.0)  # The years 1 to 9999, UTC.
PLACES = st.tuples(st.integers(0, 2**53), st.integers(0, 2**53)).map(sorted)
SPANS = st.builds(
    lambda place, **rest: Span(start=place[0], end=place[1], **rest),
    place=PLACES, document=ANY_TEXT, version=ANY_TEXT, quote=ANY_TEXT, quote_sha256=ANY_TEXT,
)  # fmt: skip
EVIDENCE = st.builds(
    Evidence, question=ANY_TEXT, answer=ANY_TEXT, passed_before=st.booleans(),
    passed_after=st.booleans(), phrasings=TEXTS,
)  # fmt: skip
MEMORIES = st.builds(
    Memory,
    id=SAYING,
    text=SAYING,
    kind=st.sampled_from(["fact", "insight", "episode", "summary", "portrait", "skill"]),
    namespace=st.lists(ANY_TEXT.filter(bool), min_size=1, max_size=3).map(tuple),
    title=ANY_TEXT,
    spans=st.lists(SPANS, max_size=2).map(tuple),
    created=SECONDS,
    last_recalled=st.none() | SECONDS,
    strength=st.floats(1e-3, 1e6),
    trust=st.floats(0, 1),
    status=st.sampled_from(["active", "superseded", "forgotten", "stale"]),
    pinned=st.booleans(),
    tags=TEXTS,
    flags=TEXTS,
    valid_from=st.none() | SECONDS,
    valid_to=st.none() | SECONDS,
    supersedes=TEXTS,
    superseded_by=ANY_TEXT,
    derived_from=TEXTS,
    derived_sha256=ANY_TEXT,
    evidence=st.lists(EVIDENCE, max_size=2).map(tuple),
    prompt_sha256=ANY_TEXT,
    model=ANY_TEXT,
    count=st.integers(1, 2**53),
)
ANGLES = st.floats(0, 1).map(lambda x: tuple(array("f", [x, (1 - x * x) ** 0.5])))
ROWS = st.lists(st.builds(Row, memory=MEMORIES, vector=st.none() | ANGLES), max_size=4)


def storable(value):
    """The same, with lone surrogates replaced as the store replaces them before it indexes a text."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, tuple):
        return tuple(map(storable, value))
    if dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value)(**{name: storable(getattr(value, name)) for name in names})
    return value


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
@settings(max_examples=25, deadline=None)
@given(rows=ROWS)
def test_what_is_exported_comes_back(form: str, rows: list[Row]) -> None:
    header = Header(embedder="hash", fingerprint="hash-2", vectors=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "out"
        assert WRITERS[form](path, iter(rows), header) == len(rows)
        source = open_source(path, now=0.0)
        assert (source.form, source.header) == (form, header)
        assert list(source.items()) == [storable(row) for row in rows]


@settings(max_examples=80, deadline=None)
@given(junk=st.binary(max_size=200) | ANY_TEXT.map(lambda text: text.encode("utf-8", "replace")))
def test_no_bytes_can_do_more_than_be_skipped(junk: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_bytes(junk)
        for form in ("plain", "mem0", "langgraph"):
            for item in open_source(path, form=form, now=0.0).items():
                assert getattr(item, "reason", "") or item.memory.text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = [
    "text", "memory", "kind", "title", "tags", "created", "document", "namespace", "trust", "key",
    "value", "content", "metadata", "user_id", "created_at", "expiration_date", "categories",
]  # fmt: skip


@settings(max_examples=100, deadline=None)
@given(row=st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8))
def test_no_value_of_a_field_can_do_more_than_be_skipped(row: dict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in"
        path.write_text(json.dumps(row), encoding="utf-8")
        for form in ("plain", "mem0", "langgraph"):
            for item in open_source(path, form=form, now=0.0).items():
                assert getattr(item, "reason", "") or normalise(item.memory.text)
