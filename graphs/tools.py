"""Tools with which another application's agent uses a memory.

What the model writes are texts and ids. Whose memory is touched comes from the application
(`identity`), and what comes back is quoted data or one of our errors, with what to do about it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, TypedDict, Unpack

from langchain.tools import ToolRuntime
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import Field

from ingrained.errors import IngrainedError, SettingsError
from ingrained.graphs.calls import LONGEST, RECALL_K, Caller
from ingrained.graphs.context import StudyContext
from ingrained.graphs.identity import Namespace, namespace_of
from ingrained.graphs.listing import asked, recalled
from ingrained.graphs.purging import ask_to_purge
from ingrained.graphs.session import Home
from ingrained.graphs.studying import StudyDesk
from ingrained.memory.records import DEFAULT_NAMESPACE, Memory
from ingrained.memory.store import MemoryStore

Runtime = ToolRuntime[Any, Any]
_LOOKED_AT = 50
"""Memories on a topic among which questions are looked for: not all were tried."""


class ToolOptions(TypedDict, total=False):
    """What may be said of the tools beside the store."""

    namespace: Namespace
    """Whose memory it is where the run names nobody; the default namespace when left out."""
    shared: Sequence[Namespace]
    """Namespaces that everybody reads beside their own, and none of the tools changes, but for
    `study_document`."""
    only: Collection[str]
    """Names of the tools to offer; all when left out. A model that calls no tools, as our own, needs
    the middleware with none."""
    k: int
    """Most memories that one recall shows; 5 when left out."""
    approve: bool
    """Ask a person before a memory is replaced, forgotten or purged, also where the store's
    `unattended` lets it pass; see `approving.refusal`."""
    home: Path
    """The home that the store is the memory of: offer `purge` too."""
    study: StudyContext
    """With a `folder`: what documents are studied with. What is learnt is shared."""
    folder: Path
    """Where the documents are that may be studied."""


def memory_tools(store: MemoryStore, **options: Unpack[ToolOptions]) -> list[BaseTool]:
    """Return `recall`, `remember`, `forget` and `quiz_me`; `purge` and `study_document` where they can be.

    They are for LangGraph's ToolNode and for LangChain's create_agent, sync and async. Of the errors
    they meet only Ingrained's become tool messages; any other is raised.

    Args:
        store: The memory; it has to stay open while the tools are used.
        **options: See `ToolOptions`.

    Raises:
        SettingsError: `k` is less than 1, of `study` and `folder` one is missing or unusable, there is
            no memory in `home`, or no tool of a name in `only`.
    """
    calls = _MemoryTools(store, **options)
    every: list[Callable[..., str]] = [calls.recall, calls.remember, calls.forget, calls.quiz_me]
    if calls.home is not None:
        every.append(calls.purge)
    if calls.desk is not None:
        every.append(calls.desk.study_document)
    tools = {call.__name__: call for call in every}
    only = options.get("only", tools)
    if unknown := sorted(set(only) - set(tools)):
        raise SettingsError(
            f"there is no tool {', '.join(map(repr, unknown))}",
            hint=f"Choose of {', '.join(tools)}.",
        )
    return [_tool(call) for name, call in tools.items() if name in only]


def namespaces_read(
    context: object, config: RunnableConfig, options: ToolOptions
) -> list[Namespace]:
    """Return what a call may read: the caller's own namespace first, then those that are shared."""
    own = namespace_of(context, config, options.get("namespace", DEFAULT_NAMESPACE))
    study = options.get("study")
    return [own, *options.get("shared", ()), *([study.namespace] if study else [])]


def most_shown(options: ToolOptions) -> int:
    """Return how many memories a recall shows.

    Raises:
        SettingsError: less than one.
    """
    k = options.get("k", RECALL_K)
    if k < 1:
        raise SettingsError(f"k must be at least 1, got {k}")
    return k


