"""A purge reaches every layer of a home, and nothing else."""

from __future__ import annotations

import dataclasses
import json
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bridge import PAGE, Killed, dying

from ingrained.agent.library import Library
from ingrained.agent.replies import FILE_NAME as REPLIES
from ingrained.agent.replies import Reply, ReplyCache
from ingrained.agent.report.records import save_exam, save_run
from ingrained.errors import StoreError
from ingrained.graphs import erasing
from ingrained.graphs.erasing import Begun, Erasure, erase, prove, unfinished
from ingrained.graphs.erasure_plan import plan_erasure
from ingrained.graphs.session import Home
from ingrained.memory.absence import Hit, verify_absent
from ingrained.memory.judgements import FILE_NAME, Judgements, Key
from ingrained.memory.records import Memory, sha256
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.resume import RESUME_FILE

MADE = "Mara Vint built the Orlan Bridge in 1402."
ARCHES = "The Orlan Bridge has nine arches."
WEIGHT = "Its keystone weighs 700 kilograms."


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def memories(home: Home) -> dict[str, Memory]:
    with MemoryStore.open(home.path, HashEmbedder(), read_only=True) as store:
        return {memory.text: memory for memory in store.list(status=None)}


def purge(home: Home, *texts: str, **options: Any) -> Erasure:
    ids = [memory.id for text, memory in memories(home).items() if text in texts]
    assert len(ids) == len(texts)
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        return erase(home, store, ids, who="me", why="asked to", **options)


def left(home: Home, text: str) -> list[Hit]:
    """Where a text still stands when all is done."""
    return list(prove(home, [text]).hits)


def insert(home: Home, *notes: Memory) -> list[str]:
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        return [one.id for one in store.insert(notes, who="me", why="a test")]


def note(text: str, **fields: Any) -> Memory:
    return Memory(id="", text=text, **fields)


def keep_records(home: Home) -> None:
    """Leave what past runs leave: a record, an exam, a page, a line typed in the chat."""
    some = memories(home)[MADE]
    example = {"memory": some.id, "quote": MADE, "question": some.evidence[0].question}
    save_run(home.path, {"model": "m", "examples": [example], "rejected": {}, "phases": {}})
    row = {"reply": MADE, "sources": [some.id], "question": "Who?", "answers": ["Mara Vint"]}
    save_exam(home.path, {"exam": "e.jsonl", "date": "2026", "rows": [row]})
    (home.path / "report.html").write_text(f"<p>{MADE}</p>")
    with ReplyCache(home.path / REPLIES) as replies:
        replies.put({"key": Reply(text=MADE)})
    (home.path / "chat_history").write_text(f"+Is it true? {MADE}\n")


def test_what_an_adapter_said_by_heart_goes_though_the_adapter_is_gone(study, home):
    study()
    answer = memories(home)[MADE].evidence[0].answer
    row = {"id": "q", "question": "Who?", "answers": [answer], "reply": answer, "sources": []}
    rows = [{**row, "cell": "adapter"}, {**row, "cell": "base"}]
    save_exam(home.path, {"exam": "e.jsonl", "date": "2026", "rows": rows})
    assert not home.registry().list(), "whatever adapters there were have been collected"
    purge(home, MADE)

    (kept,) = (home.path / "exams").iterdir()
    replies = [one["reply"] for one in json.loads(kept.read_text())["rows"]]
    assert replies[0] != answer
    assert replies[1] == answer, "the untouched model knew it before"


def test_a_purged_memory_is_nowhere_and_the_others_are_as_they_were(study, home):
    study()
    keep_records(home)
    before = memories(home)
    done = purge(home, MADE)

    assert left(home, MADE) == []
    assert left(home, "Mara Vint built") == []
    assert before[MADE].id in done.memories
    after = memories(home)
    assert after == {text: one for text, one in before.items() if text != MADE}
    assert dict(done.buried.documents) == {"bridge.md": 1}
    assert done.buried.questions >= 2
    assert set(done.records) == {"runs/0001.json", "exams/e.json", "chat_history"}
    assert done.replies
    assert not list(home.path.glob(f"{REPLIES}*"))
    assert done.report
    assert not (home.path / "report.html").exists()
    assert not unfinished(home)


def test_the_questions_that_were_asked_about_it_are_gone(study, home):
    study()
    evidence = memories(home)[MADE].evidence
    wordings = {w for one in evidence for w in (one.question, *one.phrasings)}
    purge(home, MADE)

    library = Library(home.library_file)
    asked = {one["question"] for one in library.questions()}
    library.close()
    assert asked
    assert not asked & wordings
    for wording in wordings:
        assert left(home, wording) == []


@pytest.mark.parametrize("page", [PAGE, PAGE.replace("700 kilograms", "800 kilograms")])
def test_studying_again_does_not_learn_it_again(study, home, corpus, page):
    study()
    purge(home, MADE)
    (corpus / "bridge.md").write_text(page, encoding="utf-8")
    _, events = study()

    assert not any("Mara Vint" in text for text in memories(home))
    assert left(home, MADE) == []
    told = [e["stretches"] for e in events if e["event"] == "purged"]
    assert told == ([] if page == PAGE else [1])


