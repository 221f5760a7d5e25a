"""How an adapter is trained: every choice in one frozen object."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import NoneType
from typing import Any

from ingrained.errors import SettingsError, TrainingError

TARGET_SETS = {
    "all-linear": ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"),
    "mlp": ("gate_proj", "up_proj", "down_proj"),
    "attention": ("q_proj", "k_proj", "v_proj", "o_proj"),
}
"""Names of linear layers by the word they are asked for with (Llama, Qwen, Mistral naming)."""

STATEMENT_KINDS = ("rewrite", "implication", "link", "strategy")
"""Kinds of statements that a model can be asked for beside the questions (docs/training.md)."""

_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "int": ((int,), "an integer"),
    "float": ((int, float), "a number"),
    "int | None": ((int, NoneType), "an integer or None"),
    "float | None": ((int, float, NoneType), "a number or None"),
    "tuple[str, ...]": ((tuple,), "a tuple of words"),
    "str | tuple[str, ...]": ((str, tuple), "a word or a tuple of words"),
}
"""Annotation of a setting → what may stand there (a bool is no integer here), and how that is told."""

_SEEDS = 2**31
"""A step's own seed is made of this one and of the step, in 64 bits with a sign."""
DRIFT_LIMIT = 0.2
"""Nats per token. A guess at what passes unnoticed: what a drift costs in skill is not measured."""


