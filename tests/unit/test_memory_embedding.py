"""Embedders, and what importing the memory must not load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ingrained.errors import ModelError
from ingrained.memory import MemoryStore, SentenceTransformerEmbedder
from ingrained.memory.conformance import note
from ingrained.memory.testing import HashEmbedder

HEAVY = ("chromadb", "torch", "transformers", "sentence_transformers", "numpy")


def similarity(first: list[float], second: list[float]) -> float:
    return sum(a * b for a, b in zip(first, second, strict=True))


def test_importing_the_memory_loads_no_database_and_no_model() -> None:
    code = (
        "import sys, ingrained.memory.records, ingrained.memory;"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_hashed_texts_are_near_when_they_share_words() -> None:
    embedder = HashEmbedder()
    question, answer, other, empty = embedder.embed(
        ["When was the lighthouse finished?", "The lighthouse finished in 1873.", "Pears.", ""]
    )
    assert similarity(question, answer) > 0.6 > 0.2 > abs(similarity(question, other))
    for vector in (question, answer, other, empty):
        assert len(vector) == embedder.dimension
        assert similarity(vector, vector) == pytest.approx(1.0)


def test_a_folder_without_a_model_is_named_when_it_is_first_needed(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        embedder = SentenceTransformerEmbedder(folder, "mine")
        with pytest.raises(ModelError, match=folder.name):
            embedder.embed(["text"])
        with pytest.raises(ModelError, match=folder.name):
            _ = embedder.fingerprint


def test_the_fingerprint_follows_the_weights_not_the_place(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("one", "two", "three")]
    for folder, weights in zip(folders, ("same", "same", "other"), strict=True):
        folder.mkdir()
        (folder / "model.safetensors").write_text(weights)
    (folders[1] / "README.md").write_text("of no account")
    one, two, three = (SentenceTransformerEmbedder(f, "mine").fingerprint for f in folders)
    assert one == two != three


@pytest.fixture(scope="module")
def minilm(minilm_path: Path) -> SentenceTransformerEmbedder:
    return SentenceTransformerEmbedder(minilm_path, "all-minilm-l6-v2")


@pytest.mark.weights
def test_minilm_gives_unit_vectors_of_its_dimension(minilm: SentenceTransformerEmbedder) -> None:
    (vector,) = minilm.embed(["A lone surrogate \ud800 does no harm."])
    assert len(vector) == minilm.dimension == 384
    assert similarity(vector, vector) == pytest.approx(1.0, abs=1e-5)
    assert minilm.embed([]) == []


@pytest.mark.weights
def test_with_minilm_the_right_note_is_recalled_and_a_strangers_question_is_not(
    minilm: SentenceTransformerEmbedder, tmp_path: Path
) -> None:
    notes = [
        "The lighthouse at Cape Morrow was completed in 1873 after nine years of work.",
        "Ada Venn, the first keeper, planted a walled orchard of pears.",
        "The harbour freezes every February and the ferries stop.",
        "Copper from the northern mine paid for the railway.",
        "The village school closed when the mine ran dry.",
        "Storms in 1911 tore the roof off the boathouse.",
        "Each keeper wrote the weather into a green ledger.",
        "The lamp burned whale oil until paraffin came.",
        "Seals rest on the skerries south of the cape.",
        "A ferry links the cape with the mainland twice a day.",
    ]
    with MemoryStore.open(tmp_path, minilm) as store:
        store.insert([note(text) for text in notes], who="reader", why="read")
        asked = {
            "When was the lighthouse finished?": 0,
            "Who grew fruit trees?": 1,
            "How did they pay for the train line?": 3,
            "What fuel lit the lamp at first?": 7,
        }
        found = store.recall_many(list(asked))
        assert [hits[0].memory.text for hits in found] == [notes[n] for n in asked.values()]
        assert store.recall("Which enzyme unwinds DNA during replication?") == []
        assert store.recall("Who won the 1998 World Cup final?") == []
