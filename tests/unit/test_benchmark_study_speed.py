"""What the benchmark of a study's speed makes of the records of its runs."""

from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def study_speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import study_speed

    return study_speed


def record(quiz: float) -> dict:
    cost = {"seconds": quiz, "tokens_in": 300, "tokens_out": 100}
    return {"seconds": quiz + 5, "phases": {"quiz": cost}, "accepted": 8, "kept": 2}


def test_figures_are_medians_per_thousand_words_with_what_no_phase_counts(study_speed: ModuleType):
    records = {"now": [record(10), record(30), record(15)], "first": [record(40)]}
    figures = study_speed.summed_up(records, 2000)
    whole = figures["seconds_per_1000_words"]
    assert (whole.value, whole.low, whole.high, whole.unit) == (10, 7.5, 17.5, "s")
    assert figures["seconds_per_1000_words_first_version"].value == 22.5
    assert figures["seconds_per_1000_words_quiz"].value == 7.5
    assert figures["seconds_per_1000_words_loading"].value == 2.5
    assert figures["tokens_per_1000_words_quiz_first_version"].value == 200
    assert figures["accepted_per_1000_words"].value == 4


def test_words_are_counted_without_markup(study_speed: ModuleType, tmp_path: Path):
    page = tmp_path / "page.html"
    page.write_text("<html><body><p>The <b>Lorne</b> mill has nine sails.</p></body></html>")
    assert study_speed.count_words([page]) == 6
