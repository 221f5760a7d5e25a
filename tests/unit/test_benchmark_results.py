"""Every figure we publish comes from a result file, and every result file says how it was made."""

import copy
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import jsonschema
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
RESULTS = sorted((BENCHMARKS / "results").glob("*.json"))
SCHEMA = json.loads((BENCHMARKS / "schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def results_file(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import results_file

    return results_file


@pytest.fixture
def readme_tables(results_file: ModuleType) -> ModuleType:
    import readme_tables

    return readme_tables


@pytest.fixture
def result(results_file: ModuleType, tmp_path: Path) -> dict:
    figures = {
        "closed-book": results_file.Figure(value=0.5, low=0.4, high=0.625, unit="fraction"),
        "speed": results_file.Figure(value=1234.5, unit="tokens/s"),
    }
    path = results_file.write(
        "exam", figures, seeds=[1, 2], command="python benchmarks/exam.py", folder=tmp_path
    )
    return json.loads(path.read_text(encoding="utf-8"))


def check(result: dict) -> None:
    jsonschema.validate(result, SCHEMA, format_checker=jsonschema.FormatChecker())


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_a_result_file_keeps_to_the_schema(path: Path):
    result = json.loads(path.read_text(encoding="utf-8"))
    check(result)
    assert result["name"] == path.stem


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_the_script_that_made_it_is_there(path: Path):
    command = json.loads(path.read_text(encoding="utf-8"))["command"].split()
    scripts = [word for word in command if word.endswith(".py")]
    assert scripts
    assert all((BENCHMARKS.parent / script).is_file() for script in scripts)


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_what_is_written_keeps_to_the_schema(result: dict):
    check(result)
    assert result["machine"]["cores"] >= 1
    assert result["figures"]["closed-book"] == {
        "value": 0.5,
        "low": 0.4,
        "high": 0.625,
        "unit": "fraction",
    }


@pytest.mark.parametrize("key", ["command", "machine", "versions", "seeds", "figures"])
def test_a_result_without_its_circumstances_is_refused(result: dict, key: str):
    del result[key]
    with pytest.raises(jsonschema.ValidationError, match=key):
        check(result)


@pytest.mark.parametrize("change", [{"host": "x"}, {"date": "yesterday"}, {"figures": {}}])
def test_a_result_of_another_form_is_refused(result: dict, change: dict):
    with pytest.raises(jsonschema.ValidationError):
        check(copy.deepcopy(result) | change)


def test_a_value_outside_its_own_interval_is_refused(results_file: ModuleType):
    with pytest.raises(ValueError, match="not within"):
        results_file.Figure(value=0.7, low=0.4, high=0.6, unit="fraction")


def test_a_table_is_filled_from_its_result(readme_tables: ModuleType, result: dict):
    readme = "before\n<!-- figures:exam -->\nstale\n<!-- /figures -->\nafter"
    filled = readme_tables.render(readme, {"exam": result})
    assert "stale" not in filled
    assert "| closed-book | 0.500 | 0.400 to 0.625 |" in filled
    assert "| speed | 1,234 tokens/s |  |" in filled
    assert "`python benchmarks/exam.py`" in filled
    assert "2 seeds" in filled
    assert readme_tables.render(filled, {"exam": result}) == filled


def test_some_figures_make_a_grid(readme_tables: ModuleType, result: dict):
    result["figures"] |= {
        "seconds_quiz": {"value": 9.0, "low": 9.0, "high": 9.0, "unit": "s"},
        "seconds_exam": {"value": 200.0, "low": 150.0, "high": 250.0, "unit": "s"},
        "tokens_quiz": {"value": 1200, "low": 1200, "high": 1200, "unit": "tokens"},
    }
    marker = "<!-- grid:exam quiz, exam | seconds=seconds_* | tokens=tokens_* -->"
    filled = readme_tables.render(f"{marker}<!-- /figures -->", {"exam": result})
    assert "| | seconds | tokens |" in filled
    assert "| quiz | 9 | 1,200 |" in filled
    assert "| exam | 200 (150 to 250) |  |" in filled
    assert "`python benchmarks/exam.py`" in filled
    assert readme_tables.render(filled, {"exam": result}) == filled


def test_a_grid_of_an_unknown_row_is_an_error(readme_tables: ModuleType, result: dict):
    with pytest.raises(KeyError, match="nap"):
        readme_tables.render(
            "<!-- grid:exam nap | seconds=seconds_* --><!-- /figures -->", {"exam": result}
        )


def test_a_figure_in_a_sentence_is_filled(readme_tables: ModuleType, result: dict):
    readme = "It gets <!-- figure:exam/closed-book --><!-- /figure --> right."
    filled = readme_tables.render(readme, {"exam": result})
    assert filled == "It gets <!-- figure:exam/closed-book -->0.500<!-- /figure --> right."


def test_a_table_of_nothing_is_an_error(readme_tables: ModuleType):
    with pytest.raises(KeyError, match="exam"):
        readme_tables.render("<!-- figures:exam --><!-- /figures -->", {})


def test_the_readme_shows_the_figures_of_the_result_files():
    command = [sys.executable, str(BENCHMARKS / "readme_tables.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
