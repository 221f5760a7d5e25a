"""What of a corpus can be found wrong before anything is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ingrained.errors import CorpusError


def check_paths(paths: Sequence[Path]) -> None:
    """Refuse paths that are not there.

    Raises:
        CorpusError: names all of them.
    """
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise CorpusError(
            f"no such file or folder: {', '.join(missing)}", hint="Check the path of the corpus."
        )


def check_home(paths: Sequence[Path], home: Path) -> None:
    """Refuse a corpus that the agent would live in: an agent's home is not read.

    Raises:
        CorpusError: the home is one of the paths.
    """
    if home.resolve() in [path.resolve() for path in paths]:
        raise CorpusError(
            f"{str(home)!r} cannot be both the agent's home and what it studies",
            hint="Give the agent a folder of its own with --home.",
        )
