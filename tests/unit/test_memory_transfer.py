"""Memories into files and back: JSON lines, Parquet, and what is told of a file that was changed."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingrained.errors import InputError
from ingrained.memory import Evidence, Memory, Span
from ingrained.memory.results import Inserted
from ingrained.memory.screening import PatternScreen, Policy
from ingrained.memory.testing import HashEmbedder
from ingrained.memory.transfer import (
    Header,
    Row,
    Skipped,
    Wishes,
    bring_in,
    export,
    open_source,
    survey,
    write_jsonl,
    write_parquet,
)

WRITERS = {"jsonl": write_jsonl, "parquet": write_parquet}
MILL = Memory(
    id="a1",
    text="The mill was built in 1702.",
    namespace=("user", "ada@example.org"),
    spans=(
        Span(document="a.md", version="v", start=4, end=8, quote="mill", quote_sha256="q"),
        Span(document="b.md", version="v", start=0, end=0, quote="", quote_sha256="q"),
    ),
    evidence=(
        Evidence(question="When?", answer="1702", passed_before=False, passed_after=True),
    ),
    created=1_700_000_000.123456,
    strength=3.25,
    trust=0.75,
    pinned=True,
    supersedes=("a0",),
)  # fmt: skip
OLD = Memory(id="a0", text="The mill was built in 1700.", status="superseded", superseded_by="a1")
HEADER = Header(embedder="hash", fingerprint="hash-2", vectors=True)


def rows(*memories: Memory, vector: tuple[float, ...] | None = None) -> list[Row]:
    return [Row(memory=memory, vector=vector) for memory in memories]


def written(path: Path, *memories: Memory, vector: tuple[float, ...] | None = None) -> list[dict]:
    """The lines of an export, decoded."""
    write_jsonl(path, rows(*memories, vector=vector), HEADER)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def rewritten(path: Path, lines: list[dict]) -> list[Row | Skipped]:
    """What is read after the lines were changed."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return list(open_source(path, now=0.0).items())


def test_json_lines_are_a_header_a_line_for_each_memory_and_their_number(tmp_path):
    head, first, second, end = written(tmp_path / "m.jsonl", MILL, OLD)
    assert head["ingrained"] == {
        "format": 1, "embedder": "hash", "fingerprint": "hash-2", "vectors": True,
    }  # fmt: skip
    assert first["text"] == MILL.text
    assert first["spans"][0]["quote"] == "mill"
    assert second["superseded_by"] == "a1"
    assert end == {"ingrained_end": 2}


