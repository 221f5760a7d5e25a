"""Training one adapter: plain LoRA on answers, from the frozen base.

The loop is short because everything slow is left out: no padding (packing.py), no logits where
there is no label, no weight gradients of the base, and no layer below the first adapted one.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ingrained.errors import TrainingError

from .encode import bounded, encode, encode_for, fingerprint, load_tokenizer, shuffled_steps
from .recipe import LoraRecipe
from .resume import RESUME_FILE, Checkpoint
from .rows import StudyRow
from .saving import CONFIG_FILE, WEIGHTS_FILE, read_tensors, save_adapter, weights_sha256

if TYPE_CHECKING:
    from .network import Network

Stopped = Literal["epochs", "stop_loss", "max_seconds", "interrupted"]

_HALVINGS = 5
"""Of the strength of an adapter that drifts too far: it is found to 1/32."""


@dataclass(frozen=True, kw_only=True)
class StepReport:
    """What is known after an optimizer step."""

    step: int
    """Counted from 1."""
    steps: int
    """Steps of the whole training, if it is not stopped before."""
    epoch: int
    """Counted from 1."""
    loss: float
    """Mean over the answer tokens of this step, before it, with all that the recipe mixes in."""
    validation_loss: float | None
    """After the last step of an epoch, if there are validation rows."""
    learning_rate: float
    tokens: int
    """Tokens of the rows trained on so far, prompts included."""
    seconds: float
    """So far, interrupted runs included."""


@dataclass(frozen=True, kw_only=True)
class TrainResult:
    """How a training went."""

    losses: tuple[float, ...]
    """One per step."""
    validation_losses: tuple[float, ...]
    """One per epoch."""
    tokens: int
    supervised_tokens: int
    seconds: float
    steps: int
    stopped: Stopped
    """`interrupted`: `should_stop` said so; no adapter was written, and the same call goes on."""
    drift: float | None = None
    """Mean KL divergence from the base on the probes, in nats per token, of the adapter as it was
    written; None without any, or if the training was interrupted."""
    strength: float = 1.0
    """What the trained addition was multiplied by to keep to the recipe's `max_drift`."""


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
            is not finite, or an adapter in `out` already.
        SettingsError: the recipe does not fit the model, or the adapter to begin from.
    """
    import torch

    if not any(row.kind != "replay" for row in rows):
        raise TrainingError(
            "There is nothing to train on.", hint="Study first: rows are made from active memories."
        )
    if (out / CONFIG_FILE).exists() and not (out / RESUME_FILE).exists():
        raise TrainingError(
            f"{out} holds a finished adapter.",
            hint="Train into a new folder: adapters never change.",
        )
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)
        run = _Run(
            rows, validation, base=base, out=out, recipe=recipe, start=start,
            should_stop=should_stop,
        )  # fmt: skip
        stopped = run.go(on_step)
    drift, strength = None, 1.0
    if stopped != "interrupted":
        drift, strength = run.finish(out, base_name or base.name, probes)
    done = run.progress
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


def learning_rate(step: int, steps: int, recipe: LoraRecipe) -> float:
    """Return the rate of a step (from 0): a linear rise, then a half cosine to zero."""
    rise = max(1, round(recipe.warmup * steps))
    if step < rise:
        return recipe.learning_rate * (step + 1) / rise
    done = (step - rise) / max(1, steps - rise)
    return recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


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
    ) -> None:
        import torch

        from .network import Network, load_base

        self._tokenizer = load_tokenizer(base)
        self.rows = encode_for(rows, self._tokenizer, recipe)
        self.validation = encode(validation, self._tokenizer, max_length=recipe.max_length)
        self.recipe = recipe
        self.should_stop = should_stop
        self.network = Network(load_base(base), recipe)
        if start is not None:
            self.network.begin_from(read_tensors(start / WEIGHTS_FILE))
        self.parameters = self.network.parameters
        self.optimizer = torch.optim.AdamW(
            self.parameters.values(), weight_decay=recipe.weight_decay, fused=True
        )
        self.per_epoch = math.ceil(len(self.rows) / recipe.batch_rows)
        self.steps = self.per_epoch * recipe.epochs
        out.mkdir(parents=True, exist_ok=True)
        self.checkpoint = Checkpoint(out, self._fingerprint(base, start))
        self.progress = self.checkpoint.load(self.parameters, self.optimizer)
        self._updating = False

    def go(self, on_step: Callable[[StepReport], None] | None) -> Stopped:
        """Run to the end, or to a reason to stop."""
        try:
            return self._loop(on_step)
        except KeyboardInterrupt:
            if not self._updating:
                self._save()
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

    def _held(self, probes: Sequence[StudyRow]) -> tuple[float, float]:
        """Return a drift within the limit, and the largest strength that was found to have it.

        By bisection (STABLE, arXiv 2510.16089): at strength 0 it is the base.
        """
        rows = encode(probes, self._tokenizer, max_length=sys.maxsize)
        self.network.keep_lower(rows, self.recipe.batch_tokens)
        limit = self.recipe.max_drift
        drift = self._finite(self.network.drift(rows, self.recipe.batch_tokens), "drift")
        strength = 1.0
        if limit is None or drift <= limit:
            return drift, strength
        drift, strength, above = 0.0, 0.0, 1.0
        for _ in range(_HALVINGS):
            middle = (strength + above) / 2
            with self.network.weakened(middle):
                found = self.network.drift(rows, self.recipe.batch_tokens)
            if found <= limit:
                drift, strength = found, middle
            else:
                above = middle
        return drift, strength

    def _loop(self, on_step: Callable[[StepReport], None] | None) -> Stopped:
        before, began = self.progress.seconds, time.monotonic()
        saved = began
        self.network.keep_lower([*self.rows, *self.validation], self.recipe.batch_tokens)
        self.network.check(self.rows[:2])
        self.network.keep_teachers(self.rows, self.recipe.batch_tokens)
        while (stopped := self._reason()) is None:
            report = self._step(lambda: before + time.monotonic() - began)
            if on_step is not None:
                on_step(report)
            if time.monotonic() - saved >= self.recipe.checkpoint_seconds:
                self._save()
                saved = time.monotonic()
        if stopped == "interrupted":
            self._save()
        return stopped

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
        # Dropout draws from here, so that a resumed step draws what it would have drawn.
        torch.manual_seed((self.recipe.seed << 32) + done.step)
        loss = self._gradients(numbers)
        rate = learning_rate(done.step, self.steps, self.recipe)
        self._update(rate)
        done.step += 1
        done.losses.append(loss)
        done.tokens += sum(self.rows[number].tokens for number in numbers)
        done.supervised_tokens += sum(self.rows[number].supervised for number in numbers)
        validation_loss = None
        if self.validation and done.step % self.per_epoch == 0:
            validation_loss = self.network.mean_loss(self.validation, self.recipe.batch_tokens)
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

        Divided by the weight of the whole step, not of a pass, so passes add up exactly.
        """
        weight = sum(self.rows[n].weight * self.rows[n].supervised for n in numbers)
        self.optimizer.zero_grad(set_to_none=True)
        mean = 0.0
        for some in bounded(self.rows, numbers, self.recipe.batch_tokens):
            losses, weights = self.network.losses([self.rows[number] for number in some])
            loss = (losses * weights).sum() / weight
            loss.backward()  # type: ignore[no-untyped-call]
            mean += float(loss.detach())
        return self._finite(mean, "loss")

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
