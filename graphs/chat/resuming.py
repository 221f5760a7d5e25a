"""How a turn that was cut short goes on: what no checkpoint holds of it is worked out anew.

A turn's question, excerpts and reply are stored nowhere, so a node that is resumed finds none of them.
"""

from __future__ import annotations

import functools
from typing import Any, Protocol, cast

from langgraph.runtime import Runtime

from ingrained.graphs.chat import nodes
from ingrained.graphs.chat.context import ChatContext
from ingrained.graphs.chat.state import ChatState


class Node(Protocol):
    """A node of the conversation's graph, which is called by the names of what it takes."""

    def __call__(self, state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
        """Return what changes."""


def resumable(node: Node, *before: Node) -> Node:
    """Return a node that runs first, in a resumed turn, what ran before it.

    Args:
        node: Of the graph.
        before: What it rests on, in order; their results are the turn's again.
    """

    @functools.wraps(node)
    def resumed(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
        done = {} if "question" in state else _results(before, state, runtime)
        return {**done, **node(cast("ChatState", {**state, **done}), runtime)}

    return resumed


def replied(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Reply again, and look over the reply where the context says so."""
    done = nodes.answer(state, runtime)
    whole = cast("ChatState", {**state, **done})
    if nodes.after_answer(whole, runtime):
        done |= nodes.refine(whole, runtime)
    return done


def kept(state: ChatState, runtime: Runtime[ChatContext]) -> dict[str, Any]:
    """Take the reply from the conversation, where the turn is the last; a withheld one is asked for again."""
    turns = state.get("turns", [])
    if not turns or turns[-1]["user"] != runtime.context.question:
        return _results((nodes.recall, replied, nodes.check), state, runtime)
    before = cast("ChatState", {**state, "turns": turns[:-1]})
    given: dict[str, Any] = {"reply": turns[-1]["agent"], "kept": True}
    done = {**nodes.recall(before, runtime), **given}
    return {**done, **nodes.check(cast("ChatState", {**state, **done}), runtime)}


def _results(
    before: tuple[Node, ...], state: ChatState, runtime: Runtime[ChatContext]
) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for one in before:
        done |= one(cast("ChatState", {**state, **done}), runtime)
    return done
