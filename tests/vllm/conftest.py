"""Where the tests of a real vLLM find it, and what they share with those of a fake one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))


@pytest.fixture(scope="session")
def real_vllm(root: Path) -> Path:
    """The environment that `make vllm` makes."""
    from ingrained.agent.serving.finding import ENVIRONMENT

    return root / ENVIRONMENT
