"""The study graph: wiring only."""

from __future__ import annotations

import itertools

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from ingrained.agent.reflecting import reflection_due
from ingrained.graphs.consolidate import build_consolidation_graph
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes import acquire, attempt, evaluate, objective, refine, update
from ingrained.graphs.nodes.derive import derive
from ingrained.graphs.retrying import AGAIN
from ingrained.graphs.running import RUN_CONTEXT, STUDY, RunContext
from ingrained.graphs.state import StudyInput, StudyOutput, StudyState


def build_study_graph(
    *opened: StudyContext,
) -> StateGraph[StudyState, StudyContext | RunContext, StudyInput, StudyOutput]:
    """Return the uncompiled graph of one study.

    plan → read → quiz → attempt → grade → reflect → vary → attempt → grade → reflect → remember →
    forget, again until the round's passages are done, then (derive →) (consolidate →) examine, then
    the next round or the end. With `every_documents` consolidate → examine comes in between as well.

    Args:
        opened: What its runs work with where their context is data; see `running.RunContext`.
    """
    within = STUDY.within(opened)
    graph = StateGraph(
        StudyState,
        context_schema=RUN_CONTEXT,
        input_schema=StudyInput,
        output_schema=StudyOutput,
    )
    graph.add_node("plan", within(objective.plan), retry_policy=AGAIN)
    graph.add_node("read", within(acquire.read), retry_policy=AGAIN)
    graph.add_node("quiz", within(acquire.quiz), retry_policy=AGAIN)
    graph.add_node("attempt", within(attempt.attempt), retry_policy=AGAIN)
    graph.add_node("grade", within(refine.grade), retry_policy=AGAIN)
    graph.add_node("reflect", within(refine.reflect), retry_policy=AGAIN)
    graph.add_node("vary", within(acquire.vary), retry_policy=AGAIN)
    graph.add_node("remember", within(update.remember), retry_policy=AGAIN)
    graph.add_node("forget", within(update.forget), retry_policy=AGAIN)
    graph.add_node("derive", within(derive), retry_policy=AGAIN)
    graph.add_node("consolidate", build_consolidation_graph(*opened).compile())
    graph.add_node("examine", within(evaluate.examine), retry_policy=AGAIN)

    graph.add_edge(START, "plan")
    graph.add_conditional_edges("plan", within(after_plan), ["read", "consolidate", "examine"])
    for here, there in itertools.pairwise(_CYCLE):
        graph.add_edge(here, there)
    graph.add_conditional_edges("reflect", after_reflect, ["vary", "remember"])
    graph.add_edge("vary", "attempt")
    graph.add_edge("remember", "forget")
    graph.add_conditional_edges(
        "forget", within(after_forget), ["plan", "derive", "consolidate", "examine"]
    )
    graph.add_conditional_edges("derive", within(after_derive), ["consolidate", "examine"])
    graph.add_conditional_edges("consolidate", after_consolidate, ["examine", END])
    graph.add_conditional_edges("examine", within(after_examine), ["plan", "consolidate", END])
    return graph


_CYCLE = ("read", "quiz", "attempt", "grade", "reflect")


def after_reflect(state: StudyState) -> str:
    """Vary what was accepted, once, and try that too."""
    return "remember" if state["varied"] else "vary"


def after_plan(state: StudyState, runtime: Runtime[StudyContext]) -> str:
    """Study the passages in hand; with none, finish the round."""
    if state.get("batch"):
        return "read"
    context = runtime.context
    last = state["round"] >= context.policy.rounds
    return "consolidate" if last and _wants_adapter(state, context) else "examine"


def after_forget(state: StudyState, runtime: Runtime[StudyContext]) -> str:
    """Go on with the round's passages unless the budget is spent; then reflect when it is due."""
    context = runtime.context
    if state.get("queue") and not context.out_of_budget:
        return "consolidate" if _is_due(state, context) else "plan"
    if not context.out_of_budget and reflection_due(
        context.store,
        threshold=context.policy.reflection_importance,
        namespace=context.namespace,
    ):
        return "derive"
    return after_derive(state, runtime)


def after_derive(state: StudyState, runtime: Runtime[StudyContext]) -> str:
    """Train in the last round if that is wanted, and examine."""
    context = runtime.context
    last = context.out_of_budget or state["round"] >= context.policy.rounds
    return "consolidate" if last and _wants_adapter(state, context) else "examine"


def after_examine(state: StudyState, runtime: Runtime[StudyContext]) -> str:
    """Stop, or take up what is weak; what was mastered early is still consolidated."""
    if not state.get("stop"):
        return "plan"
    return "consolidate" if _wants_adapter(state, runtime.context) else END


def after_consolidate(state: StudyState) -> str:
    """Examine what changed; where nothing was trained, the last examination stands."""
    return END if state.get("known_adapter") and state.get("stop") else "examine"


def _is_due(state: StudyState, context: StudyContext) -> bool:
    """Return whether enough documents were read to their end to consolidate within the run."""
    every = context.policy.every_documents
    if every is None or not _wants_adapter(state, context):
        return False
    return context.library.finished() - state.get("documents_then", 0) >= every


def _wants_adapter(state: StudyState, context: StudyContext) -> bool:
    """Consolidate what was studied since the last time, if there is anything in memory."""
    if not context.policy.consolidate or state.get("consolidated"):
        return False
    return bool(context.store.list(namespace=context.namespace, limit=1))
