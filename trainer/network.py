"""The frozen base with trainable low-rank additions, as a function from rows to their loss."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, PreTrainedModel

from ingrained.devices import fast_dtype
from ingrained.errors import SettingsError, TrainingError
from ingrained.quiet import no_progress_bars

from .adapted import AdaptedLinear
from .encode import EncodedRow, bounded
from .objectives import Objectives
from .packing import Pack, gather, pack, spread
from .recipe import LoraRecipe

_KEY = "base_model.model.{}.lora_{}.weight"
"""peft's name of a tensor in adapter_model.safetensors."""
_AGREEMENT = 0.05
"""Relative difference of the loss that rounding in bfloat16 explains."""


def load_base(folder: Path) -> PreTrainedModel:
    """Read a model folder for training, on CUDA if there is one.

    Weights stored in 16 bits stay so where the device computes in bfloat16; else float32.

    Raises:
        TrainingError: there is no causal language model in safetensors there.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        with no_progress_bars():
            model: Any = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype="auto",
                # On processors torch's fused attention takes twice as long as plain matrix products.
                attn_implementation="sdpa" if device.type == "cuda" else "eager",
                local_files_only=True,
                use_safetensors=True,
            )
    except (OSError, ValueError, KeyError) as error:
        raise TrainingError(
            f"No model can be trained from {folder}: {error}",
            hint="It must be a transformers folder with safetensors weights.",
        ) from error
    small = model.dtype in (torch.bfloat16, torch.float16)
    model = model.to(device=device, dtype=fast_dtype(device.type) if small else torch.float32)
    return model.requires_grad_(False).eval()  # type: ignore[no-any-return]


class Network:
    """A base model whose upper layers are adapted.

    Args:
        model: Frozen; its linear layers are replaced in place.
        recipe: Which layers, and how.

    Raises:
        SettingsError: the recipe asks for layers that the model does not have.
    """

    def __init__(self, model: PreTrainedModel, recipe: LoraRecipe) -> None:
        untyped: Any = model
        self._model = untyped
        self._decoder = untyped.get_decoder()
        self._head = untyped.get_output_embeddings()
        self._layers: nn.ModuleList = self._decoder.layers
        self._first = recipe.first_layer or 0
        if self._first >= len(self._layers):
            raise SettingsError(
                f"first_layer={self._first}, but the model has {len(self._layers)} layers.",
                hint=f"Use a number below {len(self._layers)}.",
            )
        self._adapted = self._adapt(recipe)
        self._begun: dict[str, torch.Tensor] = {}
        self._states: dict[EncodedRow, torch.Tensor] = {}
        self._objectives = Objectives(recipe)

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return self._model.device  # type: ignore[no-any-return]

    @property
    def parameters(self) -> dict[str, nn.Parameter]:
        """The trainable parameters, by their name in a PEFT file."""
        return {
            _KEY.format(name, letter): getattr(layer, letter.lower())
            for name, layer in self._adapted.items()
            for letter in "AB"
        }

    @property
    def layer_numbers(self) -> list[int]:
        """The adapted decoder layers, counted from 0."""
        return list(range(self._first, len(self._layers)))

    def tensors(self, strength: float = 1.0) -> dict[str, torch.Tensor]:
        """Return what a PEFT folder holds, in the precision that the loss was computed in.

        Args:
            strength: What the low-rank additions are multiplied by.
        """
        dtype = self._model.dtype
        return {
            name: (value.detach() * (strength if ".lora_B." in name else 1.0))
            .to("cpu", dtype)
            .contiguous()
            for name, value in self.parameters.items()
        }

    @torch.no_grad()
    def begin_from(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take over an adapter, and prefer from what it prefers (`keep_teachers`).

        Raises:
            SettingsError: it has another shape.
        """
        parameters = self.parameters
        shapes = {name: tuple(value.shape) for name, value in tensors.items()}
        if shapes != {name: tuple(value.shape) for name, value in parameters.items()}:
            raise SettingsError(
                "The adapter to begin from has another shape than the recipe's.",
                hint="Train it by a recipe with the same rank, targets and first_layer.",
            )
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])
        self._begun = {name: value.detach().clone() for name, value in parameters.items()}

    def losses(self, rows: Sequence[EncodedRow]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of each supervised token and the weight of its row, float32 (S,) each.

        It is -log p, until `keep_teachers` has heard the base on what the recipe mixes in.
        Logits are computed where there is a label only: the vocabulary is the widest matrix.
        """
        run = self._objectives.forwarded(rows)
        packed = pack(run, self.device, self._model.dtype)
        losses = self._objectives.losses(rows, self._logits(run, packed), packed.labels)
        return losses, packed.weights[: len(losses)]

    @torch.no_grad()
    def keep_teachers(self, rows: Sequence[EncodedRow], batch_tokens: int) -> None:
        """Keep what the base says: of replay, with a source in view, of what is rejected.

        What is rejected is heard of the adapter that training began from, if there was one.
        """
        taught = self._objectives.taught(rows)
        with self.base_only():
            said = self._says([row.taught for row in taught], taught, batch_tokens)
            for row, logs, _ in said:
                self._objectives.keep_teacher(row, logs)
        preferring = self._objectives.preferring(rows)
        rejected = [row.with_rejected for row in preferring]
        with self._as_begun():
            chosen = [float(own) for *_, own in self._says(preferring, preferring, batch_tokens)]
            others = self._says(rejected, preferring, batch_tokens)
            for (row, _, own), of_chosen in zip(others, chosen, strict=True):
                self._objectives.keep_reference(row, of_chosen - float(own))

    def _says(
        self, said: Sequence[EncodedRow], rows: Sequence[EncodedRow], batch_tokens: int
    ) -> Iterator[tuple[EncodedRow, torch.Tensor, torch.Tensor]]:
        """Yield each row, the log-probabilities in what stands for it, and log p of that."""
        for numbers in bounded(said, range(len(said)), batch_tokens):
            together = [said[number] for number in numbers]
            packed = pack(together, self.device, self._model.dtype)
            sizes = [row.supervised for row in together]
            with self._whole(), self._lower_of(together, batch_tokens):
                logs = self._logits(together, packed).log_softmax(-1)
            own = logs.gather(-1, packed.labels[:, None])[:, 0]
            parts = zip(numbers, torch.split(logs, sizes), torch.split(own, sizes), strict=True)
            for number, part, value in parts:
                yield rows[number], part, value.sum()

    @contextmanager
    def _as_begun(self) -> Iterator[None]:
        """Be for a while what training began from, though it went on since."""
        if not self._begun:
            with self.base_only():
                yield
            return
        parameters = self.parameters
        now = {name: value.detach().clone() for name, value in parameters.items()}
        try:
            for name, value in parameters.items():
                value.copy_(self._begun[name])
            yield
        finally:
            for name, value in parameters.items():
                value.copy_(now[name])

    @contextmanager
    def _lower_of(self, rows: Sequence[EncodedRow], batch_tokens: int) -> Iterator[None]:
        """Keep the lower states of rows for a while, where they are not kept for good."""
        new = [row for row in rows if row not in self._states]
        self.keep_lower(new, batch_tokens)
        try:
            yield
        finally:
            for row in new:
                self._states.pop(row, None)

    @torch.no_grad()
    def summed_loss(self, rows: Sequence[EncodedRow], batch_tokens: int) -> tuple[float, float]:
        """Return the loss of all supervised tokens, each weighted as its row, and those weights' sum.

        Without dropout.
        """
        total = weight = 0.0
        for numbers in bounded(rows, range(len(rows)), batch_tokens):
            with self._whole():
                losses, weights = self.losses([rows[number] for number in numbers])
            total += float((losses * weights).sum())
            weight += float(weights.sum())
        return total, weight

    def mean_loss(self, rows: Sequence[EncodedRow], batch_tokens: int) -> float:
        """Return the mean loss per supervised token, each weighted as its row, without dropout."""
        total, weight = self.summed_loss(rows, batch_tokens)
        return total / weight

    @torch.no_grad()
    def drift(self, rows: Sequence[EncodedRow], batch_tokens: int) -> float:
        """Return how far the adapted model is from its base: the mean KL divergence.

        KL(base || adapted) = sum over the vocabulary of p (log p - log q), in nats, averaged over
        the supervised tokens, each weighted as its row. Without dropout.
        """
        total = weight = 0.0
        for numbers in bounded(rows, range(len(rows)), batch_tokens):
            some = [rows[number] for number in numbers]
            packed = pack(some, self.device, self._model.dtype)
            with self._whole():
                adapted = self._logits(some, packed).log_softmax(-1)
                with self.base_only():
                    base = self._logits(some, packed).log_softmax(-1)
            apart = (base.exp() * (base - adapted)).sum(-1)
            total += float((apart * packed.weights).sum())
            weight += float(packed.weights.sum())
        return total / weight

    def _logits(self, rows: Sequence[EncodedRow], packed: Pack) -> torch.Tensor:
        """Return what the supervised tokens are predicted by, float32 (S, V)."""
        hidden = self._upper(rows, packed)[0].index_select(0, packed.sources)
        return self._head(hidden).float()  # type: ignore[no-any-return]

    def base_only(self) -> AbstractContextManager[None]:
        """Switch the low-rank additions off: bit for bit the base."""
        return self.weakened(0.0)

    @contextmanager
    def weakened(self, strength: float) -> Iterator[None]:
        """Multiply the low-rank additions by `strength` for a while."""
        scales = {layer: layer.scale for layer in self._adapted.values()}
        for layer, scale in scales.items():
            layer.scale = strength * scale
        try:
            yield
        finally:
            for layer, scale in scales.items():
                layer.scale = scale

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Switch dropout off for a while: the adapter as it is written."""
        shares = {layer: layer.dropout for layer in self._adapted.values()}
        for layer in shares:
            layer.dropout = 0.0
        try:
            yield
        finally:
            for layer, share in shares.items():
                layer.dropout = share

    @torch.no_grad()
    def keep_lower(self, rows: Sequence[EncodedRow], batch_tokens: int) -> None:
        """Compute what enters the first adapted layer once for each row, and keep it."""
        if not self._first:
            return
        run = self._objectives.forwarded(rows)
        for numbers in bounded(run, range(len(run)), batch_tokens):
            some = [run[number] for number in numbers]
            packed = pack(some, self.device, self._model.dtype)
            with self._only(slice(0, self._first), norm=False):
                states = self._decode(packed, input_ids=packed.ids)
            for row, state in zip(some, spread(states[0], some, packed.prefix), strict=True):
                self._states[row] = state

    @torch.no_grad()
    def check(self, rows: Sequence[EncodedRow]) -> None:
        """Compare with the model's own forward pass, one row at a time, before there are teachers.

        Raises:
            TrainingError: they differ: the architecture does not allow packing or splitting.
        """
        with self._whole():
            losses, _ = self.losses(rows)
            plain = torch.cat([self._plain(row) for row in rows])
        ours, theirs = float(losses.mean()), float(plain.mean())
        if abs(ours - theirs) > _AGREEMENT * max(theirs, 1.0):
            raise TrainingError(
                f"{type(self._model).__name__} computes a loss of {theirs:.4f} row by row, "
                f"but {ours:.4f} packed.",
                hint="Use a Llama- or Qwen-like decoder as the base model.",
            )

    def _plain(self, row: EncodedRow) -> torch.Tensor:
        ids = torch.tensor([row.ids], device=self.device)
        logits = self._model(input_ids=ids, use_cache=False).logits[0].float()
        start = row.prompt_length
        return cross_entropy(logits[start - 1 : -1], ids[0, start:], reduction="none")

    def _upper(self, rows: Sequence[EncodedRow], packed: Pack) -> torch.Tensor:
        if not self._first:
            return self._decode(packed, input_ids=packed.ids)
        states = gather([self._states[row] for row in rows], packed.prefix)
        with self._only(slice(self._first, None), norm=True):
            return self._decode(packed, inputs_embeds=states)

    def _decode(self, packed: Pack, **inputs: torch.Tensor) -> torch.Tensor:
        return self._decoder(  # type: ignore[no-any-return]
            **inputs,
            attention_mask=packed.mask,
            position_ids=packed.positions,
            use_cache=False,
        ).last_hidden_state

    @contextmanager
    def _only(self, layers: slice, *, norm: bool) -> Iterator[None]:
        """Make the decoder run some of its layers, with or without the last norm."""
        final = self._decoder.norm
        self._decoder.layers = self._layers[layers]
        if not norm:
            self._decoder.norm = nn.Identity()
        try:
            yield
        finally:
            self._decoder.layers = self._layers
            self._decoder.norm = final

    def _adapt(self, recipe: LoraRecipe) -> dict[str, AdaptedLinear]:
        adapted: dict[str, AdaptedLinear] = {}
        expected = 0
        for name, linear in self._targets(recipe.target_names):
            layer = AdaptedLinear(
                linear, rank=recipe.rank, alpha=recipe.alpha, dropout=recipe.dropout
            )
            self._model.set_submodule(name, layer)
            adapted[name] = layer
            expected += recipe.rank * (linear.in_features + linear.out_features)
        trainable = sum(p.numel() for p in self._model.parameters() if p.requires_grad)
        if trainable != expected:
            raise TrainingError(
                f"{trainable} parameters would be trained instead of {expected}.",
                hint="The base must be frozen and not adapted already.",
            )
        return adapted

    def _targets(self, names: tuple[str, ...]) -> list[tuple[str, nn.Linear]]:
        wanted = {id(module) for layer in self._layers[self._first :] for module in layer.modules()}
        found = [
            (name, module)
            for name, module in self._model.named_modules()
            if isinstance(module, nn.Linear)
            and id(module) in wanted
            and name.rpartition(".")[2] in names
        ]
        missing = set(names) - {name.rpartition(".")[2] for name, _ in found}
        if missing:
            raise SettingsError(
                f"The model has no linear layer named {', '.join(sorted(missing))}.",
                hint="Name its linear layers in the recipe's targets.",
            )
        return found