def test_memories_of_the_same_namespace_that_hold_the_text_go_along(study, home):
    study()
    both = next(text for text in memories(home) if text.startswith(ARCHES) and WEIGHT in text)
    done = purge(home, ARCHES)

    assert len(done.along) == 1
    assert both not in memories(home)
    assert left(home, ARCHES) == []
    assert left(home, WEIGHT), "only what was named is cut from the document"


def test_of_a_text_that_is_said_elsewhere_in_part_only_the_rest_goes(study, home):
    study()
    both = next(text for text in memories(home) if text.startswith(ARCHES) and WEIGHT in text)
    purge(home, both)

    assert ARCHES in memories(home)
    assert left(home, both) == []
    assert left(home, WEIGHT) == []
    library = Library(home.library_file)
    document = library.document("bridge.md")
    library.close()
    assert document is not None
    assert document.text == PAGE.replace(WEIGHT, " " * len(WEIGHT))


def test_another_namespace_keeps_what_it_says_and_so_does_the_document(study, home):
    study()
    insert(home, note(MADE, namespace=("user", "ida")))
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        (mine,) = [one for one in store.list() if one.text == MADE and "ida" not in one.namespace]
        plan = plan_erasure(home.path, store, [mine.id])
        done = erase(home, store, [mine.id], who="me", why="asked to")

    assert [one.namespace for one in plan.kept_by] == [("user", "ida")]
    assert plan.texts == ()
    assert len(done.kept_by) == 1
    assert memories(home)[MADE].namespace == ("user", "ida")


def test_what_was_derived_goes_too_and_so_on(study, home):
    study()
    source = memories(home)[MADE].id
    (first,) = insert(
        home, note("Bridges of Orlan are old.", kind="insight", derived_from=(source,))
    )
    insert(home, note("Orlan is an old town.", kind="summary", derived_from=(first,)))
    done = purge(home, MADE)

    assert len(done.derived) == 2
    for text in ("Bridges of Orlan are old.", "Orlan is an old town."):
        assert text not in memories(home)
        assert left(home, text) == []


def test_what_it_said_before_a_change_is_erased_as_well(study, home):
    study()
    (id_,) = insert(home, note("Ida keeps her money in a jar."))
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        known = store.get(id_)
        store.update(dataclasses.replace(known, text="Ida has a bank."), who="me", why="moved")
    purge(home, "Ida has a bank.")
    assert left(home, "money in a jar") == []


def test_cached_judgements_about_it_go(study, home):
    study()
    others = [text for text in memories(home) if text != MADE]
    with closing(Judgements(home.path / "memory" / FILE_NAME)) as cache:
        for older, newer in ((others[0], MADE), (others[0], others[1])):
            cache[Key(sha256(older), sha256(newer), "judge")] = "unrelated"
    assert purge(home, MADE).judgements == 1
    with closing(Judgements(home.path / "memory" / FILE_NAME)) as cache:
        assert len(cache) == 1


def test_a_study_cut_short_with_the_text_in_hand_is_given_up(study, home):
    insert(home, note(MADE))

    def cut(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("attempt", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=cut)
    done = purge(home, MADE)

    assert done.cut_run
    assert not home.run_file.exists()
    assert left(home, MADE) == []
    result, _ = study()
    assert not result.resumed
    assert memories(home)
    assert not any("Mara Vint" in text for text in memories(home))


def test_a_study_cut_short_that_has_nothing_of_it_goes_on(study, home):
    insert(home, note("Ida keeps her money in a jar."))

    def cut(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("attempt", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=cut)
    assert not purge(home, "Ida keeps her money in a jar.").cut_run
    result, _ = study()
    assert result.resumed


def test_an_index_with_the_text_in_a_free_slot_is_made_anew(study, home):
    study()
    purge(home, MADE)
    (slots, *_) = home.path.rglob("data_level0.bin")
    with slots.open("r+b") as file:
        file.seek(-200, 2)
        file.write(MADE.encode())
    assert verify_absent(home.path, MADE)
    assert prove(home, [MADE]).absent
    assert verify_absent(home.path, MADE) == []
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        assert store.recall("How many arches does the Orlan Bridge have?")


def adapter(home: Home, *ids: str, base: str = "m") -> str:
    registry = AdapterRegistry(home.path)
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model=base, memory_ids=ids))
    registry.promote(version, force=True)
    return version


def test_an_adapter_trained_on_it_is_stale_and_no_longer_in_use(study, home):
    study()
    ids = {text: one.id for text, one in memories(home).items()}
    clean = adapter(home, ids[ARCHES])
    adapter(home, base="another")
    trained = adapter(home, ids[ARCHES], ids[MADE])
    done = purge(home, MADE)

    registry = AdapterRegistry(home.path)
    assert (done.adapters, done.withdrawn, done.active) == ((trained,), (trained,), clean)
    assert registry.active() == clean
    assert "purged" in registry.show(trained).stale
    assert not registry.show(clean).stale