def test_parquet_has_a_typed_column_for_every_field(tmp_path):
    path = tmp_path / "m.parquet"
    write_parquet(path, rows(MILL, OLD, vector=(0.6, 0.8)), HEADER)
    table = pq.read_table(path)
    fields = [field.name for field in dataclasses.fields(Memory)]
    assert table.schema.names == [*fields, "vector", "vector_sha256"]
    assert table.schema.field("spans").type.value_type.field("start").type == pa.int64()
    assert table.schema.field("evidence").type.value_type.field("passed_after").type == pa.bool_()
    assert table.schema.field("vector").type.value_type == pa.float32()
    assert table.filter(pa.compute.field("pinned")).column("text").to_pylist() == [MILL.text]
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_of_nothing_is_an_export(tmp_path, form):
    path = tmp_path / "m"
    WRITERS[form](path, [], HEADER)
    source = open_source(path, now=0.0)
    assert (source.form, list(source.items())) == (form, [])


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_many_memories_are_streamed_in_batches(tmp_path, form):
    path = tmp_path / "m"
    many = [dataclasses.replace(MILL, id=f"m{n}", text=f"Mill {n}.") for n in range(1200)]
    assert WRITERS[form](path, (Row(memory=one) for one in many), HEADER) == 1200
    assert [row.memory for row in open_source(path, now=0.0).items()] == many


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_that_breaks_off_leaves_the_earlier_one(tmp_path, form):
    def breaking():
        yield Row(memory=OLD)
        raise KeyboardInterrupt

    path = tmp_path / "folder" / "m"
    path.parent.mkdir()
    WRITERS[form](path, rows(MILL), HEADER)
    with pytest.raises(KeyboardInterrupt):
        WRITERS[form](path, breaking(), HEADER)
    assert [row.memory for row in open_source(path, now=0.0).items()] == [MILL]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_was_cut_short_is_told(tmp_path):
    path = tmp_path / "m.jsonl"
    lines = written(path, MILL, OLD)
    whole, told = rewritten(path, lines[:2])
    assert whole.memory == MILL
    assert told == Skipped(
        place="m.jsonl", reason="cut short or changed: 1 rows, its last line is missing"
    )
    assert rewritten(path, [lines[0], lines[1], lines[3]])[-1].reason.endswith("2 were written")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("text", "  ", '"text" is empty'),
        ("text", 7, '"text": Input should be a valid string'),
        ("id", "", '"id" is empty'),
        ("namespace", [], '"namespace" is empty'),
        ("namespace", ["user", ""], '"namespace" is empty'),
        ("status", "asleep", '"status": Input should be'),
        ("kind", None, '"kind": Input should be'),
        ("trust", 2.0, '"trust" is not in [0, 1]'),
        ("strength", 0.0, '"strength" is not above 0'),
        ("count", 0, '"count" is out of range'),
        ("count", 10**30, '"count" is out of range'),
        ("pinned", "yes", '"pinned": Input should be a valid boolean'),
        ("colour", "red", '"colour": Unexpected keyword argument'),
        ("created", float("inf"), ""),
        ("created", 1e300, '"created" is out of range'),
        ("created", 5e11, '"created" is out of range'),
        ("created", -2e11, '"created" is out of range'),
        ("last_recalled", 253_402_300_800.0, '"last_recalled" is out of range'),
        ("valid_from", -62_135_596_801.0, '"valid_from" is out of range'),
        ("valid_to", -1e300, '"valid_to" is out of range'),
        (
            "spans",
            [{"document": "a", "version": "", "start": 5, "end": 4, "quote": "", "quote_sha256": ""}],
            '"spans" are out of range',
        ),
    ],
)  # fmt: skip
def test_a_line_that_was_spoilt_is_skipped_with_the_reason(tmp_path, field, value, reason):
    path = tmp_path / "m.jsonl"
    lines = written(path, MILL, OLD)
    lines[1][field] = value
    skipped, kept = rewritten(path, lines)
    assert skipped.place == "m.jsonl:2"
    assert skipped.reason.startswith(reason)
    assert kept.memory == OLD


@pytest.mark.parametrize(
    "line", [b"{", b"[" * 100_000, b"\xff\xfe", b'{"id": 1e999}', b'"' + b"\\ud800" + b'"', b"null"]
)
def test_a_line_of_junk_is_skipped(tmp_path, line):
    path = tmp_path / "m.jsonl"
    written(path, MILL)
    head, memory, end = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([head, line, memory, end.replace(b"1", b"2")]))
    skipped, kept = open_source(path, now=0.0).items()
    assert skipped.reason
    assert kept.memory == MILL


def test_the_vector_of_another_text_is_left_out(tmp_path):
    path = tmp_path / "m.jsonl"
    lines = written(path, MILL, OLD, vector=(0.6, 0.8))
    lines[1]["text"] = "The mill was built in 1800."
    edited, same = rewritten(path, lines)
    assert (edited.vector, edited.left_out) == (None, ("vector",))
    assert (same.vector, same.left_out) == ((0.6, 0.8), ())


@pytest.mark.parametrize("vector", [[6.0, 8.0], [1.0], [1.0, 0.0, 0.0], []])
def test_a_vector_that_is_not_like_the_others_is_left_out(tmp_path, vector):
    path = tmp_path / "m.jsonl"
    lines = written(path, MILL, OLD, vector=(0.6, 0.8))
    lines[2]["vector"] = vector
    good, bad = rewritten(path, lines)
    assert (good.vector, bad.vector, bad.left_out) == ((0.6, 0.8), None, ("vector",))


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_an_export_of_a_newer_version_is_refused(tmp_path, form):
    path = tmp_path / "m"
    WRITERS[form](path, rows(MILL), dataclasses.replace(HEADER, format=2))
    with pytest.raises(InputError, match="format 2; this Ingrained reads up to 1") as told:
        open_source(path, now=0.0)
    assert "Upgrade" in told.value.hint


