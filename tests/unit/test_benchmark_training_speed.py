"""What the benchmark of training counts, and how it sets TRL beside ours."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ingrained.trainer.encode import EncodedRow
from ingrained.trainer.network import Network, load_base
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"
STAND_IN = """
import json, sys
for line in sys.stdin:
    task = json.loads(line)
    lengths = [len(row["input_ids"]) for row in task["rows"]]
    assert lengths == sorted(lengths, reverse=True)
    assert all(row["labels"][0] == -100 != row["labels"][-1] for row in task["rows"])
    assert (task["rank"], task["dtype"], len(task["targets"])) == (32, "float32", 7)
    print(json.dumps({"version": "0", "seconds": 2.0, "loss": 1.0}), flush=True)
"""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def speed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import training_speed

    return training_speed


@pytest.fixture
def counting(speed: ModuleType) -> ModuleType:
    import training_flops

    return training_flops


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def test_useful_work_is_forward_and_the_activations_backward(counting: ModuleType):
    shapes = counting.Shapes(layers=3, linears=((5, 7), (7, 5)), head=(11, 7), dtype=torch.float32)
    work = [counting.Work(tokens=10, supervised=2), counting.Work(tokens=3, supervised=1)]
    parameters, low_rank = 3 * (35 + 35), 3 * 4 * (12 + 12)
    expected = 13 * (4 * parameters + 6 * low_rank) + 3 * 4 * 77
    assert counting.flops(shapes, LoraRecipe(rank=4), work) == expected
    upper = 13 * (4 * parameters + 6 * low_rank) / 3 + 3 * 4 * 77
    assert counting.flops(shapes, LoraRecipe(rank=4, first_layer=2), work) == upper


def test_what_rows_share_is_counted_once_in_each_pass(counting: ModuleType):
    rows = [EncodedRow(ids=(1, 2, 3, n, 9), prompt_length=4) for n in (4, 5, 6)]
    together, alone = counting.passes(rows, [[0, 1], [2]], 10)
    assert (together.tokens, together.supervised) == (5 + 2, 2)
    assert (alone.tokens, alone.supervised) == (5, 1)
    assert len(counting.passes(rows, [[0, 1, 2]], 10)) == 2


def test_the_shapes_are_those_of_the_model(counting: ModuleType, base: Path):
    model = load_base(base)
    shapes = counting.Shapes.of(model)
    network = Network(model, LoraRecipe(rank=8))
    trained = sum(parameter.numel() for parameter in network.parameters.values())
    assert trained == shapes.layers * 8 * sum(out + into for out, into in shapes.linears)
    assert shapes.head == tuple(model.get_output_embeddings().weight.shape)


def test_the_limit_is_what_the_products_take_at_best(counting: ModuleType):
    shapes = counting.Shapes(layers=9, linears=((5, 7),), head=(11, 7), dtype=torch.float32)
    clock = iter([10.0, 15.0, 20.0, 22.0, 30.0, 33.0])
    work = counting.Work(tokens=10, supervised=2)
    measured = counting.matmul_speed(shapes, work, lambda: next(clock), layers=3, times=3)
    assert measured == 4 * (3 * 35 * 10 + 77 * 2) / 2.0


def test_a_turn_sets_all_beside_each_other(
    speed: ModuleType, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stand_in = tmp_path / "worker.py"
    stand_in.write_text(STAND_IN)
    monkeypatch.setattr(speed, "WORKER", stand_in)
    bench = speed.prepare(base, steps=2, clock="cpu")
    with speed.trl(Path(sys.executable)) as peer:
        turn = speed.measure(bench, peer)
    assert peer.version == "0"
    timed = sorted(len(row.ids) for row in bench.encoded)[: 2 * speed.BATCH]
    assert turn["tokens_per_second_trl"] == sum(timed) / 2.0
    ours = turn["tokens_per_second_ours"]
    assert turn["ours_over_trl"] == ours / turn["tokens_per_second_trl"]
    assert turn["tokens_per_second_ours_default"] > 0
    assert 0 < turn["share_of_matmul_limit"] < 1

    default = LoraRecipe.for_depth(2)
    tokens = sum(len(row.ids) for row in bench.encoded) / len(bench.encoded)
    upper = default.epochs / turn["tokens_per_second_ours_default"]
    lower = 1 / turn["tokens_per_second_lower_half_once"]
    assert turn["seconds_per_fact"] == pytest.approx(
        (318 + default.replay) / 91 * tokens * (upper + lower)
    )


def test_without_trl_ours_is_measured_alone(speed: ModuleType, base: Path):
    turn = speed.measure(speed.prepare(base, steps=1, clock="wall"), None)
    assert not [label for label in turn if "trl" in label]
    figures = speed.summed_up([turn], "tokens/s")
    assert figures["tokens_per_second_ours"].unit == "tokens/s"
    assert figures["seconds_per_fact"].unit == "s"
    assert figures["matmul_limit"].unit == "GFLOP/s"
    assert figures["share_of_matmul_limit"].unit == "fraction"


def test_figures_are_medians_with_their_range(speed: ModuleType):
    turns = [{"ours_over_trl": value} for value in (3.0, 1.0, 2.5)]
    figure = speed.summed_up(turns, "tokens/CPU-s")["ours_over_trl"]
    assert (figure.value, figure.low, figure.high, figure.unit) == (2.5, 1.0, 3.0, "times")


def test_a_worker_that_dies_is_told_of(
    speed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stand_in = tmp_path / "worker.py"
    stand_in.write_text("import sys; sys.stdin.readline(); sys.exit('no such model')")
    monkeypatch.setattr(speed, "WORKER", stand_in)
    with (
        pytest.raises(SystemExit, match="TRL ended: no such model"),
        speed.trl(Path(sys.executable)) as peer,
    ):
        peer({})


def test_a_worker_that_does_not_end_is_ended(
    speed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stand_in = tmp_path / "worker.py"
    stand_in.write_text("import time; time.sleep(600)")
    monkeypatch.setattr(speed, "WORKER", stand_in)
    monkeypatch.setattr(speed, "PATIENCE", 0.1)
    with speed.trl(Path(sys.executable)) as peer:
        assert peer.worker.poll() is None
    assert peer.worker.poll() is not None


def test_the_result_says_which_trl_was_measured(
    speed: ModuleType, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    stand_in = tmp_path / "worker.py"
    stand_in.write_text(STAND_IN)
    monkeypatch.setattr(speed, "WORKER", stand_in)
    monkeypatch.setattr(speed, "resolve_local", lambda *_: base)
    for peer, versions in ((sys.executable, {"trl": "0"}), ("nothing", {})):
        words = f"training_speed.py --turns 1 --steps 1 --folder {tmp_path} --peer-python {peer}"
        monkeypatch.setattr("sys.argv", words.split())
        speed.main()
        written = json.loads((tmp_path / "training_speed.json").read_text())["versions"]
        assert {name: one for name, one in written.items() if name == "trl"} == versions


@pytest.mark.skipif(
    not list(ROOT.glob(".venv-peers/lib/*/site-packages/trl")), reason="make peers installs TRL"
)
def test_trl_computes_the_loss_that_ours_does(speed: ModuleType, base: Path):
    bench = speed.prepare(base, steps=1, clock="cpu")
    with speed.trl(ROOT / ".venv-peers/bin/python") as peer:
        told = peer(speed.task(bench, bench.encoded, learning_rate=0.0))
    network = Network(load_base(base), LoraRecipe())
    steps = bench.encoded[: speed.BATCH], bench.encoded[speed.BATCH :]
    assert told["loss"] == pytest.approx(
        sum(network.mean_loss(step, 512) for step in steps) / 2, rel=1e-4
    )
    assert told["seconds"] > 0