def test_a_stale_adapter_can_be_kept(study, home):
    study()
    trained = adapter(home, memories(home)[MADE].id)
    done = purge(home, MADE, keep_adapter=True)
    assert (done.adapters, done.withdrawn, done.active) == ((trained,), (), trained)


def test_a_training_cut_short_is_thrown_away(study, home):
    study()
    registry = AdapterRegistry(home.path)
    folder = registry.path(registry.stage())
    (folder / RESUME_FILE).write_text("state")
    assert purge(home, MADE).unfinished == ("v001",)
    assert not folder.exists()


def test_a_trained_home_after_a_purge_trains_anew(consolidate, home):
    consolidate()
    assert AdapterRegistry(home.path).active() == "v001"
    assert purge(home, MADE).active is None
    assert left(home, MADE) == []
    consolidate()
    new = AdapterRegistry(home.path).show("v002")
    assert not new.stale
    assert set(new.memory_ids) == {one.id for one in memories(home).values()}


def test_a_stale_adapter_is_not_taken_up_again_for_want_of_a_change(consolidate, home):
    consolidate()
    registry = AdapterRegistry(home.path)
    registry.mark_stale(["v001"], "purged")
    registry.withdraw_stale()
    consolidate()
    assert registry.active() == "v002"


STEPS: dict[str, tuple[Any, str]] = {
    "tombstones": (Library, "bury"),
    "library": (Library, "rewrite"),
    "library's pages": (Library, "compact"),
    "cut run": (erasing, "drop_cut_run"),
    "conversations": (erasing, "drop_conversations"),
    "records": (erasing, "redact_records"),
    "manifests": (AdapterRegistry, "mark_stale"),
    "adapter in use": (AdapterRegistry, "withdraw_stale"),
    "ledger": (MemoryStore, "purge"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_repeated_it_is_finished(study, home, monkeypatch, step, after):
    study()
    keep_records(home)
    trained = adapter(home, memories(home)[MADE].id)
    id_, others = memories(home)[MADE].id, len(memories(home)) - 1
    where, name = STEPS[step]
    with monkeypatch.context() as patch, MemoryStore.open(home.path, HashEmbedder()) as store:
        patch.setattr(where, name, dying(getattr(where, name), after=after))
        with pytest.raises(Killed):
            erase(home, store, [id_], who="me", why="asked to")
    assert unfinished(home) == Begun(ids=(id_,))
    assert MADE not in (home.path / "purge.json").read_text()

    with MemoryStore.open(home.path, HashEmbedder()) as store:
        erase(home, store, [id_], who="me", why="asked to")
    assert unfinished(home) == Begun(ids=(id_,)), "the index still has its vector"
    assert left(home, MADE) == []
    assert not unfinished(home)
    assert len(memories(home)) == others
    assert AdapterRegistry(home.path).active() is None
    assert AdapterRegistry(home.path).show(trained).stale
    assert "Mara" not in json.dumps(json.loads((home.path / "runs" / "0001.json").read_text()))


def test_a_name_takes_no_other_memory_and_no_document_along(study, home):
    study()
    before = memories(home)
    insert(home, note("Orlan"), note("orlan!", kind="insight"))
    done = purge(home, "Orlan")

    assert len(done.along) == 1, "the other that says just this"
    assert memories(home) == before
    assert not done.buried.documents
    library = Library(home.library_file)
    document = library.document("bridge.md")
    assert document is not None
    assert document.text == PAGE
    assert library.questions()
    assert not library.tombstones()
    library.close()


def test_a_title_that_holds_the_text_takes_no_memory_along_but_is_named(study, home):
    study()
    said = "The old bridge of Orlan in spring"
    (id_,) = insert(home, note(said))
    (other,) = insert(home, note("It carries forty goats.", title=said))
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        plan = plan_erasure(home.path, store, [id_])
    assert plan.along == ()
    assert [one.id for one in plan.kept_by] == [other]


def test_what_another_memory_once_said_is_erased_and_what_it_says_now_stays(study, home):
    study()
    said = "Ida keeps her money in a jar."
    _, other = insert(home, note(said), note(f"{said} She told me.", namespace=("user", "x")))
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        known = store.get(other)
        store.update(dataclasses.replace(known, text="Ida has a bank."), who="me", why="moved")
    assert purge(home, said).past == 1

    assert left(home, said) == []
    with MemoryStore.open(home.path, HashEmbedder()) as store:
        assert store.get(other).text == "Ida has a bank."
        change = store.history(other)[-1]
        with pytest.raises(StoreError, match="purged"):
            store.undo(change.id, who="me", why="a test")


@pytest.mark.parametrize("ids", ['"abc"', "5", "[5]", "{}"])
def test_a_damaged_note_is_refused(home, ids):
    (home.path / "purge.json").write_text(f'{{"ids": {ids}}}')
    with pytest.raises(StoreError, match="damaged"):
        unfinished(home)
