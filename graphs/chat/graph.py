"""The graph of a conversation: wiring only."""

from __future__ import annotations

from collections.abc import Hashable

from langgraph.graph import END, START, StateGraph

from ingrained.graphs.chat import nodes
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.resuming import kept, replied, resumable
from ingrained.graphs.chat.running import CHAT
from ingrained.graphs.chat.state import ChatInput, ChatOutput, ChatState
from ingrained.graphs.retrying import AGAIN
from ingrained.graphs.running import RUN_CONTEXT, RunContext


def build_chat_graph(
    *opened: ChatContext,
) -> StateGraph[ChatState, ChatContext | RunContext, ChatInput, ChatOutput]:
    """Return the uncompiled graph of one turn of a conversation.

    recall → answer → check → keep → remember; refine after answer, if the context says so; at the
    end summarise, when the window has become too long, and portray, when a day is over.
    With a checkpointer the conversation of a thread goes on from turn to turn, and a turn that was cut
    short where it was.

    Args:
        opened: What its runs work with where their context is data; see `running.RunContext`.
    """
    within = CHAT.within(opened)
    graph = StateGraph(
        ChatState, context_schema=RUN_CONTEXT, input_schema=ChatInput, output_schema=ChatOutput
    )
    graph.add_node("recall", within(nodes.recall), retry_policy=AGAIN)
    graph.add_node("answer", within(resumable(nodes.answer, nodes.recall)))
    graph.add_node(
        "refine", within(resumable(nodes.refine, nodes.recall, nodes.answer)), retry_policy=AGAIN
    )
    graph.add_node("check", within(resumable(nodes.check, nodes.recall, replied)))
    graph.add_node("keep", within(resumable(nodes.keep, nodes.recall, replied, nodes.check)))
    graph.add_node("remember", within(resumable(nodes.remember, kept)))
    graph.add_node("summarise", within(resumable(nodes.summarise, kept)), retry_policy=AGAIN)
    graph.add_node("portray", within(resumable(nodes.portray, kept)), retry_policy=AGAIN)

    graph.add_edge(START, "recall")
    graph.add_edge("recall", "answer")
    graph.add_conditional_edges(
        "answer", within(nodes.after_answer), {True: "refine", False: "check"}
    )
    graph.add_edge("refine", "check")
    graph.add_edge("check", "keep")
    graph.add_edge("keep", "remember")
    ends: dict[Hashable, str] = {"summarise": "summarise", "portray": "portray", "end": END}
    graph.add_conditional_edges("remember", within(nodes.after_remember), ends)
    graph.add_conditional_edges("summarise", within(nodes.after_summarise), ends)
    graph.add_edge("portray", END)
    return graph