@dataclass(frozen=True, kw_only=True)
class LoraRecipe:
    """Plain LoRA on linear layers, the only kind that vLLM serves (Hu et al. 2021, section 4).

    Raises:
        SettingsError: settings are of the wrong type or, if none is, out of range; all of them are named.
    """

    rank: int = 32
    alpha: int = 64
    """The low-rank product is scaled by alpha / rank."""
    dropout: float = 0.0
    targets: str | tuple[str, ...] = "all-linear"
    """A key of `TARGET_SETS`, or names of linear layers such as ("up_proj", "down_proj")."""
    first_layer: int | None = None
    """Adapt only decoder layers from this one up. What enters it never changes, so it is computed
    once per row and kept: an epoch then costs only the layers above."""
    learning_rate: float = 5e-4
    warmup: float = 0.05
    """Fraction of the steps with a rising learning rate; a cosine to zero follows."""
    epochs: int = 8
    batch_rows: int = 8
    """Rows per optimizer step."""
    batch_tokens: int = 512
    """Tokens per forward pass at most; a step with more accumulates gradients exactly."""
    weight_decay: float = 0.0
    clip: float = 1.0
    """Largest norm of the gradient."""
    max_length: int = 1024
    """Tokens of a row, prompt and answer; a longer row is an error, never cut."""
    distil: float = 0.0
    """From 0 to 1, how much of a row's loss is the divergence from what the base says with the
    source in view, top-k KL (context distillation, Snell et al. 2022, section 2); the rest is
    cross-entropy. Only of rows that have a source."""
    dpo: float = 0.0
    """Weight of the preference of a row's answer to what it rejects (direct preference optimisation,
    Rafailov et al. 2023), in nats a row, beside its other losses. Only of rows that reject a reply."""
    beta: float = 0.1
    """How far that may lead away from the base's own preference."""
    replay: int = 0
    """Everyday prompts that the base answers beforehand and the adapter shall answer alike: their
    loss is the divergence from the base. At most as many as `probes.replay_prompts` has."""
    replay_weight: float = 1.0
    """Of each of their tokens, beside 1 for a token to be learnt."""
    questions_per_memory: int = 0
    """Most questions about one memory, beside those of the quiz: the model is asked for them about every
    name, number, date and noun phrase that it holds (docs/training.md). 0 for none."""
    statements: tuple[str, ...] = ()
    """Of `STATEMENT_KINDS`: what the model is asked to state about what it remembers, to be learnt as
    it stands beside the questions. For a study: rows that are read from a file have theirs. Off, as it
    has not been measured yet."""
    statements_per_memory: int = 4
    """Most statements that tell of one memory, of all kinds together."""
    statement_weight: float = 1.0
    """Of each of their tokens, beside 1 for a token of an answer; a statement has many more of them."""
    max_drift: float | None = None
    """An adapter whose drift (`TrainResult.drift`) is larger is weakened until it is not."""
    seed: int = 0
    stop_loss: float | None = None
    """Stop after the first epoch whose loss is at most this: the cross-entropy of validation rows if
    there are any, else the loss of the steps with all that is mixed in."""
    max_seconds: float | None = None
    """Stop, and keep what is learnt, after so long."""
    checkpoint_seconds: float = 60.0
    """Save what is needed to go on after a crash so often; 0 saves after each step."""

    @classmethod
    def for_depth(cls, layers: int, *, seed: int = 0) -> LoraRecipe:
        """Return the default recipe for a base of so many decoder layers.

        It adapts the upper half: on two cores that takes half the time of adapting all layers,
        which is better spent on more wordings. Replay makes the drift a ninth of what it was for a
        quarter more time (LOG.md has the measurements).
        """
        return cls(first_layer=layers // 2, epochs=5, replay=156, max_drift=DRIFT_LIMIT, seed=seed)

    def __post_init__(self) -> None:
        """Check everything, and say everything that is wrong at once."""
        faults = list(self._type_faults()) or [
            *self._count_faults(),
            *self._number_faults(),
            *self._layer_faults(),
        ]
        if faults:
            raise SettingsError(
                "The training recipe cannot be used: " + "; ".join(faults) + ".",
                hint="See LoraRecipe for what each setting means.",
            )

    @property
    def target_names(self) -> tuple[str, ...]:
        """The last part of the names of the linear layers to adapt."""
        if isinstance(self.targets, str):
            return TARGET_SETS[self.targets]
        return self.targets

    def changed(self, settings: Mapping[str, Any]) -> LoraRecipe:
        """Return the recipe with some settings changed, as `to_dict` or a JSON object has them.

        A list, which JSON has in place of a tuple, is taken for one.

        Raises:
            SettingsError: there is no setting of a name, or a value is of the wrong type or out of
                range.
        """
        known = {field.name for field in dataclasses.fields(self)}
        unknown = sorted(set(settings) - known)
        if unknown:
            raise SettingsError(
                f"A training recipe has no {', '.join(unknown)}.",
                hint="It has " + ", ".join(sorted(known)) + ".",
            )
        tuples = {name: tuple(one) for name, one in settings.items() if isinstance(one, list)}
        return dataclasses.replace(self, **{**settings, **tuples})

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return dataclasses.asdict(self)

    def _type_faults(self) -> Iterator[str]:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            types, told = _KINDS[str(field.type)]
            words = value if isinstance(value, tuple) else ()
            wrong_word = not all(isinstance(word, str) for word in words)
            if not isinstance(value, types) or isinstance(value, bool) or wrong_word:
                yield f"{field.name} must be {told}, not {value!r}"

    def _count_faults(self) -> Iterator[str]:
        for name in (
            "rank",
            "epochs",
            "batch_rows",
            "batch_tokens",
            "max_length",
            "statements_per_memory",
        ):
            if getattr(self, name) < 1:
                yield f"{name} must be at least 1, not {getattr(self, name)}"

        if self.seed >= _SEEDS:
            yield f"seed must be below {_SEEDS}, not {self.seed}"
        if set(self.statements) - set(STATEMENT_KINDS) or len(set(self.statements)) < len(
            self.statements
        ):
            yield f"statements must be of {', '.join(STATEMENT_KINDS)}, each once, not {self.statements!r}"

    def _number_faults(self) -> Iterator[str]:
        for name in ("alpha", "learning_rate", "clip", "beta", "replay_weight", "statement_weight"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                yield f"{name} must be above 0, not {value}"
        for name in ("dropout", "warmup"):
            if not 0 <= getattr(self, name) < 1:
                yield f"{name} must be from 0 to below 1, not {getattr(self, name)}"
        if not 0 <= self.distil <= 1:
            yield f"distil must be from 0 to 1, not {self.distil}"
        for name in (
            "weight_decay",
            "checkpoint_seconds",
            "seed",
            "dpo",
            "replay",
            "questions_per_memory",
        ):
            if not getattr(self, name) >= 0:
                yield f"{name} must not be negative, not {getattr(self, name)}"
        for name in ("stop_loss", "max_seconds", "max_drift"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                yield f"{name} must be above 0 or None, not {value}"

    def _layer_faults(self) -> Iterator[str]:
        if self.first_layer is not None and self.first_layer < 0:
            yield f"first_layer must be 0 or more or None, not {self.first_layer}"
        if isinstance(self.targets, str):
            if self.targets not in TARGET_SETS:
                yield f"targets must be one of {', '.join(TARGET_SETS)} or a tuple of names, not {self.targets!r}"
        elif not self.targets:
            yield "targets must name at least one linear layer"


def default_recipe(base: Path, seed: int) -> LoraRecipe:
    """Return the default recipe for the base in a folder.

    Raises:
        TrainingError: the folder does not say how many layers its model has.
    """
    try:
        config = json.loads((base / "config.json").read_text(encoding="utf-8"))
        layers = int(config["num_hidden_layers"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{base} does not say how many layers its model has: {error!r}",
            hint="It must be a transformers folder of a language model, with a config.json.",
        ) from error
    return LoraRecipe.for_depth(layers, seed=seed)


def read_settings(path: Path) -> dict[str, Any]:
    """Return what a file wants changed in a recipe, for `LoraRecipe.changed`.

    Raises:
        SettingsError: it cannot be read, or holds no JSON object.
    """
    hint = 'It must hold a JSON object such as {"rank": 16}.'
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"No recipe can be read from {path}: {error}", hint=hint) from error
    if not isinstance(settings, dict):
        raise SettingsError(f"{path} holds no recipe.", hint=hint)
    return settings
