"""A study of documents that were studied before, and have been edited or deleted since."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import pytest

from ingrained.agent.library import Library
from ingrained.memory.records import Memory, Span
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder


def memories(home: Path, status: Any = "active") -> dict[str, Memory]:
    """Text → memory."""
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return {one.text: one for one in store.list(status=status)}


def told(events: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [event for event in events if event["event"] == name]


def containing(found: dict[str, Memory], words: str) -> Memory:
    (one,) = (memory for text, memory in found.items() if words in text)
    return one


@pytest.fixture
def edited(study, corpus, page, tmp_path) -> dict[str, Memory]:
    """The memories of the page, of which one sentence has been edited since."""
    study()
    before = memories(tmp_path / "home")
    (corpus / "bridge.md").write_text(
        "Foreword.\n\n" + page.replace("Mara Vint built the", "Mara Vint built the wide"),
        encoding="utf-8",
    )
    return before


def test_an_edit_supersedes_only_what_rests_on_the_edited_sentence(study, edited, tmp_path):
    _, events = study()

    home = tmp_path / "home"
    after, gone = memories(home), memories(home, "superseded")
    assert list(gone) == ["Mara Vint built the Orlan Bridge in 1402."]
    kept = {text: one for text, one in edited.items() if text not in gone}
    assert {text: after[text].id for text in kept} == {t: one.id for t, one in kept.items()}
    (event,) = told(events, "revised")
    assert (event["id"], event["kept"], event["superseded"]) == ("bridge.md", len(kept), 1)


def test_what_is_kept_points_to_the_new_version(study, edited, tmp_path):
    study()

    library = Library(tmp_path / "home" / "library.sqlite")
    document = library.document("bridge.md")
    assert document is not None
    for memory in memories(tmp_path / "home").values():
        (span,) = memory.spans
        assert span.version == document.version
        assert document.text[span.start : span.end] == span.quote
    library.close()


def test_what_is_learnt_in_its_place_supersedes_it(study, edited, tmp_path):
    study()

    home = tmp_path / "home"
    old = containing(memories(home, "superseded"), "built the Orlan")
    new = containing(memories(home), "built the wide Orlan")
    assert old.superseded_by == new.id
    assert new.supersedes == (old.id,)
    assert old.valid_to is not None
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        assert [event.kind for event in store.history(old.id)][-2:] == ["supersede", "supersede"]


@pytest.mark.parametrize(
    "place",
    [
        (Library, "put_document", "before"), (Library, "put_document", "after"),
        (MemoryStore, "revise_document", "before"), (MemoryStore, "insert", "after"),
        (MemoryStore, "supersede", "before"), (MemoryStore, "supersede", "after"),
    ],
)  # fmt: skip
def test_a_killed_run_does_the_same_when_it_is_run_again(
    study, edited, tmp_path, monkeypatch, place
):
    owner, name, when = place
    real = getattr(owner, name)

    def killed(*arguments: Any, **named: Any) -> Any:
        if when == "after":
            real(*arguments, **named)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, killed)
        with pytest.raises(KeyboardInterrupt):
            study()
    study()

    home = tmp_path / "home"
    old = containing(memories(home, "superseded"), "built the Orlan")
    new = containing(memories(home), "built the wide Orlan")
    assert (old.superseded_by, new.supersedes) == (new.id, (old.id,))
    assert len(memories(home)) == len(edited)


def test_a_text_that_comes_back_brings_its_memory_back(study, edited, corpus, page, tmp_path):
    study()
    (corpus / "bridge.md").write_text(page, encoding="utf-8")
    _, events = study()

    after = memories(tmp_path / "home")
    assert {text: one.id for text, one in after.items()} == {
        text: one.id for text, one in edited.items()
    }
    assert told(events, "revised")[0]["returned"] == 1


@pytest.fixture
def deleted(study, corpus, page, tmp_path) -> Path:
    """A home that has studied two documents, one of which is not there any more."""
    copied = page.split("## Size")[1]
    (corpus / "guide.md").write_text(f"# The Orlan Bridge\n\n## Size{copied}\nRead on.\n")
    (corpus / "other.md").write_text("# Orders\n\nNothing can be asked about this page.\n")
    study()
    (corpus / "bridge.md").unlink()
    return tmp_path / "home"


def test_a_deleted_document_is_told_of_and_nothing_is_forgotten(study, deleted):
    before = memories(deleted)
    _, events = study()

    assert memories(deleted) == before
    (event,) = told(events, "missing")
    assert (event["id"], event["memories"]) == ("bridge.md", 4)


def test_a_deleted_document_takes_along_what_rests_on_it_alone(study, deleted):
    before = memories(deleted)
    (kept_id,) = (one.id for text, one in before.items() if text.startswith("Mara Vint"))
    with MemoryStore.open(deleted, HashEmbedder()) as store:
        store.pin([kept_id], who="me", why="it matters")
    _, events = study(forget_deleted=True)

    after = memories(deleted)
    (event,) = told(events, "dropped")
    counts = {name: event[name] for name in ("forgotten", "thinned", "pinned")}
    assert counts == {"forgotten": 1, "thinned": 2, "pinned": 1}
    assert set(before) - set(after) == set(memories(deleted, "forgotten"))
    rest = [one for one in after.values() if one.id != kept_id]
    assert {span.document for one in rest for span in one.spans} == {"guide.md"}
    library = Library(deleted / "library.sqlite")
    assert library.documents() == ["guide.md", "other.md"]
    library.close()


def test_a_forgetting_that_was_cut_short_is_finished(study, deleted, monkeypatch):
    def killed(*_arguments: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Library, "drop_document", killed)
        with pytest.raises(KeyboardInterrupt):
            study(forget_deleted=True)
    _, events = study(forget_deleted=True)
    assert told(events, "dropped")
    _, events = study(forget_deleted=True)
    assert not told(events, "dropped")
    assert len(memories(deleted)) == 2


def test_a_renamed_document_is_all_that_its_memories_rest_on(study, corpus, page, tmp_path):
    home = tmp_path / "home"
    study()
    before = {text: one.id for text, one in memories(home).items()}
    (corpus / "bridge.md").rename(corpus / "span.md")
    study(forget_deleted=True)
    after = memories(home)
    assert {text: one.id for text, one in after.items()} == before
    assert {span.document for one in after.values() for span in one.spans} == {"span.md"}

    (corpus / "span.md").write_text(page.replace("Mara Vint built the", "Mara Vint built the wide"))
    study()
    assert list(memories(home, "superseded")) == ["Mara Vint built the Orlan Bridge in 1402."]


def test_a_forgetting_that_ended_before_the_spans_were_gone_is_finished(
    study, deleted, monkeypatch
):
    def killed(*_arguments: Any, **_named: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "update", killed)
        with pytest.raises(KeyboardInterrupt):
            study(forget_deleted=True)
    study(forget_deleted=True)
    with MemoryStore.open(deleted, HashEmbedder(), read_only=True) as store:
        assert store.list(document="bridge.md", status=None) == []


def test_a_deleted_document_leaves_the_memories_of_other_namespaces_alone(study, deleted):
    span = Span(
        document="bridge.md", version="", start=0, end=0, quote="", quote_sha256=""
    )  # fmt: skip
    note = Memory(id="", text="Ada's own note.", namespace=("ada",), spans=(span,))
    with MemoryStore.open(deleted, HashEmbedder()) as store:
        store.insert([note], who="ada", why="mine")
    _, events = study()
    assert told(events, "missing")[0]["memories"] == 4
    study(forget_deleted=True)
    assert memories(deleted)["Ada's own note."].spans == (span,)


@pytest.mark.parametrize("text", ["", " \n\n"])
def test_an_emptied_document_says_nothing_any_more(study, corpus, page, tmp_path, text):
    home = tmp_path / "home"
    study()
    before = {text: one.id for text, one in memories(home).items()}
    (corpus / "bridge.md").write_text(text)
    _, events = study()
    assert memories(home) == {}
    assert set(memories(home, "superseded")) == set(before)
    assert told(events, "revised")[0]["superseded"] == len(before)
    _, events = study()
    assert not told(events, "revised")

    (corpus / "bridge.md").write_text(page, encoding="utf-8")
    study()
    assert {text: one.id for text, one in memories(home).items()} == before


def test_the_only_document_may_be_deleted(study, corpus, tmp_path):
    study()
    count = len(memories(tmp_path / "home"))
    (corpus / "bridge.md").unlink()
    _, events = study()
    assert [(one["id"], one["memories"]) for one in told(events, "missing")] == [
        ("bridge.md", count)
    ]
    _, events = study(forget_deleted=True)
    assert told(events, "dropped")[0]["forgotten"] == count
    assert memories(tmp_path / "home") == {}


def test_a_document_stored_in_another_normal_form_is_unchanged(study, corpus, page, tmp_path):
    accented = page.replace("## Size", "Zoë Müller said so.\n\n## Size")
    home = tmp_path / "home"
    for form in ("NFC", "NFD", "NFC"):
        (corpus / "bridge.md").write_text(unicodedata.normalize(form, accented), encoding="utf-8")
        _, events = study()
        assert memories(home, "superseded") == {}
        (event,) = told(events, "document")
        assert (event["passages"] == 0) == bool(told(events, "revised"))


def test_a_new_file_named_like_the_end_of_another_is_no_change_of_that_one(study, corpus, page):
    (corpus / "old").mkdir()
    (corpus / "bridge.md").rename(corpus / "old" / "bridge.md")
    study()
    (corpus / "bridge.md").write_text(f"{page}\nIt is old.\n", encoding="utf-8")
    _, events = study()
    assert told(events, "revised") == []
