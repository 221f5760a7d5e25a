"""Training one adapter: plain LoRA on answers, from the frozen base.

The loop is short because everything slow is left out: no padding (packing.py), no logits where
there is no label, no weight gradients of the base, and no layer below the first adapted one.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ingrained.errors import TrainingError

from .encode import (
    EncodedRow,
    bounded,
    encode,
    encode_for,
    fingerprint,
    load_tokenizer,
    shuffled_steps,
)
from .processes import Processes, processes
from .recipe import LoraRecipe
from .reports import StepReport, Stopped, TrainResult
from .resume import RESUME_FILE, Checkpoint, Progress, same_state
from .rows import StudyRow
from .saving import CONFIG_FILE, WEIGHTS_FILE, read_tensors, save_adapter, weights_sha256

if TYPE_CHECKING:
    from .network import Network


def train(
    rows: Sequence[StudyRow],
    *,
    base: Path,
    out: Path,
    recipe: LoraRecipe,
    start: Path | None = None,
    validation: Sequence[StudyRow] = (),
    probes: Sequence[StudyRow] = (),
    on_step: Callable[[StepReport], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    base_name: str | None = None,
) -> TrainResult:
    """Train an adapter and write it to `out` in PEFT format.

    A call that was killed goes on where it last saved, to the same losses, when it is made again
    with the same arguments. The same seed gives the same losses.

    Of several processes, started by `torchrun` or `accelerate launch`, each makes this call with the same
    arguments. Each computes the gradients of a part of every step's rows, and keeps the lower states and
    teachers of those rows only. Their sum is what one process would compute, but for the order of additions
    and the draws of dropout. The first process decides when to stop, calls `on_step` and `should_stop`, and
    reads and writes `out`.

    Args:
        rows: What to learn.
        base: Folder of the frozen base model.
        out: Folder of the new adapter; made if missing.
        recipe: How to train.
        start: Folder of an adapter of the same shape to begin from, in place of one that adds
            nothing. A preference is then counted from it, not from the base.
        validation: Rows to watch the loss on after each epoch, never trained on.
        probes: Rows on other things, never trained on: how far the replies drift from the base's
            is measured at the end, and kept to the recipe's `max_drift`.
        on_step: Told after each step.
        should_stop: Asked before each step; true saves the state and returns.
        base_name: Name of the base for the adapter's config; the folder's name when omitted.

    Raises:
        TrainingError: no rows, or none but replay, a row that cannot be trained on, a base that cannot, a loss that
            is not finite, an adapter in `out` already, more processes than a step has rows, or processes
            that were given other rows.
        SettingsError: the recipe does not fit the model, or the adapter to begin from.
    """
    import torch

    if not any(row.kind != "replay" for row in rows):
        raise TrainingError(
            "There is nothing to train on.", hint="Study first: rows are made from active memories."
        )
    together = processes()
    together.decided(lambda: _refuse_finished(out))
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        run = _Run(
            rows, validation, base=base, out=out, recipe=recipe, start=start,
            should_stop=should_stop, together=together,
        )  # fmt: skip
        stopped = run.go(on_step)
    drift, strength = None, 1.0
    if stopped != "interrupted":
        name = base_name or base.name
        drift, strength = together.decided(lambda: run.finish(out, name, probes))
    return run.result(stopped, drift, strength)


def learning_rate(step: int, steps: int, recipe: LoraRecipe) -> float:
    """Return the rate of a step (from 0): a linear rise, then a half cosine to zero."""
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


def _refuse_finished(out: Path) -> None:
    if (out / CONFIG_FILE).exists() and not (out / RESUME_FILE).exists():
        raise TrainingError(
            f"{out} holds a finished adapter.",
            hint="Train into a new folder: adapters never change.",
        )


class _Run:
    """One training under way."""

    def __init__(
        self,
        rows: Sequence[StudyRow],
        validation: Sequence[StudyRow],
        *,
        base: Path,
        out: Path,
        recipe: LoraRecipe,
        start: Path | None,
        should_stop: Callable[[], bool] | None,
        together: Processes,
    ) -> None:
        import torch

        from .network import Network, load_base

        self._tokenizer = load_tokenizer(base)
        self.rows = encode_for(rows, self._tokenizer, recipe)
        self.validation = encode(validation, self._tokenizer, max_length=recipe.max_length)
        self.recipe = recipe
        self.should_stop = should_stop
        self.together = together
        self.network = Network(load_base(base), recipe)
        if start is not None:
            self.network.begin_from(read_tensors(start / WEIGHTS_FILE))
        self.parameters = self.network.parameters
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), weight_decay=recipe.weight_decay, fused=True
        )
        self.per_epoch = math.ceil(len(self.rows) / recipe.batch_rows)
        self.steps = self.per_epoch * recipe.epochs
        self.checkpoint = Checkpoint(out, self._agreed(self._fingerprint(base, start)))
        self.progress = self._begun()
        self._saved = time.monotonic()
        self._updating = False

    def go(self, on_step: Callable[[StepReport], None] | None) -> Stopped:
        """Run to the end, or to a reason to stop."""
        try:
            with self.together.between_decisions():
                return self._loop(on_step)
        except KeyboardInterrupt:
            if not self._updating:
                self.together.decided(self._save)
            raise

    def finish(
        self, out: Path, base_name: str, probes: Sequence[StudyRow]
    ) -> tuple[float | None, float]:
        """Write the adapter; return its drift and strength. What ends it here costs no training."""
        self._save()
        if not all(bool(value.isfinite().all()) for value in self.parameters.values()):
            self._finite(math.nan, "adapter")
        drift, strength = self._held(probes) if probes else (None, 1.0)
        _write_adapter(self.network, self.recipe, out, base_name, strength)
        self.checkpoint.clear()
        return drift, strength

    def result(self, stopped: Stopped, drift: float | None, strength: float) -> TrainResult:
        """Return how it went."""
        done = self.progress
        return TrainResult(
            losses=tuple(done.losses),
            validation_losses=tuple(done.validation_losses),
            tokens=done.tokens,
            supervised_tokens=done.supervised_tokens,
            seconds=done.seconds,
            steps=done.step,
            stopped=stopped,
            drift=drift,
            strength=strength,
        )

    def _held(self, probes: Sequence[StudyRow]) -> tuple[float, float]:
        """Return a drift within the limit, and the largest strength that was found to have it."""
        from .strength import weakened

        rows = encode(probes, self._tokenizer, max_length=sys.maxsize)
        self.network.keep_lower(rows, self.recipe.batch_tokens)
        drift = self._finite(self.network.drift(rows, self.recipe.batch_tokens), "drift")
        return weakened(self.network, rows, drift, self.recipe)

    def _loop(self, on_step: Callable[[StepReport], None] | None) -> Stopped:
        before, began = self.progress.seconds, time.monotonic()
        own, watched = self._own_rows()
        self.network.keep_lower([*own, *watched], self.recipe.batch_tokens)
        self.network.check(own[:2])
        self.network.keep_teachers(own, self.recipe.batch_tokens)
        stopped = self.together.decided(self._reason)
        while stopped is None:
            report = self._step(lambda: before + time.monotonic() - began)
            stopped = self.together.decided(functools.partial(self._after, report, on_step))
        if stopped == "interrupted":
            self.together.decided(self._save)
        return stopped

    def _after(
        self, report: StepReport, on_step: Callable[[StepReport], None] | None
    ) -> Stopped | None:
        """Tell of a step, and save if it is time; return a reason to stop."""
        if on_step is not None:
            on_step(report)
        if time.monotonic() - self._saved >= self.recipe.checkpoint_seconds:
            self._save()
        return self._reason()

    def _own_rows(self) -> tuple[list[EncodedRow], list[EncodedRow]]:
        """Return the rows of training and of validation that this process will ever compute."""
        if self.together.count == 1:
            return self.rows, self.validation
        steps = [step for epoch in range(self.recipe.epochs) for step in self._order(epoch)]
        own = {number for step in steps for number in self.together.part(self.rows, step)}
        return [self.rows[number] for number in sorted(own)], self._own_validation()

    def _own_validation(self) -> list[EncodedRow]:
        numbers = self.together.part(self.validation, range(len(self.validation)))
        return [self.validation[number] for number in numbers]

    def _validation_loss(self) -> float:
        own = self._own_validation()
        total, weight = self.together.sum(self.network.summed_loss(own, self.recipe.batch_tokens))
        return total / weight

    def _reason(self) -> Stopped | None:
        done, recipe = self.progress, self.recipe
        if done.step and done.step % self.per_epoch == 0 and recipe.stop_loss is not None:
            epoch = done.losses[-self.per_epoch :]
            watched = done.validation_losses[-1] if self.validation else sum(epoch) / len(epoch)
            if watched <= recipe.stop_loss:
                return "stop_loss"
        if done.step >= self.steps:
            return "epochs"
        if recipe.max_seconds is not None and done.step and done.seconds >= recipe.max_seconds:
            return "max_seconds"
        if self.should_stop is not None and self.should_stop():
            return "interrupted"
        return None

    def _step(self, clock: Callable[[], float]) -> StepReport:
        import torch

        done = self.progress
        epoch, place = divmod(done.step, self.per_epoch)
        numbers = self._order(epoch)[place]
        # Dropout draws from here, so that a resumed step draws what it would have drawn, and no two
        # processes drop the same places.
        place_of_draws = done.step * self.together.count + self.together.number
        torch.manual_seed((self.recipe.seed << 32) + place_of_draws)
        loss = self._gradients(numbers)
        rate = learning_rate(done.step, self.steps, self.recipe)
        self._update(rate)
        done.step += 1
        done.losses.append(loss)
        done.tokens += sum(self.rows[number].tokens for number in numbers)
        done.supervised_tokens += sum(self.rows[number].supervised for number in numbers)
        validation_loss = None
        if self.validation and done.step % self.per_epoch == 0:
            validation_loss = self._validation_loss()
            done.validation_losses.append(validation_loss)
        self._updating = False
        done.seconds = clock()
        return StepReport(
            step=done.step,
            steps=self.steps,
            epoch=epoch + 1,
            loss=loss,
            validation_loss=validation_loss,
            learning_rate=rate,
            tokens=done.tokens,
            seconds=done.seconds,
        )

    def _gradients(self, numbers: Sequence[int]) -> float:
        """Leave the gradient of the step's mean loss in the parameters, and return that loss.

        Divided by the weight of the whole step, not of a pass or a process, so they add up exactly.
        """
        weight = sum(self.rows[n].weight * self.rows[n].supervised for n in numbers)
        self.optimizer.zero_grad(set_to_none=True)
        mean = 0.0
        part = self.together.part(self.rows, numbers)
        for some in bounded(self.rows, part, self.recipe.batch_tokens):
            losses, weights = self.network.losses([self.rows[number] for number in some])
            loss = (losses * weights).sum() / weight
            loss.backward()  # type: ignore[no-untyped-call]
            mean += float(loss.detach())
        return self._finite(self.together.sum_gradients(self.parameters.values(), mean), "loss")

    def _update(self, rate: float) -> None:
        import torch

        parameters = list(self.parameters.values())
        norm = torch.nn.utils.clip_grad_norm_(parameters, self.recipe.clip)
        self._finite(float(norm), "gradient")
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self._updating = True
        self.optimizer.step()

    def _finite(self, value: float, what: str) -> float:
        if not math.isfinite(value):
            raise TrainingError(
                f"The {what} is {value} at step {min(self.progress.step + 1, self.steps)} of {self.steps}.",
                hint="Lower learning_rate in the recipe, by half to begin with.",
            )
        return value

    def _order(self, epoch: int) -> list[list[int]]:
        recipe = self.recipe
        return shuffled_steps(
            len(self.rows), batch_rows=recipe.batch_rows, seed=recipe.seed, epoch=epoch
        )

    def _save(self) -> None:
        self.checkpoint.save(self.progress, self.parameters, self.optimizer)
        self._saved = time.monotonic()

    def _begun(self) -> Progress:
        """Go on where the first process can: it alone needs to see the folder."""
        progress = self.together.decided(self._load)
        same_state(self.together, progress, self.parameters, self.optimizer)
        return progress

    def _load(self) -> Progress:
        self.checkpoint.path.parent.mkdir(parents=True, exist_ok=True)
        return self.checkpoint.load(self.parameters, self.optimizer)

    def _agreed(self, mine: str) -> str:
        """Refuse what the processes cannot do together: other rows in each, or a step of too few."""
        count, rows = self.together.count, min(self.recipe.batch_rows, len(self.rows))
        if count > rows:
            raise TrainingError(
                f"{count} processes cannot share steps of {rows} rows.",
                hint="Start fewer processes, give more rows, or raise batch_rows in the recipe.",
            )
        first = self.together.decided(lambda: mine)
        if any(self.together.sum([float(mine != first)])):
            raise TrainingError(
                "Not all processes were given the same rows, base and recipe.",
                hint="Start them with the same arguments and files.",
            )
        return mine

    def _fingerprint(self, base: Path, start: Path | None) -> str:
        recipe = self.recipe.to_dict()
        for freely_changed in ("max_seconds", "checkpoint_seconds", "max_drift"):
            del recipe[freely_changed]
        files = {path.name: path.stat().st_size for path in sorted(base.glob("*.safetensors"))}
        parts = [recipe, files, fingerprint(self.rows), fingerprint(self.validation)]
        parts += [weights_sha256(start)] if start else []
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write_adapter(
    network: Network, recipe: LoraRecipe, out: Path, base_name: str, strength: float
) -> None:
    from peft import LoraConfig

    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules=list(recipe.target_names),
        layers_to_transform=network.layer_numbers,
        base_model_name_or_path=base_name,
        task_type="CAUSAL_LM",
        inference_mode=True,
    )
    save_adapter(network.tensors(strength), config, out)