class _MemoryTools:
    """The calls; their docstrings are what the model reads."""

    def __init__(self, store: MemoryStore, **options: Unpack[ToolOptions]) -> None:
        self._store = store
        self._options = options
        self._k = most_shown(options)
        self.home = _home(options.get("home"))
        self.desk = StudyDesk.of(options.get("study"), options.get("folder"))

    def recall(self, query: str, runtime: Runtime) -> str:
        """Look up what is known from memory: studied documents and what was told before.

        Args:
            query: What to look for, in a few words or as a question.
            runtime: Of the run; the model does not see it.
        """
        return self._caller(runtime).recall(query, self._k)

    def remember(
        self,
        text: Annotated[str, Field(max_length=LONGEST)],
        runtime: Runtime,
        replaces: str = "",
    ) -> str:
        """Keep one fact in memory, for later conversations too.

        Args:
            text: The fact as one sentence that can be understood by itself.
            runtime: Of the run; the model does not see it.
            replaces: Id of the memory that this corrects and that holds no longer, if there is one.
        """
        return self._caller(runtime).remember(text, replaces)

    def forget(self, memory_id: str, runtime: Runtime) -> str:
        """Take one memory out of recall.

        Args:
            memory_id: The whole id, as recall shows it.
            runtime: Of the run; the model does not see it.
        """
        return self._caller(runtime).forget(memory_id)

    def purge(self, memory_id: str, runtime: Runtime) -> str:
        """Have one memory erased for good, with all that repeats it. Only when the user asks for that.

        Args:
            memory_id: The whole id, as recall shows it.
            runtime: Of the run; the model does not see it.
        """
        assert self.home is not None
        return ask_to_purge(self._caller(runtime), self.home, memory_id)

    def quiz_me(
        self, runtime: Runtime, topic: str = "", count: Annotated[int, Field(ge=1, le=10)] = 3
    ) -> str:
        """Get questions with their answers, to quiz the user on what was studied.

        Ask them one at a time, and keep each answer back until the user has replied. Nothing is
        changed in memory.

        Args:
            runtime: Of the run; the model does not see it.
            topic: What to ask about. Anything, what was learnt longest ago first, if left out.
            count: Most questions.
        """
        tried = [memory for memory in self._about(topic, runtime) if memory.evidence]
        return asked(tried[:count]) or "Memory has no questions on this."

    def _read(self, runtime: Runtime) -> list[Namespace]:
        return namespaces_read(runtime.context, runtime.config, self._options)

    def _caller(self, runtime: Runtime) -> Caller:
        own, *shared = self._read(runtime)
        return Caller(
            store=self._store, own=own, shared=shared, who="tool", why=_why(runtime),
            approve=self._options.get("approve", False),
        )  # fmt: skip

    def _about(self, topic: str, runtime: Runtime) -> list[Memory]:
        namespaces = self._read(runtime)
        if topic:
            return recalled(self._store, topic, namespaces, _LOOKED_AT)
        every = [
            one for each in dict.fromkeys(namespaces) for one in self._store.list(namespace=each)
        ]
        return sorted(every, key=lambda one: one.last_recalled or one.created)


def _home(path: Path | None) -> Home | None:
    """Open a home that must be there, with a memory."""
    if path is None:
        return None
    if not (path / "home.json").is_file():
        raise SettingsError(f"no agent lives in {str(path)!r}", hint="Give `home` its folder.")
    return Home(path)


def _why(runtime: Runtime) -> str:
    """Name a call so that it is known when its node runs again; models use their ids more than once."""
    run = runtime.execution_info
    where = f"task {run.task_id} of thread {run.thread_id}" if run else "no graph"
    return f"call {runtime.tool_call_id} in {where}"


def _tool(call: Callable[..., str]) -> BaseTool:
    return StructuredTool.from_function(
        _reporting(call), parse_docstring=True, handle_tool_error=True
    )


def _reporting(call: Callable[..., str]) -> Callable[..., str]:
    """Let our own errors reach the model as what a tool has to say."""

    @functools.wraps(call)
    def reporting(*args: Any, **named: Any) -> str:
        try:
            return call(*args, **named)
        except IngrainedError as error:
            raise ToolException(f"{error} {error.hint}".strip()) from error

    return reporting
