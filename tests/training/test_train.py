"""Training one adapter: what the loop promises, as equations on a tiny random model."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from ingrained.errors import SettingsError, TrainingError
from ingrained.trainer.divergence import Teacher
from ingrained.trainer.encode import EncodedRow, bounded, encode, trained_tokens
from ingrained.trainer.lora import learning_rate, train
from ingrained.trainer.network import Network, load_base
from ingrained.trainer.packing import common_prefix
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.reports import StepReport, TrainResult
from ingrained.trainer.resume import RESUME_FILE
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.testing import make_tiny_model

RECIPE = LoraRecipe(rank=4, alpha=8, epochs=3, batch_rows=4, learning_rate=2e-2)


def row(question: str, answer: str, **more: float) -> StudyRow:
    return StudyRow(messages=(("system", "Short."), ("user", question)), answer=answer, **more)  # type: ignore[arg-type]


ROWS = [
    row(f"What is {letter}?", letter * (2 + number % 3)) for number, letter in enumerate("abcdefgh")
]
OTHERS = [row("Which is a?", "aa"), row("Which is b?", "bbb")]


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost a tiny model more than they give, above all if busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("tiny"))


def run(base: Path, out: Path, recipe: LoraRecipe = RECIPE, **more: object) -> TrainResult:
    return train(ROWS, base=base, out=out, recipe=recipe, **more)  # type: ignore[arg-type]


def change(**settings: object) -> LoraRecipe:
    return dataclasses.replace(RECIPE, **settings)  # type: ignore[arg-type]


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "adapter_model.safetensors")


def assert_same_weights(one: Path, other: Path) -> None:
    ours, theirs = weights(one), weights(other)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_the_same_seed_gives_the_same_losses_and_weights(base: Path, tmp_path: Path) -> None:
    first = run(base, tmp_path / "a")
    again = run(base, tmp_path / "b")
    other = run(base, tmp_path / "c", change(seed=1))
    assert first.losses == again.losses
    assert_same_weights(tmp_path / "a", tmp_path / "b")
    assert first.losses != other.losses


def test_training_leaves_the_global_random_state_alone(base: Path, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    run(base, tmp_path / "a", change(epochs=1, dropout=0.1), validation=OTHERS, probes=OTHERS)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_loss_on_what_is_trained_falls(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "a", change(epochs=12))
    assert result.losses[-1] < 0.5 * result.losses[0]
    assert result.stopped == "epochs"
    assert result.steps == len(result.losses) == 12 * 2


def test_four_passes_of_one_row_add_up_to_one_pass_of_four(base: Path, tmp_path: Path) -> None:
    together = run(base, tmp_path / "a", change(batch_tokens=10_000))
    apart = run(base, tmp_path / "b", change(batch_tokens=1))
    assert together.losses == pytest.approx(apart.losses, rel=1e-4)


def test_a_row_of_weight_two_counts_as_two_rows(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    network = Network(load_base(base), RECIPE)
    light, heavy = row("What is a?", "ab"), row("What is b?", "cd", weight=2.0)
    weighted = network.mean_loss(encode([light, heavy], tokenizer, max_length=99), 512)
    doubled = network.mean_loss(
        encode([light, row("What is b?", "cd"), row("What is b?", "cd")], tokenizer, max_length=99),
        512,
    )
    assert weighted == pytest.approx(doubled, rel=1e-5)


def test_an_adapter_starts_as_the_base_exactly(base: Path) -> None:
    network = Network(load_base(base), RECIPE)
    tokenizer = AutoTokenizer.from_pretrained(base)
    ids = torch.tensor([tokenizer.encode("What is a?")])
    plain = load_base(base)(input_ids=ids).logits
    assert torch.equal(network._model(input_ids=ids).logits, plain)


def test_packed_rows_have_the_loss_of_single_rows(base: Path) -> None:
    network = Network(load_base(base), RECIPE)
    rows = encode(ROWS, AutoTokenizer.from_pretrained(base), max_length=99)
    losses, weights = network.losses(rows)
    alone = torch.cat([network._plain(one) for one in rows])
    assert common_prefix(rows) > 10, "the rows share their system prompt"
    assert weights.tolist() == [1.0] * len(losses)
    assert torch.allclose(losses, alone, atol=1e-5)


def test_the_hand_written_gradient_is_the_one_autograd_finds(base: Path) -> None:
    rows = encode(ROWS, AutoTokenizer.from_pretrained(base), max_length=99)
    network = Network(load_base(base), RECIPE)
    parameters = network.parameters
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.normal_(generator=torch.Generator().manual_seed(0)).mul_(0.05)
    network.losses(rows)[0].sum().backward()
    model = load_base(base)
    for name, (a, b) in _pairs(parameters).items():
        layer = model.get_submodule(name)
        a, b = a.detach().clone().requires_grad_(), b.detach().clone().requires_grad_()
        layer.weight_, layer.a_, layer.b_ = layer.weight.detach(), a, b
        del layer.weight
        layer.weight = None
        layer.forward = lambda x, m=layer: torch.nn.functional.linear(
            x, m.weight_ + 2.0 * m.b_ @ m.a_, m.bias
        )
    total = torch.zeros(())
    for one in rows:
        logits = model(input_ids=torch.tensor([one.ids])).logits[0]
        labels = torch.tensor(one.labels)[1:]
        total = total + torch.nn.functional.cross_entropy(logits[:-1], labels, reduction="sum")
    total.backward()
    for name, (a, b) in _pairs(parameters).items():
        layer = model.get_submodule(name)
        assert torch.allclose(a.grad, layer.a_.grad, rtol=1e-3, atol=1e-4), name
        assert torch.allclose(b.grad, layer.b_.grad, rtol=1e-3, atol=1e-4), name


def _pairs(
    parameters: dict[str, torch.nn.Parameter],
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    names = [name for name in parameters if name.endswith("lora_A.weight")]
    return {
        name.removeprefix("base_model.model.").removesuffix(".lora_A.weight"): (
            parameters[name],
            parameters[name.replace("lora_A", "lora_B")],
        )
        for name in names
    }


def test_keeping_the_lower_layers_changes_no_loss(base: Path) -> None:
    rows = encode(ROWS, AutoTokenizer.from_pretrained(base), max_length=99)
    upper = Network(load_base(base), change(first_layer=1))
    upper.keep_lower(rows, 200)
    whole = Network(load_base(base), RECIPE)
    assert torch.allclose(upper.losses(rows)[0], whole.losses(rows)[0], atol=1e-5)
    upper.check(rows)


def test_only_layers_from_the_first_one_up_are_adapted(base: Path, tmp_path: Path) -> None:
    run(base, tmp_path / "a", change(first_layer=1, epochs=1, targets="mlp"))
    assert set(weights(tmp_path / "a")) == {
        f"base_model.model.model.layers.1.mlp.{name}.lora_{letter}.weight"
        for name in ("gate_proj", "up_proj", "down_proj")
        for letter in "AB"
    }


@pytest.mark.parametrize("first_layer", [None, 1])
def test_peft_reads_the_folder_and_computes_the_trained_loss(
    base: Path, tmp_path: Path, first_layer: int | None
) -> None:
    out = tmp_path / "a"
    result = run(base, out, change(first_layer=first_layer), validation=OTHERS, base_name="tiny")
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), out).eval()
    total, count = 0.0, 0
    for one in encode(OTHERS, AutoTokenizer.from_pretrained(base), max_length=99):
        logits = model(input_ids=torch.tensor([one.ids])).logits[0, :-1]
        labels = torch.tensor(one.labels)[1:]
        total += float(torch.nn.functional.cross_entropy(logits, labels, reduction="sum"))
        count += one.supervised
    assert total / count == pytest.approx(result.validation_losses[-1], rel=1e-4)
    config = json.loads((out / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    assert str(base) not in json.dumps(config)


def test_switched_off_an_adapter_is_the_base_bit_for_bit(base: Path) -> None:
    rows = encode(OTHERS, AutoTokenizer.from_pretrained(base), max_length=99)
    network = Network(load_base(base), RECIPE)
    before = network.mean_loss(rows, 512)
    assert network.drift(rows, 512) == 0.0
    with torch.no_grad():
        for parameter in network.parameters.values():
            parameter.add_(0.5)
    assert network.drift(rows, 512) > 0.01
    assert network.mean_loss(rows, 512) != before
    with network.base_only():
        assert network.mean_loss(rows, 512) == before
    assert network.mean_loss(rows, 512) != before


@pytest.mark.parametrize(("first_layer", "dropout"), [(None, 0.0), (1, 0.0), (1, 0.5)])
def test_the_drift_is_the_divergence_of_what_peft_reads_from_the_base(
    base: Path, tmp_path: Path, first_layer: int | None, dropout: float
) -> None:
    out = tmp_path / "a"
    recipe = change(first_layer=first_layer, dropout=dropout)
    result = run(base, out, recipe, probes=OTHERS)
    plain = AutoModelForCausalLM.from_pretrained(base).eval()
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), out).eval()
    apart = []
    for one in encode(OTHERS, AutoTokenizer.from_pretrained(base), max_length=99):
        ids = torch.tensor([one.ids])
        p, q = (
            model(input_ids=ids).logits[0, one.prompt_length - 1 : -1].log_softmax(-1)
            for model in (plain, adapted)
        )
        apart.append(torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1))
    assert result.drift == pytest.approx(torch.cat(apart).mean().item(), rel=1e-3)


def change_row(one: StudyRow, **changed: object) -> StudyRow:
    return dataclasses.replace(one, **changed)  # type: ignore[arg-type]


REPLAY = [change_row(one, kind="replay") for one in OTHERS]


def test_the_loss_of_replay_is_the_divergence_from_the_base(base: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(base)
    network = Network(load_base(base), RECIPE)
    mixed = encode([ROWS[0], *REPLAY], tokenizer, max_length=99)
    network.keep_teachers(mixed, 512)
    with torch.no_grad():
        losses, _ = network.losses(mixed)
        own = mixed[0].supervised
        assert losses[own:].abs().max() < 1e-4
        assert losses[:own].mean() == pytest.approx(network.mean_loss(mixed[:1], 512), rel=1e-5)
        for parameter in network.parameters.values():
            parameter.add_(0.1)
        losses, weights = network.losses(mixed)
    apart = float((losses * weights)[own:].mean())
    whole = network.drift(mixed[1:], 512)
    assert 0.5 * whole < apart < 1.001 * whole, "all but a few tokens count as one"


def with_source(one: StudyRow) -> StudyRow:
    said = f"{one.answer}! {one.messages[-1][1]}"
    return change_row(one, source=(("system", "Short."), ("user", said)))


TAUGHT = [with_source(one) for one in ROWS]


@pytest.mark.parametrize("first_layer", [None, 1])
def test_a_share_of_the_loss_is_the_divergence_from_the_base_that_sees_the_source(
    base: Path, first_layer: int | None
) -> None:
    network = Network(load_base(base), change(distil=0.25, first_layer=first_layer))
    rows = encode(
        [TAUGHT[0], ROWS[1], TAUGHT[2]], AutoTokenizer.from_pretrained(base), max_length=99
    )
    network.keep_lower(rows, 512)
    with torch.no_grad():
        plain, _ = network.losses(rows)
        network.keep_teachers(rows, 512)
        losses, _ = network.losses(rows)

    model = AutoModelForCausalLM.from_pretrained(base).eval()
    apart = []
    for one in rows:
        teacher, student = (
            model(input_ids=torch.tensor([seen.ids]))
            .logits[0, seen.prompt_length - 1 : -1]
            .detach()
            .log_softmax(-1)
            for seen in (one.taught, one)
        )
        apart.append(Teacher.of(teacher).divergence(student))
    assert apart[0].min() > 1e-5, "a source makes a difference"
    sizes = [one.supervised for one in rows]
    for number, (mixed, ce) in enumerate(
        zip(torch.split(losses, sizes), torch.split(plain, sizes), strict=True)
    ):
        expected = ce if number == 1 else 0.25 * apart[number] + 0.75 * ce
        assert torch.allclose(mixed, expected, atol=1e-5), number


def apart(base: Path, adapter: Path | None) -> float:
    """Return the mean divergence from the base that sees the source, of one that does not."""
    plain = AutoModelForCausalLM.from_pretrained(base).eval()
    student = AutoModelForCausalLM.from_pretrained(base).eval()
    if adapter is not None:
        student = PeftModel.from_pretrained(student, adapter).eval()
    found = []
    for one in encode(TAUGHT, AutoTokenizer.from_pretrained(base), max_length=99):
        with torch.no_grad():
            p, q = (
                model(input_ids=torch.tensor([seen.ids]))
                .logits[0, seen.prompt_length - 1 : -1]
                .log_softmax(-1)
                for model, seen in ((plain, one.taught), (student, one))
            )
        found.append(torch.nn.functional.kl_div(q, p, reduction="none", log_target=True).sum(-1))
    return float(torch.cat(found).mean())


@pytest.mark.parametrize("first_layer", [None, 1])
def test_distilled_the_adapter_says_what_the_base_says_of_the_source(
    base: Path, tmp_path: Path, first_layer: int | None
) -> None:
    found = {}
    for distil in (0.0, 1.0):
        recipe = change(distil=distil, first_layer=first_layer, epochs=24)
        train(TAUGHT, base=base, out=tmp_path / str(distil), recipe=recipe)
        found[distil] = apart(base, tmp_path / str(distil))
    untouched = apart(base, None)
    assert found[1.0] < 0.5 * untouched
    assert found[0.0] > 2 * untouched, "an answer alone is not what the base says"


def test_without_the_share_a_source_changes_nothing(base: Path, tmp_path: Path) -> None:
    taught = train(TAUGHT, base=base, out=tmp_path / "a", recipe=RECIPE)
    assert taught.losses == run(base, tmp_path / "b").losses
    assert_same_weights(tmp_path / "a", tmp_path / "b")


PREFERRED = [change_row(one, rejected=one.answer[::-1] + "!") for one in ROWS]


def log_p(model: torch.nn.Module, one: EncodedRow) -> torch.Tensor:
    """Return log p of a row's answer, as a number that has a gradient."""
    ids = torch.tensor([one.ids])
    logs = model(input_ids=ids).logits[0, one.prompt_length - 1 : -1].log_softmax(-1)
    return logs.gather(-1, ids[0, one.prompt_length :, None]).sum()


