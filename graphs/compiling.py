"""The graphs compiled, as a host takes them in: each is a node, or runs by itself."""

from __future__ import annotations

from typing import Any

from langgraph.graph.state import CompiledStateGraph

from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.graph import build_chat_graph
from ingrained.graphs.chat.state import ChatInput, ChatOutput, ChatState
from ingrained.graphs.consolidate import build_consolidation_graph
from ingrained.graphs.context import StudyContext
from ingrained.graphs.running import RunContext
from ingrained.graphs.state import (
    ConsolidationInput,
    ConsolidationOutput,
    StudyInput,
    StudyOutput,
    StudyState,
)
from ingrained.graphs.study import build_study_graph


def compile_study_graph(
    *opened: StudyContext,
    **options: Any,
) -> CompiledStateGraph[StudyState, StudyContext | RunContext, StudyInput, StudyOutput]:
    """Return the study graph.

    Args:
        opened: See `running.RunContext`.
        options: Of `StateGraph.compile`, such as `checkpointer`.
    """
    return build_study_graph(*opened).compile(**options)


def compile_consolidation_graph(
    *opened: StudyContext,
    **options: Any,
) -> CompiledStateGraph[
    StudyState, StudyContext | RunContext, ConsolidationInput, ConsolidationOutput
]:
    """Return the consolidation graph.

    Args:
        opened: See `running.RunContext`.
        options: Of `StateGraph.compile`.
    """
    return build_consolidation_graph(*opened).compile(**options)


def compile_chat_graph(
    *opened: ChatContext,
    **options: Any,
) -> CompiledStateGraph[ChatState, ChatContext | RunContext, ChatInput, ChatOutput]:
    """Return the chat graph, as a node of a graph of yours that has a checkpointer.

    It keeps its turns there, apart from your state. To run it by itself, give it a `checkpointer`.

    Args:
        opened: See `running.RunContext`.
        options: Of `StateGraph.compile`; `checkpointer` is True unless it is given.
    """
    return build_chat_graph(*opened).compile(**{"checkpointer": True, **options})
