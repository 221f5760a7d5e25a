"""Several processes train one adapter: what one process would have made of the same rows."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from trained_together import OTHERS, RECIPE, ROWS, TAUGHT, UPPER

from ingrained.errors import TrainingError
from ingrained.trainer.encode import EncodedRow
from ingrained.trainer.lora import train
from ingrained.trainer.processes import Processes, deal, processes
from ingrained.trainer.resume import RESUME_FILE
from ingrained.trainer.rows import write_rows
from ingrained.trainer.testing import make_tiny_model

TOGETHER = Path(__file__).with_name("trained_together.py")


@dataclass(frozen=True, kw_only=True)
class Launched:
    """What two processes left behind."""

    base: Path
    folder: Path
    saw: tuple[dict[str, Any], dict[str, Any]]
    """By process."""
    printed: str


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Launched:
    """Two processes on processors; `--multi_gpu` only says that there are several."""
    folder = tmp_path_factory.mktemp("together")
    base = make_tiny_model(folder / "base")
    rows, recipe = folder / "rows.jsonl", folder / "recipe.json"
    write_rows(rows, ROWS)
    recipe.write_text(json.dumps(dataclasses.asdict(RECIPE)))
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0", str(TOGETHER), str(base), str(folder), str(rows), str(recipe),
    ]  # fmt: skip
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "PYTHONFAULTHANDLER": "1",
    }
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((folder / f"{number}.json").read_text()) for number in (0, 1))
    return Launched(base=base, folder=folder, saw=(first, second), printed=done.stdout)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def assert_close(one: Path, other: Path) -> None:
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.allclose(value, theirs[name], rtol=1e-5, atol=1e-5), name


@pytest.mark.slow
def test_two_processes_make_the_adapter_that_one_makes(launched: Launched, tmp_path: Path) -> None:
    alone = train(ROWS, base=launched.base, out=tmp_path / "a", recipe=RECIPE)
    for saw in launched.saw:
        assert saw["plain"]["losses"] == pytest.approx(alone.losses, rel=1e-5)
        assert saw["plain"]["tokens"] == alone.tokens
    assert_close(launched.folder / "plain", tmp_path / "a")
    assert not (launched.folder / "plain" / RESUME_FILE).exists()


@pytest.mark.slow
def test_with_teachers_validation_and_a_limit_of_drift_too(
    launched: Launched, tmp_path: Path
) -> None:
    alone = train(
        TAUGHT,
        base=launched.base,
        out=tmp_path / "a",
        recipe=UPPER,
        validation=OTHERS,
        probes=OTHERS,
    )
    assert alone.strength < 1
    for saw in launched.saw:
        together = saw["upper"]
        assert together["losses"] == pytest.approx(alone.losses, rel=1e-4)
        assert together["validation_losses"] == pytest.approx(alone.validation_losses, rel=1e-4)
        assert (together["strength"], together["stopped"]) == (alone.strength, "epochs")
        assert together["drift"] == pytest.approx(alone.drift, rel=1e-3)
    assert_close(launched.folder / "upper", tmp_path / "a")


@pytest.mark.slow
def test_only_the_first_process_reports(launched: Launched) -> None:
    first, second = launched.saw
    assert first["reported"] == list(range(1, 10))
    assert second["reported"] == []


@pytest.mark.slow
def test_the_first_process_stops_all_and_one_process_can_go_on(
    launched: Launched, tmp_path: Path
) -> None:
    for saw in launched.saw:
        assert (saw["stopped"]["stopped"], saw["stopped"]["steps"]) == ("interrupted", 2)
    first, second = launched.saw
    assert first["interrupted"] == [3, 4, -1], "it went on, and Ctrl-C waited for the step to end"
    assert second["interrupted"] == [-1], "the first was interrupted, both stop"

    steps: list[int] = []
    out = launched.folder / "stopped"
    resumed = train(
        ROWS, base=launched.base, out=out, recipe=RECIPE, on_step=lambda r: steps.append(r.step)
    )
    whole = train(ROWS, base=launched.base, out=tmp_path / "a", recipe=RECIPE)
    assert steps[0] == 5
    assert resumed.losses == pytest.approx(whole.losses, rel=1e-5)
    assert_close(out, tmp_path / "a")


@pytest.mark.slow
def test_ctrl_c_stops_all_whichever_process_it_reaches(launched: Launched) -> None:
    first, second = launched.saw
    assert first["other interrupted"] == [1, 2, 3, -1]
    assert second["other interrupted"] == [-1]
    assert (launched.folder / "other" / RESUME_FILE).exists(), "what was done is saved"
    assert (first["late"], second["late"]) == (True, True), "after the last decision too"


@pytest.mark.slow
def test_a_disk_that_is_full_for_the_first_process_is_full_for_all(launched: Launched) -> None:
    for saw in launched.saw:
        assert saw["disk"] == "[Errno 28] No space left on device: 'a'"


@pytest.mark.slow
def test_what_cannot_be_trained_is_an_error_in_every_process(launched: Launched) -> None:
    for saw in launched.saw:
        assert "holds a finished adapter" in saw["again"]
        assert saw["too few"] == "2 processes cannot share steps of 1 rows."
        assert "same rows" in saw["others"]


@pytest.mark.slow
def test_the_command_trains_from_a_file_and_tells_of_it_once(launched: Launched) -> None:
    (told,) = [json.loads(line) for line in launched.printed.splitlines()]
    assert told["losses"] == pytest.approx(launched.saw[0]["plain"]["losses"], rel=1e-6)
    assert told["drift"] > 0, "measured on the probes that ship with the trainer"
    assert [saw["ended"] for saw in launched.saw] == [0, 0]
    assert_close(launched.folder / "main", launched.folder / "plain")


def encoded(*lengths: int) -> list[EncodedRow]:
    return [EncodedRow(ids=(7,) * length, prompt_length=1) for length in lengths]


def test_a_step_is_dealt_out_by_tokens() -> None:
    rows = encoded(9, 2, 3, 5, 3)
    assert deal(rows, [0, 1, 2, 3, 4], 2) == [[0, 1], [2, 3, 4]]
    assert deal(rows, [4, 3, 0], 2) == [[0], [4, 3]], "each part in the order of the step"
    assert deal(rows, [2], 2) == [[2], []]
    assert deal(rows, [4, 0, 2], 1) == [[4, 0, 2]]


LAUNCHED = (
    "WORLD_SIZE", "RANK", "LOCAL_RANK", "PMI_SIZE", "PMI_RANK", "OMPI_COMM_WORLD_SIZE",
    "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK", "MASTER_ADDR", "MASTER_PORT",
    "LOCAL_WORLD_SIZE",
)  # fmt: skip


@pytest.fixture
def not_launched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever accelerate writes into the environment is taken back after the test."""
    for name in LAUNCHED:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"WORLD_SIZE": "1", "RANK": "0", "LOCAL_RANK": "0"},
        {"WORLD_SIZE": "4"},
        {"WORLD_SIZE": "4", "RANK": ""},
        {"PMI_SIZE": "2"},
    ],
    ids=["nothing", "one", "a size alone", "no rank", "MPI's size alone"],
)
def test_one_process_has_nobody_to_ask(
    told: dict[str, str], not_launched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    alone = processes()
    assert type(alone) is Processes
    assert (alone.first, alone.count, alone.decided(lambda: "stop")) == (True, 1, "stop")


@pytest.mark.parametrize(
    "told",
    [
        {"WORLD_SIZE": "2", "RANK": "0", "LOCAL_RANK": "0"},
        {"PMI_SIZE": "2", "PMI_RANK": "0"},
        {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": "1"},
    ],
    ids=["torch", "MPI", "OpenMPI"],
)
def test_processes_that_cannot_reach_each_other_are_an_error(
    told: dict[str, str], not_launched: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    for _ in ("once", "and again"):
        with pytest.raises(TrainingError, match="2 processes were started") as caught:
            processes()
        assert "torchrun" in caught.value.hint
