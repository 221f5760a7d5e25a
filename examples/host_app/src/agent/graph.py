"""The host's graph: study what is new, answer from memory, keep a list of what was asked.

Four parts of it are Ingrained's: the study as a sub-graph, tools and a middleware of memory, and, where
the host compiles the graph itself, the store. On an Agent Server the store is the server's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import quote

from langchain.agents import create_agent
from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.store.base import BaseStore
from typing_extensions import TypedDict

from ingrained.graphs import IngrainedMiddleware, build_study_graph, memory_tools

from .parts import OpenedParts, Parts


class Context(TypedDict):
    """Says who talks; the memory of each user is their own."""

    user_id: str


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    kept: int


Graph = CompiledStateGraph[State, Context, State, State]


def asked_by(user_id: str) -> tuple[str, str]:
    """Name the list of a user in the store, where a server's takes no label with a full stop."""
    return ("asked", quote(user_id, safe="").replace(".", "%2E"))


def build_graph(parts: Callable[[], Parts], store: BaseStore | None = None) -> Graph:
    studies = build_study_graph().compile()

    def study(state: State) -> dict[str, Any]:  # noqa: ARG001 a node gets it
        context = parts().study
        with context.studying:
            return {"kept": studies.invoke({"round": 0}, context=context).get("kept", 0)}

    def talk(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        memory, shared = parts().study.store, [parts().study.namespace]
        agent = create_agent(
            parts().model,
            tools=memory_tools(memory, only=["quiz_me"], shared=shared),
            middleware=[IngrainedMiddleware(memory, only=["remember"], shared=shared)],
        )
        said = agent.invoke({"messages": [*state["messages"]]}, context=runtime.context)
        return {"messages": said["messages"]}

    def note(state: State, runtime: Runtime[Context]) -> None:
        if runtime.store is not None:
            asked, reply = state["messages"][0], state["messages"][-1]
            namespace = asked_by(runtime.context["user_id"])
            runtime.store.put(namespace, str(asked.id), {"text": asked.text, "reply": reply.text})

    builder = StateGraph(State, context_schema=Context)
    builder.add_node(study)
    builder.add_node(talk)
    builder.add_node(note)
    builder.add_edge(START, "study")
    builder.add_edge("study", "talk")
    builder.add_edge("talk", "note")
    builder.add_edge("note", END)
    return builder.compile(store=store, name="Host")


graph = build_graph(OpenedParts())
