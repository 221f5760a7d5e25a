"""What tests of commands begin with."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_student import doors, studied

from ingrained.agent.commands.opening import Doors


@pytest.fixture
def agent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[Path, Doors]:
    """A home and what stands behind it, after a study."""
    behind = doors()
    home = studied(tmp_path / "home", behind)
    capsys.readouterr()
    return home, behind
