"""A document that is purged as a whole leaves no word and no question of its own in a home."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bridge import (
    BUILDER,
    FAR,
    NEAR,
    Killed,
    Pupil,
    dying,
    memories,
    question_in,
    questions,
    write_town,
)

from ingrained.agent.commands.recording import examples
from ingrained.agent.library import Library
from ingrained.agent.mechanisms import MECHANISMS
from ingrained.agent.planning import Sitting
from ingrained.agent.replies import FILE_NAME as REPLIES
from ingrained.agent.replies import Reply, ReplyCache
from ingrained.agent.report.records import save_exam, save_run
from ingrained.graphs import erasing
from ingrained.graphs.erasing import Begun, Erasure, erase, finish, unfinished
from ingrained.graphs.session import Home
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

GONE = "artisan.md"
WORDS = ("Quell Harbour", "Tobin Ashe", "blue slate", "masonry", "slab", "grave")
"""Stand in the purged document only."""
CLAIM = "I took Tobin Ashe for the one who built it."
ADVICE = "Look for who built it, not for Tobin Ashe."


@pytest.fixture(autouse=True)
def town(corpus: Path, model) -> None:
    """Three pages, and a pupil that takes a name of the one for that of the other."""
    write_town(corpus)

    def mixes_up(prompt: str) -> str | None:
        return "Tobin Ashe" if question_in(prompt) == BUILDER else None

    model.script = Pupil(
        memory=mixes_up, claim=lambda _: CLAIM, advise=lambda _: ADVICE,
        explain=lambda _: "The passage says so, and Tobin Ashe is not named.",
    )  # fmt: skip


@pytest.fixture
def studied(study, home: Path) -> Path:
    """A home where everything was done that leaves a trace."""
    study(mechanisms=frozenset(MECHANISMS), rounds=3, sealed_share=0.5, mastered=1.0)
    row = {"cell": "open", "reply": "Quell Harbour", "sources": [], "documents": [GONE]}
    save_exam(home, {"exam": "e.jsonl", "date": "2026", "rows": [row]})
    asked = [one["question"] for one in questions(home)]
    save_run(home, {"examples": examples(memories(home)), "rejected": asked, "phases": {}})
    with ReplyCache(home / REPLIES) as replies:
        replies.put({"key": Reply(text="Tobin Ashe")})
    return home


def purge(home: Path) -> Erasure:
    opened = Home(home)
    with MemoryStore.open(home, HashEmbedder()) as store:
        ids = [one.id for one in store.list(document=GONE, status=None)]
        return erase(opened, store, ids, documents=[GONE], who="me", why="asked to")


def resting(home: Path) -> list[dict[str, Any]]:
    """The questions that take a passage of the document."""
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        own = {one.id for one in library.passages(library.passage_ids()) if one.document == GONE}
        return [one for one in library.questions() if own & {one["passage"], *one["passages"]}]


def left(home: Path, texts: Iterable[str]) -> list[tuple[str, str]]:
    """Where bytes of a text stand in the files of a home, in any case of the letters."""
    return [
        (path.relative_to(home).as_posix(), text)
        for path in sorted(home.rglob("*")) if path.is_file()
        for text in texts if text.lower().encode() in path.read_bytes().lower()
    ]  # fmt: skip


def taken_in(home: Path, texts: Iterable[str]) -> list[tuple[str, str]]:
    """As `left`, but for the vectors' file.

    Chroma writes its free slots with whatever lay in the process's memory, and a study that has
    just read the page may leave a word of it there. `prove` makes such an index anew.
    """
    return [(file, text) for file, text in left(home, texts) if not file.endswith("level0.bin")]


def ids(rows: Iterable[dict[str, Any]]) -> set[str]:
    return {one["id"] for one in rows}


def test_no_word_of_the_document_and_no_id_of_its_questions_is_left(studied):
    gone = resting(studied)
    assert {"two-hop", "paraphrase", "answer-first"} <= {one["kind"] for one in gone}
    everything = (*WORDS, *ids(gone))
    there = {text for _, text in left(studied, everything)}
    assert there == set(everything), "or the search would prove nothing"
    done = purge(studied)
    finish(Home(studied))

    assert left(studied, everything) == []
    assert done.buried.emptied == (GONE,)
    assert done.buried.questions >= len(gone)
    assert questions(studied), "those about the other documents stay"
    assert not ids(questions(studied)) & ids(gone)


def test_what_the_model_wrote_of_others_with_its_words_goes_and_the_questions_stay(studied):
    (builder,) = (one for one in questions(studied) if one["question"] == BUILDER)
    with closing(Library(studied / "library.sqlite")) as library:
        library.put_questions([{**builder, "rationale": CLAIM, "hinted": False}])
        book = library.gradebook
        assert any(builder["id"] in claims for claims in book.reviews().values())
        book.add_reflection(builder["id"], ADVICE)
    purge(studied)

    with closing(Library(studied / "library.sqlite", read_only=True)) as library:
        (kept,) = (one for one in library.questions() if one["id"] == builder["id"])
        assert "rationale" not in kept
        assert library.gradebook.reviews() == {}
        assert library.gradebook.reflections([builder["id"]]) == {}


def test_a_joint_question_goes_when_the_passage_of_its_first_hop_is_forgotten(studied):
    (far,) = (one for one in questions(studied) if one["question"] == FAR[0])
    with closing(Library(studied / "library.sqlite")) as library:
        home, first = library.passages(far["passages"])
        assert (home.document, first.document) == (GONE, "bridge.md")
        library.gradebook.record_sittings(
            "memory", [Sitting(question=far["id"], passed=True, f1=1)]
        )
        library.drop_document("bridge.md")
        assert far["id"] not in ids(library.questions())
        library.compact()
    assert ("library.sqlite", far["id"]) not in left(studied, [far["id"]])


def test_a_joint_question_goes_with_the_memory_of_its_first_hop(studied):
    (near,) = (one for one in questions(studied) if one["question"] == NEAR[0])
    (first,) = (one for one in memories(studied) if "was taught masonry" in one.text)
    with MemoryStore.open(studied, HashEmbedder()) as store:
        erase(Home(studied), store, [first.id], who="me", why="asked to")
    finish(Home(studied))

    assert left(studied, [near["id"], near["question"]]) == []


def test_advice_that_became_an_insight_goes_too(study, model, home):
    born = "Where was Mara Vint born?"
    advice = "Look for the place that is named with the word born."

    def recall(prompt: str) -> str | None:
        wrong = question_in(prompt) == born and "Advice from earlier tries:" not in prompt
        return "a goat" if wrong else None

    model.script = Pupil(memory=recall, advise=lambda _: advice)
    used = {"answer-first", "round-trip", "quiz-verified", "reflexion"}
    study(mechanisms=frozenset(used), rounds=2, sealed_share=0, mastered=1.0)
    assert advice in {one.text for one in memories(home)}
    purge(home)
    finish(Home(home))

    assert left(home, [advice]) == []


def test_it_does_not_come_back_when_it_is_read_again_unchanged_or_edited(
    studied, study, corpus, model
):
    model.script = Pupil()
    purge(studied)
    finish(Home(studied))
    study()
    assert taken_in(studied, WORDS) == []
    page = (corpus / GONE).read_text(encoding="utf-8")
    (corpus / GONE).write_text(f"{page}\nMara Vint kept seven hens.\n", encoding="utf-8")
    study()
    assert taken_in(studied, ("Quell Harbour", "blue slate", "masonry")) == []


def test_what_another_document_says_too_stays_there(study, home, corpus):
    said = "Tobin Ashe died in 1433."
    (corpus / "echo.md").write_text(f"# Echo\n\n{said} He was old by then.\n", encoding="utf-8")
    study()
    with MemoryStore.open(home, HashEmbedder()) as store:
        store.forget([one.id for one in store.list(document=GONE)], who="me", why="a test")
        erase(Home(home), store, [], documents=[GONE], who="me", why="asked to")

    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        echo = library.document("echo.md")
        assert echo is not None
        assert said in echo.text


def test_a_study_cut_short_with_it_in_hand_is_given_up(study, home):
    def cut(event: dict[str, Any]) -> None:
        if (event["phase"], event["event"]) == ("grade", "start"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        study(stop=cut)
    assert left(home, ["Quell Harbour"])
    assert purge(home).cut_run
    finish(Home(home))
    assert left(home, WORDS) == []


STEPS: dict[str, tuple[Any, str]] = {
    "working it out": (erasing, "prepare"),
    "cut run": (erasing, "drop_cut_run"),
    "records": (erasing, "redact_records"),
    "library": (Library, "rewrite"),
    "library's pages": (Library, "compact"),
    "ledger": (MemoryStore, "purge"),
}


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_and_repeated_it_is_finished(studied, monkeypatch, step, after):
    everything = (*WORDS, *ids(resting(studied)))
    where, name = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(where, name, dying(getattr(where, name), after=after))
        with pytest.raises(Killed):
            purge(studied)
    begun = unfinished(Home(studied))
    assert begun.documents == (GONE,)
    assert set(json.loads((studied / "purge.json").read_text())) == {
            "ids", "documents", "users",
        }  # fmt: skip

    with MemoryStore.open(studied, HashEmbedder()) as store:
        erase(Home(studied), store, [], who="me", why="asked to")
    finish(Home(studied))
    assert left(studied, everything) == []
    assert unfinished(Home(studied)) == Begun()
