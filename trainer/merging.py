"""Merging adapters: one of recent memories and one of the rest become one, without training.

What an adapter adds to a layer is the product scale · B A, and it is products that are merged: the
factors of two trainings are bases of different subspaces, and the mean of Bs times the mean of As is
no mean of the products. The merged matrix is factored anew by a singular value decomposition, as
peft does for `ties_svd` and `svd`, but layer by layer from the files: the base model is not needed.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingrained.disk import DAMAGED
from ingrained.errors import InputError, SettingsError, StoreError, TrainingError

from .adapters import AdapterRegistry
from .manifest import Manifest
from .methods import MERGED
from .saving import CONFIG_FILE, WEIGHTS_FILE, save_adapter

if TYPE_CHECKING:
    import torch

METHODS = ("ties", "linear")

DENSITY = 0.2
"""Of the paper's recipe for when there is nothing to choose by. Not measured here."""

_TENSOR = re.compile(r"(.+)\.lora_([AB])\.weight")
_SCALED_OTHERWISE = ("use_rslora", "rank_pattern", "alpha_pattern")
"""Settings of peft with which the scale is not alpha / r of the config in every layer."""


@dataclass(frozen=True, kw_only=True)
class Merged:
    """What a merge came to."""

    rank: int
    retained: float
    """Share of the squared Frobenius norm of the merged matrices that is left at this rank."""


def merge(
    folders: Sequence[Path],
    out: Path,
    *,
    weights: Sequence[float],
    method: str = "ties",
    density: float = DENSITY,
    rank: int | None = None,
) -> Merged:
    """Merge LoRA adapters of one base into a PEFT folder, the same each time.

    Of the products Δᵢ of n adapters, `linear` takes Σ wᵢ Δᵢ. `ties` (Yadav et al. 2023, algorithm 1)
    trims each, elects a sign for each entry, that of the sum of what is left, and takes n / |A| · Σ wᵢ Δᵢ over
    A, those of the adapters that have this sign there: with weights of 1 / n, their mean.

    A layer of m to n takes O(m n min(m, n)) operations for the decomposition, and a few matrices of
    its size in memory. What `ties` makes has no low rank: something is lost at any rank below min(m, n).

    Args:
        folders: Adapters in PEFT format, of the same layers of the same base; their ranks may differ.
        out: Folder of the new adapter; made if missing.
        weights: One for each adapter. Their sum is the scale of the whole, λ in the paper.
        method: One of `METHODS`.
        density: Share of the entries of each product that `ties` keeps, the largest. They are ranked
            matrix by matrix, where the paper ranks those of all of them together.
        rank: Of the merged adapter; the sum of all ranks when omitted, with which `linear` loses
            nothing but by rounding.

    Raises:
        SettingsError: weights, method, density or rank are out of range; all that are, are named.
        InputError: they are not of one base, not of the same layers, or not plain LoRA.
        StoreError: one of them cannot be read.
        TrainingError: an adapter is in `out` already.
    """
    mix = _mix(folders, weights=weights, method=method, density=density, rank=rank)
    if (out / CONFIG_FILE).exists():
        raise TrainingError(
            f"{out} holds a finished adapter.",
            hint="Merge into a new folder: adapters never change.",
        )
    return _write(mix, out)


def merge_versions(
    registry: AdapterRegistry,
    versions: Sequence[str],
    *,
    weights: Sequence[float],
    method: str = "ties",
    density: float = DENSITY,
    rank: int | None = None,
) -> Manifest:
    """Merge adapters of a home into a new version, which no gate has judged.

    Its memories are those of all of them. Each goes in at the strength that the gate found for it, and
    beside notes the new one works at the least of their strengths.

    Args:
        registry: Of the home; nothing else writes to it meanwhile.
        versions: Finished ones.
        weights: One for each version; with `method`, `density` and `rank` as `merge` has them.
        method: How.
        density: Share of the entries that `ties` keeps.
        rank: Of the new version.

    Returns:
        The manifest of the new version.

    Raises:
        NotFoundError: no such version, or it is not finished.
        StoreError: one is stale or cannot be read, or a training was cut short that may go on.
        SettingsError: weights, method, density or rank are out of range.
        InputError: they are not of one base, or not of the same layers.
    """
    parents = [registry.show(version) for version in versions]
    _check_fit(parents)
    _check_nothing_under_way(registry)
    began = time.monotonic()
    folders = [registry.path(one) for one in versions]
    mix = _mix(
        folders, weights=weights, method=method, density=density, rank=rank,
        strengths=[one.strength_alone for one in parents],
    )  # fmt: skip
    version = registry.stage()
    out = registry.path(version)
    try:
        merged = _write(mix, out)
    except BaseException:
        shutil.rmtree(out)
        raise
    trimmed = {"density": density} if method == "ties" else {}
    manifest = Manifest(
        version=version,
        base_model=parents[0].base_model,
        base_sha256=next((one.base_sha256 for one in parents if one.base_sha256), ""),
        parent=registry.active(),
        merged_from=tuple(versions),
        retained=merged.retained,
        memory_ids=tuple(dict.fromkeys(id_ for one in parents for id_ in one.memory_ids)),
        method=MERGED,
        recipe={"method": method, "weights": [*weights], **trimmed, "rank": merged.rank},
        seconds=time.monotonic() - began,
        strength_beside_notes=min(one.beside_over_alone for one in parents),
        created=time.time(),
    )
    registry.commit(version, manifest)
    return manifest


