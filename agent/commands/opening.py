"""What stands behind the commands, opened when a command needs it.

Heavy modules are imported in the functions, so that `ingrained --help` is fast.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from ingrained.errors import SettingsError, StoreError
from ingrained.tracing import trace_from_here

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from ingrained.agent.asking import Asker
    from ingrained.agent.ui.download import DownloadBar
    from ingrained.graphs.session import Home
    from ingrained.memory.embedding import Embedder
    from ingrained.memory.store import MemoryStore
    from ingrained.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Stand-ins for the model and the embedder that the settings name (tests, hosts)."""

    model: BaseChatModel | None = None
    embedder: Embedder | None = None
    as_json: bool = False
    """Whether a program reads the result: nobody watches then."""


def doors(context: typer.Context) -> Doors:
    """Return the stand-ins this invocation was given, if any."""
    return context.obj if isinstance(context.obj, Doors) else Doors()


def load_settings(**given: Any) -> Settings:
    """Read the settings once; the options that were given win. What a command does then is traced.

    Raises:
        SettingsError: one or more settings are out of range; all are named.
        InputError: spans are wanted, and what sends them is not installed.
    """
    from pydantic import ValidationError

    from ingrained.settings import Settings

    try:
        settings = Settings()
    except ValidationError as error:
        faults = [f"{_variable(*fault['loc'])}: {fault['msg']}" for fault in error.errors()]
        raise SettingsError(
            "; ".join(faults), hint="Correct it in the environment or in the file .env."
        ) from error
    except ValueError as error:  # of a field that is not JSON; ValidationError is one as well
        raise SettingsError(
            f"{error}", hint='Write it as JSON, such as {"fact": 2}, or leave it empty.'
        ) from error
    trace_from_here(settings.traces)
    return settings.model_copy(update={k: v for k, v in given.items() if v is not None})


def _variable(field: object, *parts: object) -> str:
    """Name a field as it is set, and the part of it that is wrong."""
    within = f" ({parts[0]})" if parts else ""
    return f"INGRAINED_{str(field).upper()}{within}"


def existing_home(settings: Settings) -> Home:
    """Open a home that must be there already.

    Raises:
        StoreError: there is none.
    """
    if not (settings.home / "home.json").is_file():
        raise StoreError(
            f"no agent lives in {str(settings.home)!r}",
            hint="Let one study first: `ingrained study PATH`. Or name its folder with --home.",
        )
    from ingrained.graphs.session import Home

    return Home(settings.home)


@contextmanager
def open_memory(
    settings: Settings,
    behind: Doors,
    *,
    writing: bool = False,
    searching: bool = True,
    progress: DownloadBar | None = None,
) -> Iterator[MemoryStore]:
    """Open the memory of a home: beside a writer, or as the writer.

    With `searching` false the embedder is not loaded, nor fetched, unless it turns out that a
    vector is missing: to list, show or forget takes none.
    """
    from ingrained.agent.reranking import open_reranker
    from ingrained.agent.ui.memories import show_repair
    from ingrained.graphs.session import open_embedder, store_options
    from ingrained.memory.store import MemoryStore

    def load() -> Embedder:
        return behind.embedder or open_embedder(settings, progress)

    with loading(settings.embedder, behind, progress if searching else None):
        embedder = load() if searching else _recorded(settings, load)
        reranker = open_reranker(settings, progress, chat=behind.model) if searching else None
    options = store_options(settings, reranker)
    with MemoryStore.open(settings.home, embedder, read_only=not writing, options=options) as store:
        show_repair(store.repaired)
        yield store


class RecordedEmbedder:
    """The embedder that a ledger names; the real one is loaded by the first text to embed."""

    def __init__(self, name: str, fingerprint: str, load: Callable[[], Embedder]) -> None:
        self.name = name
        self.fingerprint = fingerprint
        self._load = load

    @property
    def dimension(self) -> int:
        """Length of every vector; loads the embedder."""
        return self._load().dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Return one vector per text.

        Raises:
            StoreError: the embedder of the settings is not the recorded one.
        """
        if not texts:
            return []
        embedder = self._load()
        if embedder.fingerprint != self.fingerprint:
            raise StoreError(
                f"this memory was indexed with the embedder {self.name!r}, not {embedder.name!r}",
                hint="Set INGRAINED_EMBEDDER to that embedder.",
            )
        return embedder.embed(texts)


def _recorded(settings: Settings, load: Callable[[], Embedder]) -> Embedder:
    from ingrained.memory.opening import recorded_embedder

    known = recorded_embedder(settings.home)
    return RecordedEmbedder(*known, load) if known else load()


def loading(name: str, behind: Doors, bar: DownloadBar | None) -> AbstractContextManager[None]:
    """Show in a terminal that a model is being loaded, for as long as the block lasts."""
    return nullcontext() if bar is None or behind.as_json else bar.waiting(f"Loading {name} …")


def open_model(
    home: Home, settings: Settings, behind: Doors, progress: DownloadBar | None = None
) -> Asker:
    """Load the model, saying so, with the promoted adapter at hand."""
    from ingrained.agent.asking import Asker
    from ingrained.agent.ui.console import line, notices
    from ingrained.graphs.session import open_asker, with_adapters

    if behind.model is not None:
        return with_adapters(Asker(behind.model), home)
    if progress is None or not progress.in_terminal:
        notices().print(line(f"Loading {settings.model} …", "dim"))
    with loading(settings.model, behind, progress):
        return open_asker(home, settings, progress)