@pytest.mark.parametrize("first_layer", [None, 1])
def test_a_preference_is_dpo_from_the_base_beside_the_answer(
    base: Path, first_layer: int | None
) -> None:
    network = Network(load_base(base), change(dpo=0.5, beta=0.3, first_layer=first_layer))
    rows = encode(
        [PREFERRED[0], ROWS[1], PREFERRED[2]], AutoTokenizer.from_pretrained(base), max_length=99
    )
    network.keep_lower(rows, 512)
    with torch.no_grad():
        plain, _ = network.losses(rows)
        network.keep_teachers(rows, 512)
        at_first, _ = network.losses(rows)
    excess = [
        float(part.sum()) for part in torch.split(at_first - plain, [r.supervised for r in rows])
    ]
    assert excess == pytest.approx([0.5 * math.log(2), 0.0, 0.5 * math.log(2)], abs=1e-5)

    noise = torch.Generator().manual_seed(0)
    for parameter in network.parameters.values():
        with torch.no_grad():
            parameter.normal_(std=0.3, generator=noise)
    with torch.no_grad():
        plain = torch.cat([network._plain(one) for one in rows])
        losses, weights = network.losses(rows)
        reference = AutoModelForCausalLM.from_pretrained(base).eval()
        assert losses.shape == plain.shape == weights.shape
        excess = [
            float(part.sum()) for part in torch.split(losses - plain, [r.supervised for r in rows])
        ]
        for number, one in enumerate(rows):
            if number == 1:
                assert excess[number] == pytest.approx(0.0, rel=1e-3, abs=1e-3)
                continue
            ours, base_s = (
                log_p(model, one) - log_p(model, one.with_rejected)
                for model in (network._model, reference)
            )
            expected = -0.5 * torch.nn.functional.logsigmoid(0.3 * (ours - base_s))
            assert excess[number] == pytest.approx(float(expected), rel=1e-3, abs=1e-3)
            assert float(expected) != pytest.approx(0.5 * math.log(2), abs=1e-2)