def _check_settings(
    count: int, weights: Sequence[float], method: str, density: float, rank: int | None
) -> None:
    faults = [*_faults(count, weights, method, density, rank)]
    if faults:
        raise SettingsError(
            f"Adapters cannot be merged so: {'; '.join(faults)}.",
            hint="See `ingrained adapters merge --help` for what each may be.",
        )


def _faults(
    count: int, weights: Sequence[float], method: str, density: float, rank: int | None
) -> Iterator[str]:
    if count < 2:
        yield f"it takes two or more, not {count}"
    if len(weights) != count:
        yield f"there are {count} adapters and {len(weights)} weights"
    for weight in weights:
        if not (math.isfinite(weight) and weight > 0):
            yield f"weights must be above 0, not {weight}"
    if method not in METHODS:
        yield f"method must be one of {', '.join(METHODS)}, not {method!r}"
    if not 0 < density <= 1:
        yield f"density must be above 0 and at most 1, not {density}"
    if rank is not None and rank < 1:
        yield f"rank must be at least 1, not {rank}"


def _check_fit(parents: Sequence[Manifest]) -> None:
    for one in parents:
        if one.stale:
            raise StoreError(
                f"Adapter {one.version} is stale: {one.stale}.",
                hint="Merge others: what is in its weights would be in those of the new one.",
            )
    known = {one.base_sha256 for one in parents if one.base_sha256}
    if len({one.base_model for one in parents}) > 1 or len(known) > 1:
        of = [f"{one.version} of {one.base_model} {one.base_sha256[:12]}" for one in parents]
        raise _of_different_bases(map(str.strip, of))


def _check_nothing_under_way(registry: AdapterRegistry) -> None:
    """Refuse to take the number of a version whose training can go on."""
    for version in registry.resumable():
        raise StoreError(
            f"The training of {version} was cut short.",
            hint="Let it come to its end beforehand: `ingrained study PATH --consolidate`.",
        )


@dataclass(frozen=True, kw_only=True)
class _Adapter:
    folder: Path
    config: Any
    """A `peft.LoraConfig`."""
    tensors: dict[str, torch.Tensor]
    strength: float
    """What its product is multiplied by."""

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Outputs and inputs of each adapted layer, by its name, in the order of the file."""
        layers = dict.fromkeys(name.rpartition(".lora_")[0] for name in self.tensors)
        return {
            layer: (len(self.factor(layer, "B")), self.factor(layer, "A").shape[1])
            for layer in layers
        }

    def factor(self, layer: str, letter: str) -> torch.Tensor:
        """Return A, (r, in), or B, (out, r)."""
        return self.tensors[f"{layer}.lora_{letter}.weight"]

    def product(self, layer: str) -> torch.Tensor:
        """Return what is added to a layer's weight, float32 (out, in)."""
        scale: float = self.strength * self.config.lora_alpha / self.config.r
        return scale * (self.factor(layer, "B").float() @ self.factor(layer, "A").float())


@dataclass(frozen=True, kw_only=True)
class _Mix:
    adapters: Sequence[_Adapter]
    """Such as can be merged."""
    combine: Callable[[list[torch.Tensor]], torch.Tensor]
    """The products of a layer → the merged matrix."""
    rank: int


