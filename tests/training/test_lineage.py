"""What is in an adapter, by memory and by document."""

from __future__ import annotations

from typing import Any

from ingrained.memory.records import Memory, Span
from ingrained.trainer.lineage import Share, by_document, learnt
from ingrained.trainer.manifest import Manifest


def span(document: str) -> Span:
    return Span(document=document, version="1", start=0, end=3, quote="Pip", quote_sha256="")


def memory(id_: str, *documents: str, **more: Any) -> Memory:
    return Memory(id=id_, text=id_, spans=tuple(map(span, documents)), **more)


MEMORIES = (
    memory("a", "mill.md"),
    memory("b", "mill.md", status="superseded", superseded_by="z"),
    memory("c", "lamp.md", "mill.md"),
    memory("d", status="forgotten"),
    memory("z", "mill.md"),
)
MANIFEST = Manifest(version="v001", base_model="m", memory_ids=("c", "a", "b", "d", "x"))


def test_each_memory_is_told_with_what_became_of_it() -> None:
    found = learnt(MANIFEST, MEMORIES)
    assert [(one.id, one.fate) for one in found] == [
        ("c", "active"), ("a", "active"), ("b", "superseded"), ("d", "forgotten"), ("x", "gone"),
    ]  # fmt: skip
    assert [one.documents for one in found] == [
        ("lamp.md", "mill.md"), ("mill.md",), ("mill.md",), (), (),
    ]  # fmt: skip


def test_a_memory_of_two_documents_counts_for_both() -> None:
    assert by_document(learnt(MANIFEST, MEMORIES)) == (
        Share(document="lamp.md", memories=1, current=1),
        Share(document="mill.md", memories=3, current=2),
        Share(document="", memories=2, current=0),
    )


def test_an_adapter_of_nothing_has_no_documents() -> None:
    assert by_document(learnt(Manifest(version="v001", base_model="m"), MEMORIES)) == ()