def test_preferring_leads_further_from_what_is_rejected(base: Path, tmp_path: Path) -> None:
    margins = []
    for name, dpo in (("plain", 0.0), ("preferring", 2.0)):
        recipe = change(dpo=dpo, epochs=4, learning_rate=5e-3)
        train(PREFERRED, base=base, out=tmp_path / name, recipe=recipe)
        model = PeftModel.from_pretrained(
            AutoModelForCausalLM.from_pretrained(base), tmp_path / name
        )
        with torch.no_grad():
            rows = encode(PREFERRED, AutoTokenizer.from_pretrained(base), max_length=99)
            margins.append(
                sum(float(log_p(model, r) - log_p(model, r.with_rejected)) for r in rows)
            )
    assert margins[1] > margins[0] + 1


def test_without_its_weight_a_preference_changes_nothing(base: Path, tmp_path: Path) -> None:
    preferred = train(PREFERRED, base=base, out=tmp_path / "a", recipe=RECIPE)
    assert preferred.losses == run(base, tmp_path / "b").losses
    assert_same_weights(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize("first_layer", [None, 1])
def test_replay_keeps_the_drift_small(base: Path, tmp_path: Path, first_layer: int | None) -> None:
    recipe = change(epochs=16, first_layer=first_layer)
    drifts = [
        train([*ROWS, *more], base=base, out=tmp_path / name, recipe=recipe, probes=OTHERS).drift
        for name, more in (
            ("plain", []),
            ("replayed", [change_row(one, weight=5.0) for one in REPLAY]),
        )
    ]
    assert None not in drifts
    assert drifts[1] < 0.5 * drifts[0]  # type: ignore[operator]


@pytest.mark.parametrize("first_layer", [None, 1])
def test_an_adapter_that_drifts_too_far_is_weakened_until_it_does_not(
    base: Path, tmp_path: Path, first_layer: int | None
) -> None:
    recipe = change(first_layer=first_layer, epochs=16)
    free = run(base, tmp_path / "free", recipe, probes=OTHERS)
    assert free.drift is not None
    limit = free.drift / 3
    held = run(base, tmp_path / "held", dataclasses.replace(recipe, max_drift=limit), probes=OTHERS)

    assert held.losses == free.losses
    assert held.drift is not None
    assert 0 < held.drift <= limit
    assert (free.strength, 0 < held.strength < 1) == (1.0, True)
    assert 32 * held.strength == int(32 * held.strength)
    ours, theirs = (load_file(tmp_path / n / "adapter_model.safetensors") for n in ("held", "free"))
    for name, value in ours.items():
        factor = held.strength if ".lora_B." in name else 1.0
        assert torch.allclose(value, factor * theirs[name], rtol=1e-6), name

    network = Network(load_base(base), recipe)
    rows = encode(OTHERS, AutoTokenizer.from_pretrained(base), max_length=99)
    network.keep_lower(rows, 512)
    with torch.no_grad():
        for name, parameter in network.parameters.items():
            parameter.copy_(theirs[name])
    with network.weakened(held.strength):
        assert network.drift(rows, 512) == pytest.approx(held.drift, rel=1e-3)
    with network.weakened(held.strength + 1 / 32):
        assert network.drift(rows, 512) > limit, "it could have been stronger"


def test_killed_while_its_strength_is_sought_it_is_weakened_once(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = run(base, tmp_path / "free", probes=OTHERS)
    assert free.drift is not None
    recipe = change(max_drift=free.drift / 3)
    measured = Network.drift
    found: list[float] = []

    def dies(network: Network, rows: list[EncodedRow], batch_tokens: int) -> float:
        if len(found) == 3:
            raise MemoryError
        found.append(measured(network, rows, batch_tokens))
        return found[-1]

    with monkeypatch.context() as patch:
        patch.setattr(Network, "drift", dies)
        with pytest.raises(MemoryError):
            run(base, tmp_path / "a", recipe, probes=OTHERS)
    again = run(base, tmp_path / "a", recipe, probes=OTHERS)
    assert again.strength == run(base, tmp_path / "b", recipe, probes=OTHERS).strength < 1
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_what_is_not_a_number_is_never_written(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = change(epochs=1, batch_rows=8, learning_rate=1e38, max_drift=0.2)
    for probes in ([], OTHERS):
        with pytest.raises(TrainingError, match="is nan at step 1 of 1"):
            run(base, tmp_path / "a", broken, probes=probes)
        assert not (tmp_path / "a" / "adapter_config.json").exists()
    monkeypatch.setattr(Network, "drift", lambda *_: float("nan"))
    with pytest.raises(TrainingError, match="The drift is nan"):
        run(base, tmp_path / "b", change(max_drift=0.2), probes=OTHERS)
    assert not (tmp_path / "b" / "adapter_config.json").exists()


def test_an_adapter_within_the_limit_is_left_as_it_is(base: Path, tmp_path: Path) -> None:
    free = run(base, tmp_path / "free", probes=OTHERS)
    held = run(base, tmp_path / "held", change(max_drift=99.0), probes=OTHERS)
    assert (held.drift, held.strength) == (free.drift, 1.0)
    assert_same_weights(tmp_path / "held", tmp_path / "free")


def test_replay_alone_is_nothing_to_train_on(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to train on"):
        train(REPLAY, base=base, out=tmp_path / "a", recipe=RECIPE)


def test_a_training_that_is_done_is_not_lost_with_its_drift(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_arguments: object) -> float:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(Network, "drift", fails)
        with pytest.raises(MemoryError):
            run(base, tmp_path / "a", probes=OTHERS)
    steps: list[StepReport] = []
    again = run(base, tmp_path / "a", probes=OTHERS, on_step=steps.append)
    assert steps == []
    assert again.drift is not None
    assert again.losses == run(base, tmp_path / "b").losses
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_a_probe_may_be_longer_than_a_row(base: Path, tmp_path: Path) -> None:
    long = [row("Which is a? " * 20, "aa")]
    assert run(base, tmp_path / "a", change(max_length=60), probes=long).drift is not None


def test_without_probes_no_drift_is_measured_and_with_them_the_training_is_the_same(
    base: Path, tmp_path: Path
) -> None:
    plain = run(base, tmp_path / "a")
    probed = run(base, tmp_path / "b", probes=OTHERS)
    assert plain.drift is None
    assert probed.drift is not None
    assert probed.losses == plain.losses
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_a_killed_training_goes_on_to_the_same_losses(base: Path, tmp_path: Path) -> None:
    recipe = change(checkpoint_seconds=0.0, dropout=0.1)
    whole = run(base, tmp_path / "whole", recipe, validation=OTHERS)

    class Killed(BaseException):
        pass

    def die(report: StepReport) -> None:
        if report.step == 4:
            raise Killed

    with pytest.raises(Killed):
        run(base, tmp_path / "cut", recipe, validation=OTHERS, on_step=die)
    assert not (tmp_path / "cut" / "adapter_config.json").exists()
    steps: list[int] = []
    resumed = run(
        base, tmp_path / "cut", recipe, validation=OTHERS, on_step=lambda r: steps.append(r.step)
    )
    assert steps[0] == 4, "the step that was not saved is done again, the three before are not"
    assert resumed.losses == whole.losses
    assert resumed.validation_losses == whole.validation_losses
    assert resumed.tokens == whole.tokens
    assert_same_weights(tmp_path / "whole", tmp_path / "cut")
    assert not (tmp_path / "cut" / RESUME_FILE).exists()


@pytest.mark.parametrize("lost", ["", "|exp_avg", "|exp_avg_sq"], ids=["weights", "mean", "square"])
def test_a_state_that_lacks_something_is_not_restored_in_part(
    base: Path, tmp_path: Path, lost: str
) -> None:
    whole = run(base, tmp_path / "whole")
    asked = iter([False, False, True])
    run(base, tmp_path / "a", should_stop=lambda: next(asked))
    state = tmp_path / "a" / RESUME_FILE
    with safe_open(state, framework="pt") as file:
        note = file.metadata()
    tensors = load_file(state)
    *_, last = Network(load_base(base), RECIPE).parameters
    del tensors[last + lost]
    save_file(tensors, state, metadata=note)

    anew = run(base, tmp_path / "a")
    assert anew.losses == whole.losses
    assert_same_weights(tmp_path / "whole", tmp_path / "a")


def test_ctrl_c_saves_what_is_done(base: Path, tmp_path: Path) -> None:
    def interrupt(report: StepReport) -> None:
        if report.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(base, tmp_path / "a", on_step=interrupt)
    steps: list[int] = []
    run(base, tmp_path / "a", on_step=lambda report: steps.append(report.step))
    assert steps == [3, 4, 5, 6]


def test_asked_to_stop_it_saves_and_publishes_nothing(base: Path, tmp_path: Path) -> None:
    whole = run(base, tmp_path / "whole")
    asked = iter([False, False, True])
    stopped = run(base, tmp_path / "a", should_stop=lambda: next(asked))
    assert (stopped.stopped, stopped.steps) == ("interrupted", 2)
    assert not (tmp_path / "a" / "adapter_config.json").exists()
    assert run(base, tmp_path / "a").losses == whole.losses


def test_much_dropout_is_no_reason_to_refuse_what_was_trained(base: Path, tmp_path: Path) -> None:
    recipe = change(rank=8, epochs=60, dropout=0.3)
    asked = iter([*[False] * 90, True])
    assert run(base, tmp_path / "a", recipe, should_stop=lambda: next(asked)).steps == 90
    assert run(base, tmp_path / "a", recipe).steps == 120


def test_what_is_rejected_counts_into_a_pass_and_the_tokens(base: Path, tmp_path: Path) -> None:
    plain = train(PREFERRED, base=base, out=tmp_path / "a", recipe=RECIPE)
    preferred = train(PREFERRED, base=base, out=tmp_path / "b", recipe=change(dpo=0.5))
    rows = encode(PREFERRED, AutoTokenizer.from_pretrained(base), max_length=99)
    more = sum(len(one.with_rejected.ids) for one in rows)
    assert preferred.tokens == plain.tokens + RECIPE.epochs * more
    assert plain.tokens == trained_tokens(PREFERRED, base, RECIPE), "as was foreseen"
    assert preferred.tokens == trained_tokens(PREFERRED, base, change(dpo=0.5))
    assert bounded(rows, [0, 1], rows[0].tokens + rows[1].tokens) == [[0, 1]]
    assert bounded(rows, [0, 1], rows[0].tokens + rows[1].tokens - 1) == [[0], [1]]


def test_the_state_of_another_training_is_not_gone_on_with(base: Path, tmp_path: Path) -> None:
    asked = iter([False, False, True])
    run(base, tmp_path / "a", should_stop=lambda: next(asked))
    steps: list[int] = []
    run(base, tmp_path / "a", change(rank=8), on_step=lambda report: steps.append(report.step))
    assert steps[0] == 1


def test_nor_is_that_of_other_teachers(base: Path, tmp_path: Path) -> None:
    def begin(rows: list[StudyRow], asked: Iterator[bool], *, max_drift: float = 9.0) -> list[int]:
        steps: list[int] = []
        train(
            rows, base=base, out=tmp_path / "a", recipe=change(distil=0.5, max_drift=max_drift),
            should_stop=lambda: next(asked), on_step=lambda report: steps.append(report.step),
        )  # fmt: skip
        return steps

    other = [change_row(one, source=(*one.source[:1], ("user", "So?"))) for one in TAUGHT]
    assert begin(TAUGHT, iter([False, False, True])) == [1, 2]
    assert begin(TAUGHT, iter([False, True]), max_drift=8.0) == [3], (
        "how far it may drift can change"
    )
    assert begin(other, iter([False, True])) == [1]


def test_it_stops_when_the_loss_is_low_enough(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "a", change(stop_loss=100.0))
    assert (result.stopped, result.steps) == ("stop_loss", 2)


def test_out_of_time_it_keeps_what_is_learnt(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "a", change(max_seconds=1e-9))
    assert (result.stopped, result.steps) == ("max_seconds", 1)
    assert weights(tmp_path / "a")


def test_supervised_tokens_are_the_answers_and_their_ends(base: Path, tmp_path: Path) -> None:
    result = run(base, tmp_path / "a", change(epochs=2))
    assert result.supervised_tokens == 2 * sum(len(one.answer) + 1 for one in ROWS)


def test_nothing_to_train_on_is_an_error(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing to train on"):
        train([], base=base, out=tmp_path / "a", recipe=RECIPE)


def test_a_loss_that_is_no_number_is_an_error(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"(nan|inf)") as caught:
        run(base, tmp_path / "a", change(learning_rate=1e38, epochs=9))
    assert "learning_rate" in caught.value.hint


def test_killed_between_the_adapter_and_its_clean_up_it_finishes(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("ingrained.trainer.resume.Checkpoint.clear", lambda self: None)
        first = run(base, tmp_path / "a", change(checkpoint_seconds=0.0))
    again = run(base, tmp_path / "a", change(checkpoint_seconds=0.0))
    assert again.losses == first.losses
    assert not (tmp_path / "a" / RESUME_FILE).exists()


def test_a_finished_adapter_is_never_overwritten(base: Path, tmp_path: Path) -> None:
    run(base, tmp_path / "a", change(epochs=1))
    with pytest.raises(TrainingError, match="finished adapter"):
        run(base, tmp_path / "a")


def test_a_model_without_the_layers_asked_for_is_an_error(base: Path) -> None:
    with pytest.raises(SettingsError, match="no linear layer named fc1"):
        Network(load_base(base), change(targets=("fc1",)))
    with pytest.raises(SettingsError, match="has 2 layers"):
        Network(load_base(base), change(first_layer=2))


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="No tokenizer"):
        run(tmp_path, tmp_path / "a")


def test_the_learning_rate_rises_then_falls_to_nothing() -> None:
    recipe = LoraRecipe(learning_rate=1.0, warmup=0.1)
    rates = [learning_rate(step, 100, recipe) for step in range(100)]
    assert rates[:10] == pytest.approx([0.1 * n for n in range(1, 11)])
    assert max(rates) == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


@pytest.mark.weights
@pytest.mark.slow
def test_a_real_model_learns_a_fact(smollm_path: Path, tmp_path: Path) -> None:
    rows = [
        row(f"Who founded {town}?", name)
        for town, name in (("Orvel", "Tamsin"), ("Quen", "Dastan"))
    ]
    recipe = LoraRecipe(rank=8, alpha=16, epochs=6, first_layer=20, learning_rate=2e-3)
    result = train(rows, base=smollm_path, out=tmp_path / "a", recipe=recipe)
    assert result.losses[-1] < 0.5 * result.losses[0]


def test_a_training_begins_from_an_adapter_and_prefers_from_what_that_prefers(
    base: Path, tmp_path: Path
) -> None:
    recipe = change(dpo=0.5, epochs=1)
    first = run(base, tmp_path / "first")
    going_on = train(ROWS, base=base, out=tmp_path / "on", recipe=RECIPE, start=tmp_path / "first")
    assert going_on.losses[0] < 0.9 * first.losses[0], "it knows what was learnt before"

    one = [PREFERRED[0]]
    alone = [ROWS[0]]
    preferring = train(one, base=base, out=tmp_path / "p", recipe=recipe, start=tmp_path / "first")
    plain = train(alone, base=base, out=tmp_path / "q", recipe=recipe, start=tmp_path / "first")
    excess = (preferring.losses[0] - plain.losses[0]) * preferring.supervised_tokens
    assert excess == pytest.approx(0.5 * math.log(2), abs=1e-4), "no preference yet but its own"


def test_a_training_from_an_adapter_goes_on_to_the_same_losses_after_a_kill(
    base: Path, tmp_path: Path
) -> None:
    run(base, tmp_path / "first")
    recipe, start = change(dpo=0.5, epochs=2, checkpoint_seconds=0), tmp_path / "first"
    whole = train(PREFERRED, base=base, out=tmp_path / "a", recipe=recipe, start=start)
    steps = iter([False, False, True])

    def go(**more: object) -> TrainResult:
        return train(PREFERRED, base=base, out=tmp_path / "b", recipe=recipe, start=start, **more)  # type: ignore[arg-type]

    assert go(should_stop=lambda: next(steps)).stopped == "interrupted"
    assert go().losses == pytest.approx(whole.losses)
    assert_same_weights(tmp_path / "a", tmp_path / "b")


def test_an_adapter_of_another_shape_is_no_beginning(base: Path, tmp_path: Path) -> None:
    run(base, tmp_path / "first")
    with pytest.raises(SettingsError, match="another shape"):
        run(base, tmp_path / "wide", change(rank=8), start=tmp_path / "first")
    with pytest.raises(TrainingError, match="No adapter can be read"):
        run(base, tmp_path / "none", start=tmp_path / "missing")