def _mix(
    folders: Sequence[Path], *, weights: Sequence[float], method: str, density: float,
    rank: int | None, strengths: Sequence[float] | None = None,
) -> _Mix:  # fmt: skip
    """Check and read all that a merge needs; nothing is written.

    `strengths` are what the gate wants the product of each multiplied by; None for 1.
    """
    _check_settings(len(folders), weights, method, density, rank)
    adapters = [
        _read(folder, strength)
        for folder, strength in zip(folders, strengths or [1.0] * len(folders), strict=True)
    ]
    _check_alike(adapters)
    return _Mix(
        adapters=adapters,
        combine=partial(_combined, weights=weights, method=method, density=density),
        rank=rank or sum(adapter.config.r for adapter in adapters),
    )


def _write(mix: _Mix, out: Path) -> Merged:
    tensors, retained = _merged(mix)
    config = mix.adapters[0].config
    config.r = config.lora_alpha = mix.rank
    out.mkdir(parents=True, exist_ok=True)
    save_adapter(tensors, config, out)
    return Merged(rank=mix.rank, retained=retained)


def _read(folder: Path, strength: float) -> _Adapter:
    from peft import LoraConfig
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config = LoraConfig(**json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
        tensors = load_file(folder / WEIGHTS_FILE)
    except (OSError, ValueError, TypeError, SafetensorError) as error:
        raise StoreError(
            f"The adapter in {str(folder)!r} is damaged: {error}", hint=DAMAGED
        ) from error
    _check_plain(folder, config, tensors)
    return _Adapter(folder=folder, config=config, tensors=tensors, strength=strength)


def _check_plain(folder: Path, config: Any, names: Iterable[str]) -> None:
    """Refuse what is more than a factor A and a factor B for each layer, scaled by alpha / r."""
    other = [name for name in _SCALED_OTHERWISE if getattr(config, name)]
    factors: dict[str, list[str]] = {}
    for name in names:
        found = _TENSOR.fullmatch(name)
        if found is None:
            other.append(name)
        else:
            factors.setdefault(found[1], []).append(found[2])
    other += [layer for layer, letters in factors.items() if sorted(letters) != ["A", "B"]]
    if other or not factors:
        raise InputError(
            f"The adapter in {str(folder)!r} is not plain LoRA: {', '.join(other[:3]) or 'empty'}.",
            hint="Merge adapters that Ingrained trained.",
        )


def _check_alike(adapters: Sequence[_Adapter]) -> None:
    first, *others = adapters
    for other in others:
        names = [str(one.config.base_model_name_or_path) for one in (first, other)]
        if names[0] != names[1]:
            raise _of_different_bases(names)
        if first.shapes != other.shapes:
            raise InputError(
                f"The adapters in {str(first.folder)!r} and {str(other.folder)!r} are not of the "
                "same layers.",
                hint="Merge adapters of the same targets and first_layer.",
            )


def _of_different_bases(bases: Iterable[str]) -> InputError:
    return InputError(
        f"The adapters are of different bases: {', '.join(bases)}.",
        hint="Merge adapters of one base.",
    )


def _merged(mix: _Mix) -> tuple[dict[str, torch.Tensor], float]:
    """Return what the new file holds, in the precision of the first, and the share retained."""
    first = mix.adapters[0]
    tensors, whole, held = {}, 0.0, 0.0
    for layer in first.shapes:
        matrix = mix.combine([adapter.product(layer) for adapter in mix.adapters])
        a, b, squares = _factored(matrix, mix.rank)
        dtype = first.factor(layer, "A").dtype
        for letter, factor in (("A", a), ("B", b)):
            tensors[f"{layer}.lora_{letter}.weight"] = factor.to(dtype).contiguous()
        whole += float(squares.sum())
        held += float(squares[: mix.rank].sum())
    return tensors, held / whole if whole else 1.0


def _combined(
    products: list[torch.Tensor], *, weights: Sequence[float], method: str, density: float
) -> torch.Tensor:
    """Return the merged matrix of a layer, (out, in)."""
    import torch
    from peft.utils.merge_utils import task_arithmetic, ties

    shares = torch.tensor(weights)
    if method == "linear":
        return task_arithmetic(products, shares)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The density 1")  # as asked for
        # peft weighs the terms of the mean but does not divide by their weights.
        return ties(products, shares * len(products), density)


def _factored(matrix: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return A and B whose product is nearest to a matrix, and its squared singular values.

    Nearest in the Frobenius norm (Eckart and Young 1936). Where the matrix has fewer singular values
    than the rank asked for, the factors are filled with zeros.
    """
    import torch

    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    root = s[:rank].sqrt()
    missing = rank - len(root)
    a = torch.nn.functional.pad(root[:, None] * v[:rank], (0, 0, 0, missing))
    b = torch.nn.functional.pad(u[:, :rank] * root, (0, missing))
    return a, b, s.square()
