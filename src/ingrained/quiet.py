"""Keeping transformers' progress bars off the screen while one of us loads a model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def no_progress_bars() -> Iterator[None]:
    """Hold back transformers' progress bars, then leave the user's choice as it was."""
    from transformers.utils import logging

    library: Any = logging  # these functions carry no types
    shown = library.is_progress_bar_enabled()
    library.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            library.enable_progress_bar()