@pytest.mark.parametrize("header", [None, {}, {"format": "1"}, {"format": True}])
def test_a_damaged_header_is_told(tmp_path, header):
    lines = written(tmp_path / "m.jsonl", MILL)
    with pytest.raises(InputError, match="header of the export is damaged"):
        rewritten(tmp_path / "m.jsonl", [{"ingrained": header}, *lines[1:]])


def test_other_parquet_is_refused(tmp_path):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"text": ["Ada likes tea."]}), path)
    with pytest.raises(InputError, match="no export of Ingrained") as told:
        open_source(path, now=0.0)
    assert "JSON lines" in told.value.hint


@pytest.mark.parametrize("kept", [8, 200])
def test_damaged_parquet_is_told(tmp_path, kept):
    path = tmp_path / "m.parquet"
    write_parquet(path, rows(MILL), HEADER)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(InputError, match="damaged Parquet"):
        open_source(path, now=0.0)


def test_damage_in_the_middle_of_parquet_is_told(tmp_path):
    path = tmp_path / "m.parquet"
    write_parquet(path, rows(MILL), HEADER)
    raw = bytearray(path.read_bytes())
    raw[4:400] = bytes(396)
    path.write_bytes(raw)
    with pytest.raises(InputError, match="damaged Parquet"):
        list(open_source(path, now=0.0).items())


