"""Who watches a run is told that it gets on, and may end it between two batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, merge_configs


class Watch(Protocol):
    """What watches a run."""

    def begins(self) -> None:
        """Be told that a batch is about to be asked; what is raised here ends the work before it."""
        ...

    def beats(self) -> None:
        """Be told that something got done: within a batch too."""
        ...


class _Told(BaseCallbackHandler):
    """Hears of what a model gets done, prompt by prompt where it tells."""

    run_inline = True

    def __init__(self, beats: Callable[[], None]) -> None:
        self._beats = beats

    def _told(self, *_: Any, **__: Any) -> None:
        self._beats()

    on_chat_model_start = on_llm_new_token = on_llm_end = on_text = _told


def watched_config(watch: Watch | None) -> RunnableConfig | None:
    """Return the config of a model's call under a watch: that of the run, with one who listens more."""
    if watch is None:
        return None
    return merge_configs(ensure_config(), {"callbacks": [_Told(watch.beats)]})
