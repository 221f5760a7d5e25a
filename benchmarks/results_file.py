"""Writes what a benchmark measured to `results/NAME.json`, with the machine and the versions.

Scripts are run as `python benchmarks/x.py` and `import results_file`. The form is `schema.json`.
"""

from __future__ import annotations

import datetime
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ingrained.agent.bench import surroundings

FOLDER = Path(__file__).parent / "results"
SCHEMA = Path(__file__).with_name("schema.json")

_FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "sve", "bf16")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One number that was measured."""

    value: float
    unit: str
    low: float | None = None
    """Lower end of a share's 95 % interval, or the least of several measurements."""
    high: float | None = None

    def __post_init__(self) -> None:
        """Refuse an interval that the value is not in."""
        low = self.value if self.low is None else self.low
        high = self.value if self.high is None else self.high
        if not low <= self.value <= high:
            raise ValueError(f"{self.value} is not within {self.low} to {self.high}")


def write(
    name: str,
    figures: Mapping[str, Figure],
    *,
    seeds: Sequence[int],
    command: str,
    versions: Mapping[str, str] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Write one result file and return its path.

    Args:
        name: Name of the file and of the block in the README, such as `exam`.
        figures: What was measured, by the words it is to be shown with.
        seeds: Every seed that the figures come from.
        command: What to type in the checkout to measure it again.
        versions: Of what was measured beside ours, by name.
        folder: Where to write.
    """
    result = {
        "name": name,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": command,
        "machine": machine(),
        "versions": {**surroundings.versions(), **(versions or {})},
        "seeds": list(seeds),
        "figures": {label: asdict(figure) for label, figure in figures.items()},
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    return path


def command_of(script: str, **options: object) -> str:
    """Return what to type to run a script again; options that are None or 0 are left out."""
    given = [(f"--{name}", str(value)) for name, value in options.items() if value]
    return shlex.join(
        ["python", f"benchmarks/{script}.py", *(word for pair in given for word in pair)]
    )


def read(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Return every result, by name."""
    return {
        path.stem: json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(folder.glob("*.json"))
    }


def machine() -> dict[str, Any]:
    """Return what of this machine bears on speed; nothing that tells which one it is."""
    return {**surroundings.machine(), "flags": [flag for flag in _FLAGS if flag in _flags()]}


def _flags() -> list[str]:
    """The first processor's flags in /proc/cpuinfo; empty where there is no such file."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return []
    first = path.read_text(encoding="utf-8").split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    described = {key.strip(): value.strip() for key, _, value in pairs}
    return described.get("flags", described.get("Features", "")).split()