def test_a_forced_form_that_it_has_not_is_refused(tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_text('{"text": "Ada likes tea."}\n')
    for form, told in (("jsonl", "first line is not the header"), ("parquet", "damaged Parquet")):
        with pytest.raises(InputError, match=told):
            open_source(path, form=form, now=0.0)


class Receiver:
    """A store that notes what it is given."""

    def __init__(self, embedder: HashEmbedder | None = None) -> None:
        self.embedder = embedder or HashEmbedder(2)
        self.adopted: list[tuple[list[Memory], dict | None]] = []
        self.inserted: list[list[Memory]] = []

    def adopt(self, memories, *, who, why, vectors=None):
        self.adopted.append((memories, vectors))
        return [Inserted(id=memory.id, outcome="added") for memory in memories]

    def settle_in(self, names, *, who, why):
        self.names = names

    def insert(self, memories, *, who, why):
        self.inserted.append(memories)
        return [Inserted(id="x", outcome="added") for _ in memories]


def moved(path: Path, store: Receiver, screening: Policy | None = None, **wishes):
    source, screen = open_source(path, now=0.0), PatternScreen() if screening else None
    return bring_in(
        store, source, Wishes(**wishes), who="import", why="w",
        screen=screen, screening=screening or "keep",
    )  # fmt: skip


def test_our_own_memories_are_adopted_as_they_are(tmp_path):
    written(tmp_path / "m.jsonl", MILL, OLD)
    store = Receiver()
    tally = moved(tmp_path / "m.jsonl", store)
    assert store.adopted == [([MILL, OLD], None)]
    assert (tally.rows, tally.outcomes["added"]) == (2, 2)
    assert tally.namespaces == {MILL.namespace: 1, OLD.namespace: 1}


def test_vectors_go_along_only_to_the_same_embedder(tmp_path):
    written(tmp_path / "m.jsonl", MILL, vector=(0.6, 0.8))
    same, other = Receiver(), Receiver(HashEmbedder(2, name="other"))
    used = [moved(tmp_path / "m.jsonl", store).vectors for store in (same, other)]
    assert used == [1, 0]
    assert same.adopted[0][1] == {"a1": (0.6, 0.8)}
    assert other.adopted[0][1] is None


def test_vectors_of_a_wrong_length_stay_behind_whatever_the_header_says(tmp_path):
    written(tmp_path / "m.jsonl", MILL, vector=(0.6, 0.8, 0.0))
    store = Receiver()
    assert moved(tmp_path / "m.jsonl", store).vectors == 0
    assert store.adopted == [([MILL], None)]


SECRET = dataclasses.replace(MILL, id="a2", text="Write to ada@example.org.", namespace=("user",))


@pytest.mark.parametrize(
    ("screening", "text", "vectors"),
    [
        ("keep", "Write to ada@example.org.", ["a1", "a2"]),
        ("redact", "Write to [email].", ["a1"]),
    ],
)
def test_our_own_memories_are_screened_as_well(tmp_path, screening, text, vectors):
    written(tmp_path / "m.jsonl", MILL, SECRET, vector=(0.6, 0.8))
    store = Receiver()
    moved(tmp_path / "m.jsonl", store, screening=screening)
    (((plain, found), given),) = store.adopted
    assert plain == MILL
    assert found == dataclasses.replace(SECRET, text=text, flags=("email",))
    assert sorted(given) == vectors


def test_what_the_screen_refuses_is_counted_and_not_adopted(tmp_path):
    written(tmp_path / "m.jsonl", MILL, SECRET)
    store = Receiver()
    tally = moved(tmp_path / "m.jsonl", store, screening="refuse")
    assert store.adopted == [([MILL], None)]
    assert (tally.rows, tally.outcomes) == (2, {"added": 1, "refused": 1})


def test_trust_can_be_lowered_and_never_raised(tmp_path):
    written(tmp_path / "m.jsonl", MILL, OLD)
    store = Receiver()
    moved(tmp_path / "m.jsonl", store, trust=0.8)
    assert [memory.trust for memory in store.adopted[0][0]] == [0.75, 0.8]
    with pytest.raises(InputError, match="not in"):
        Wishes(trust=1.5)


def test_foreign_rows_are_new_facts_that_are_half_trusted(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"text": "A.", "trust": 0.2}\n{"text": "B.", "trust": 1}\n{"text": "C."}\n')
    store = Receiver()
    moved(path, store)
    moved(path, store, trust=1.0, namespace=("team",))
    assert [memory.trust for memory in store.inserted[0]] == [0.2, 0.5, 0.5]
    assert [memory.trust for memory in store.inserted[1]] == [0.2, 1.0, 1.0]
    assert {memory.namespace for memory in store.inserted[1]} == {("team",)}


def test_an_export_keeps_its_namespaces(tmp_path):
    written(tmp_path / "m.jsonl", MILL)
    with pytest.raises(InputError, match="keeps its namespaces"):
        moved(tmp_path / "m.jsonl", Receiver(), namespace=("team",))


def test_a_survey_counts_and_a_file_without_anything_to_use_is_refused(tmp_path):
    path = tmp_path / "p.jsonl"
    path.write_text('{"text": "A.", "colour": "red"}\n{"text": ""}\n')
    tally = survey(open_source(path, now=0.0), Wishes())
    assert tally.to_dict() == {
        "rows": 1,
        "skips": 1,
        "skipped": [{"place": "p.jsonl:2", "reason": '"text" is empty'}],
        "left_out": {"colour": 1},
        "namespaces": [{"namespace": ["default"], "rows": 1}],
        "vectors": 0,
    }
    with pytest.raises(InputError, match=r'nothing .* as mem0: "memory" is not text'):
        survey(open_source(path, form="mem0", now=0.0), Wishes())


def exported(path: Path, form: str = "jsonl", *, vectors: bool = False) -> list[Row]:
    known = {"a1": [0.6, 0.8]}
    store = SimpleNamespace(
        embedder=HashEmbedder(2),
        vectors=lambda memories: {one.id: known[one.id] for one in memories if one.id in known},
    )
    assert export(store, [MILL, OLD], path, form, vectors=vectors) == 2
    return list(open_source(path, now=0.0).items())


@pytest.mark.parametrize("form", ["jsonl", "parquet"])
def test_vectors_are_exported_only_when_asked_for(tmp_path, form):
    assert [row.vector for row in exported(tmp_path / "a", form)] == [None, None]
    with_vectors = [row.vector for row in exported(tmp_path / "b", form, vectors=True)]
    assert with_vectors == [pytest.approx((0.6, 0.8)), None]


def test_an_export_takes_the_place_of_nothing_but_an_export(tmp_path):
    notes, earlier, empty = tmp_path / "notes.jsonl", tmp_path / "m", tmp_path / "empty"
    notes.write_text('{"text": "Mine."}\n')
    empty.touch()
    exported(earlier, "parquet")
    for path in (earlier, empty):
        assert len(exported(path)) == 2
    for path, told in (
        (notes, "is no export"),
        (tmp_path, "is no export"),
        (tmp_path / "x/y", "no such folder"),
    ):
        with pytest.raises(InputError, match=told):
            exported(path)
    assert notes.read_text() == '{"text": "Mine."}\n'


def test_a_folder_that_cannot_be_written_is_told(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(InputError, match=r"cannot write .*Permission denied"):
        exported(tmp_path / "m")
