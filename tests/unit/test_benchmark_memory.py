"""What the memory's benchmarks count, and how sure they say they are."""

import json
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
TOPICS = ("Pears", "Pears", "Mines")
TEXTS = ("Pears ripen late.", "Pears keep well.", "Copper paid for the railway.")
QUESTIONS = (("When do pears ripen?", 0), ("What paid for the railway?", 2))


@pytest.fixture(autouse=True)
def _benchmarks_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def resampling() -> ModuleType:
    import resampling

    return resampling


@pytest.fixture
def recall() -> ModuleType:
    import recall

    return recall


@pytest.fixture
def data(tmp_path: Path) -> Path:
    documents = [
        {"id": f"d{row}", "title": topic, "text": text}
        for row, (topic, text) in enumerate(zip(TOPICS, TEXTS, strict=True))
    ]
    exam = [{"document": f"d{row}", "question": question} for question, row in QUESTIONS]
    for name, rows in (("documents", documents), ("exam", exam)):
        lines = [json.dumps(row) for row in rows]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_made_memories_are_distinct_and_always_the_same():
    from made_memories import made_memories

    made = made_memories(2000, seed=3)
    assert len({one.text.casefold() for one in made}) == 2000
    assert made_memories(500, seed=3) == made[:500]
    assert made_memories(500, seed=4) != made[:500]
    assert all("{" not in one.text + one.question for one in made)


def test_a_figure_of_a_mean_is_the_mean_with_an_interval_around_it(resampling: ModuleType):
    figure = resampling.mean_figure([0.0, 1.0] * 50, "share")
    assert figure.value == 0.5
    assert 0.35 < figure.low < 0.45 < 0.55 < figure.high < 0.65
    assert resampling.mean_figure([0.0, 1.0] * 50, "share") == figure


def test_twice_as_fast_is_a_ratio_of_two(resampling: ModuleType):
    slow = [2.0 + 0.01 * row for row in range(100)]
    fast = [one / 2 for one in slow]
    assert resampling.rate_ratio(fast, slow).value == pytest.approx(2.0)
    assert resampling.quantile_ratio(slow, fast, 0.95).value == pytest.approx(2.0)
    assert resampling.rate_figure([0.5, 0.5], 1000, "memories/s").value == 2000.0


def test_vectors_are_made_once_and_an_interrupted_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import precomputed

    from ingrained.memory.testing import HashEmbedder

    class Counting(HashEmbedder):
        def embed(self, texts):
            asked.extend(texts)
            return super().embed(texts)

    asked: list[str] = []
    monkeypatch.setattr(precomputed, "_CHUNK", 2)
    precomputed.cached_vectors(TEXTS[:2], Counting(), tmp_path)
    matrix = precomputed.cached_vectors(TEXTS, Counting(), tmp_path)
    assert asked == list(TEXTS)
    assert matrix == pytest.approx(np.asarray(HashEmbedder().embed(TEXTS)), abs=1e-6)


def test_recall_counts_the_rank_of_the_one_right_passage(recall: ModuleType, data: Path):
    exam = recall.read_exam(data)
    ranks = recall.ranks_of([[1, 0], [0, 1]], exam)
    assert ranks == [2, None]
    figures = recall.quality("ours", ranks)
    assert {label: one.value for label, one in figures.items()} == {
        "recall_at_1_ours": 0.0,
        "recall_at_5_ours": 0.5,
        "mrr_ours": 0.25,
    }


def test_junk_is_what_is_recalled_of_other_articles(recall: ModuleType, data: Path, tmp_path: Path):
    from ingrained.memory import Memory, MemoryStore
    from ingrained.memory.testing import HashEmbedder

    exam = recall.read_exam(data)
    with MemoryStore.open(tmp_path / "home", HashEmbedder()) as store:
        memories = [Memory(id="", text=text) for text in exam.texts]
        ids = [one.id for one in store.insert(memories, who="test", why="test")]
        figures = recall.floor_figures(store, ids, exam)
        assert len(store.list()) == len(TEXTS)
    assert figures["recall_at_5_fused_with_floor"].value == 1.0
    assert figures["nothing_recalled_of_other_articles"].value == 1.0


def test_as_much_survives_seven_starts_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import memory_fading

    monkeypatch.setattr(memory_fading, "COUNT", 12)
    figures = memory_fading.fading_figures(tmp_path)
    assert figures["survivors_that_differ"].value == 0
    assert 0 < figures["survivors_7_days_seven_starts"].value < 12


def test_the_curves_are_drawn_as_one_small_file(tmp_path: Path):
    import memory_fading

    memory_fading.write_curves(tmp_path / "curves.svg")
    drawn = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    assert len(drawn) < 20_000
    assert all(f">{name}</text>" in drawn for name in memory_fading.SCHEDULES)


def test_nothing_is_lost_or_doubled_by_a_kill(tmp_path: Path):
    import memory_crash

    figures = memory_crash.crash_figures(tmp_path, rounds=1, operations=12)
    for label in ("lost_after_kill", "doubled_after_kill", "index_differs_after_kill"):
        assert figures[label].value == 0


def test_what_was_purged_is_nowhere_and_what_was_kept_is_found(tmp_path: Path):
    from memory_deletion import deletion_figures

    figures = deletion_figures(tmp_path, count=40, purges=10)
    assert figures["purge_hits"].value == 0
    assert figures["purged_texts_searched_for"].value >= 10
    assert figures["kept_texts_not_found"].value == 0
