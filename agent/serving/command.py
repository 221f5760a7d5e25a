"""What vLLM is started with: a command and its environment, made of plain values."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingrained.errors import SettingsError

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""The values that vLLM's --max-lora-rank can have."""

_GIB = 2**30
_OVERHEAD = 2 * _GIB
"""What vLLM on a processor takes beside weights and cache: its libraries, its two processes."""
_NOT_OURS = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
"""Of the Python that this runs in; vLLM has its own."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What vLLM shall serve, and where."""

    vllm: Path
    """The executable."""
    on_cpu: bool
    """Whether it is vLLM's build for processors."""
    folder: Path
    """The base's weights."""
    name: str
    """What requests call the base."""
    host: str = "127.0.0.1"
    port: int = 8000
    max_rank: int = 32
    """Of the adapters; see `fitting_rank`."""
    memory_share: float = 0.3
    """Of the memory of the GPU, or of the machine."""
    max_len: int | None = None
    """Tokens of prompt and reply together; None for as many as the model has and the memory holds."""
    api_key: str = ""


def fitting_rank(ranks: Iterable[int]) -> int:
    """Return the smallest rank that vLLM can be started with and that these adapters fit in.

    Raises:
        SettingsError: one has more than vLLM serves.
    """
    needed = max(ranks, default=1)
    for rank in RANKS:
        if needed <= rank:
            return rank
    raise SettingsError(
        f"An adapter of rank {needed} cannot be served: vLLM takes {RANKS[-1]} at most.",
        hint="Train with a smaller rank, or merge with `--rank`.",
    )


def command(plan: Plan) -> list[str]:
    """Return the words of the command, none of which a shell reads."""
    kept_compact = {"backend": "xgrammar", "disable_any_whitespace": True}
    words = [
        *_program(plan),
        f"--served-model-name={plan.name}",
        f"--host={plan.host}",
        f"--port={plan.port}",
        "--enable-lora",
        f"--max-lora-rank={plan.max_rank}",
        # One adapter alone and beside notes, and both of its successor while that takes its place.
        "--max-loras=2",
        "--max-cpu-loras=4",
        "--enable-prefix-caching",
        # A small model may otherwise write blanks without end between two fields.
        f"--structured-outputs-config={json.dumps(kept_compact)}",
        # Not the model's own penalties and temperatures: a reply is sampled as in the process.
        "--generation-config=vllm",
        f"--max-model-len={plan.max_len or 'auto'}",
        # A reply says how much of its prompt was in the cache already.
        "--enable-prompt-tokens-details",
        "--disable-uvicorn-access-log",
    ]  # fmt: skip
    # On a processor compiling takes minutes and a C++ compiler, and then saves little.
    return [
        *words,
        "--enforce-eager" if plan.on_cpu else f"--gpu-memory-utilization={plan.memory_share}",
    ]


def _program(plan: Plan) -> tuple[str, ...]:
    """Return what is run, and the model as it takes it.

    The command of the build for processors fails to tell its own version, by which every call of it begins.
    """
    folder = str(plan.folder.resolve())
    if plan.on_cpu:
        python = str(plan.vllm.parent / "python")
        return python, "-m", "vllm.entrypoints.openai.api_server", f"--model={folder}"
    return str(plan.vllm), "serve", folder


def variables(
    plan: Plan, inherited: Mapping[str, str], *, machine: int, weights: int
) -> dict[str, str]:
    """Return the environment: what is inherited, and what makes vLLM change adapters and stay silent.

    Args:
        plan: What is served.
        inherited: The environment of this process.
        machine: Bytes of memory that the machine has.
        weights: Bytes of the base's weights.
    """
    kept = {name: value for name, value in inherited.items() if name not in _NOT_OURS}
    ours = {
        "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "True",
        "VLLM_NO_USAGE_STATS": "1",
        "DO_NOT_TRACK": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if plan.api_key:
        ours["VLLM_API_KEY"] = plan.api_key
    if plan.on_cpu:
        left = machine * plan.memory_share - weights - _OVERHEAD
        ours["VLLM_CPU_KVCACHE_SPACE"] = str(max(1, round(left / _GIB)))
    return {**kept, **ours}


def size_of_weights(folder: Path) -> int:
    """Return the bytes of the weights in a model's folder."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors"))
