"""The graphs of one home for an Agent Server: `langgraph dev` finds them by `langgraph.json`.

A client says when a run begins and nothing else: the home, the models and the documents are those of the
settings that the server was started with. Nothing is opened before a run, since a server asks for its
graphs each time it describes them.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from langchain_core.language_models import BaseChatModel
from langgraph.graph import START, StateGraph
from langgraph.runtime import Runtime

from ingrained.errors import SettingsError
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import (
    Home,
    open_study,
    refuse_cut_short,
    run_consolidation,
    run_study,
)
from ingrained.graphs.state import (
    ConsolidationInput,
    ConsolidationOutput,
    StudyInput,
    StudyOutput,
    StudyState,
)
from ingrained.memory.embedding import Embedder
from ingrained.settings import Settings
from ingrained.tracing import tracing

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


def study() -> StateGraph[StudyState, None, StudyInput, StudyOutput]:
    """Return the graph that studies what the setting `corpus` names."""
    return served_study()


def consolidate() -> StateGraph[StudyState, None, ConsolidationInput, ConsolidationOutput]:
    """Return the graph that trains on the memory of the home."""
    return served_consolidation()


def served_study(
    *, model: BaseChatModel | None = None, embedder: Embedder | None = None
) -> StateGraph[StudyState, None, StudyInput, StudyOutput]:
    """Return a graph of one node: a study, or what is left of one that was cut short.

    Its progress events are on the custom stream. The study keeps checkpoints of its own in the home,
    as `ingrained study` does, so a run of the server need not be resumed.

    Args:
        model: In place of the one that the settings name.
        embedder: Likewise.
    """

    def study_all(state: StudyState, runtime: Runtime[None]) -> dict[str, Any]:  # noqa: ARG001
        settings = Settings()
        if settings.corpus is None:
            raise SettingsError(
                "no documents are named that this server may study",
                hint="Set INGRAINED_CORPUS to a file or folder, and start the server anew.",
            )
        opened = open_study(
            settings, (settings.corpus,), StudyPolicy(), model=model, embedder=embedder
        )
        with opened as context:
            # A context of its own: the server's checkpointer and run would be taken for the study's.
            result = contextvars.Context().run(
                _traced, settings, run_study, Home(settings.home), context, _listener(runtime),
                runtime.control,
            )  # fmt: skip
        return {name: result.state.get(name) for name in StudyOutput.__annotations__}

    graph = StateGraph(StudyState, input_schema=StudyInput, output_schema=StudyOutput)
    graph.add_node("study", study_all)
    graph.add_edge(START, "study")
    return graph


def served_consolidation(
    *, model: BaseChatModel | None = None, embedder: Embedder | None = None
) -> StateGraph[StudyState, None, ConsolidationInput, ConsolidationOutput]:
    """Return a graph of one node: a consolidation of what the home remembers.

    Its progress events are on the custom stream.

    Args:
        model: In place of the one that the settings name; it cannot be trained.
        embedder: Likewise, and it can be used.
    """

    def train(state: StudyState, runtime: Runtime[None]) -> dict[str, Any]:  # noqa: ARG001
        settings = Settings(replies=False)
        refuse_cut_short(Home(settings.home))
        policy = StudyPolicy(consolidate=True)
        with open_study(settings, (), policy, model=model, embedder=embedder) as context:
            done = contextvars.Context().run(
                _traced, settings, run_consolidation, context, _listener(runtime), runtime.control
            )
            return dict(done)

    graph = StateGraph(
        StudyState, input_schema=ConsolidationInput, output_schema=ConsolidationOutput
    )
    graph.add_node("consolidate", train)
    graph.add_edge(START, "consolidate")
    return graph


def _traced(
    settings: Settings, run: Callable[Given, Returned], *given: Given.args, **named: Given.kwargs
) -> Returned:
    """Run something in a context that has no tracing from outside."""
    with tracing(settings.traces):
        return run(*given, **named)


def _listener(runtime: Runtime[None]) -> Callable[[dict[str, Any]], None]:
    """Return what sends events as the node that runs now: the writer looks up who is calling it."""
    here = contextvars.copy_context()

    def listen(event: dict[str, Any]) -> None:
        runtime.heartbeat()
        here.copy().run(runtime.stream_writer, event)

    return listen
