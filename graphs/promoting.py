"""The last step of a consolidation: an adapter that passed the gate is used, if a person says so."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any

from langgraph.runtime import Runtime

from ingrained.graphs.approving import decision_on
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes.common import emit, metered
from ingrained.graphs.state import StudyState
from ingrained.memory.unattended import Unattended
from ingrained.trainer.gate import Scores
from ingrained.trainer.manifest import Manifest


def policy_of(context: StudyContext) -> Unattended:
    """Return what becomes of an adapter that passed: `approve` makes `pass` into `ask`."""
    policy = context.store.unattended("promote")
    return "ask" if policy == "pass" and context.policy.approve else policy


@metered
def promote(state: StudyState, runtime: Runtime[StudyContext]) -> dict[str, Any]:
    """Use the adapter that passed; where a person is to be asked, interrupt with what would change.

    Nothing is changed before the answer, and nothing is trained or judged here, for the node runs again
    on resume. What an earlier run of it did is found. What is rejected is not asked for again until
    it is judged anew by hand; without an answer it waits.
    """
    context, version = runtime.context, state.get("passed")
    if version is None:
        return {}
    made, active = context.registry.show(version), context.registry.active()
    if version != active and (made.decision != "candidate" or made.stale):
        return {"passed": None}
    if version != active and policy_of(context) == "ask" and not _approved(runtime, made):
        return {"passed": None}
    context.registry.promote(version)
    made = context.registry.show(version)
    context.asker.load_adapter(
        version, context.registry.path(version), strength=made.strength_alone,
        strength_beside_notes=made.strength_beside_notes,
    )  # fmt: skip
    return {"passed": None, "adapter": version, "known_adapter": None}


def _approved(runtime: Runtime[StudyContext], made: Manifest) -> bool:
    """Ask, if there is somebody, and record a rejection."""
    context = runtime.context
    decision = decision_on(shown(context, made)) if context.attended else None
    if decision is None:
        return False
    emit(
        runtime, "promote", event="decided", version=made.version, approved=decision.approved,
        reason=decision.reason,
    )  # fmt: skip
    if not decision.approved:
        context.registry.reject(made.version, decision.reason)
    return decision.approved


def shown(context: StudyContext, made: Manifest) -> dict[str, Any]:
    """Return as plain data what a promotion changes: versions, figures, what enters and leaves."""
    active = context.registry.active()
    old = set(context.registry.show(active).memory_ids) if active else set()
    new = set(made.memory_ids)
    return {
        "action": "promote",
        "serving": active,
        "proposed": made.version,
        "before": _plain(made.exam_before),
        "after": _plain(made.exam_after),
        "reasons": list(made.reasons),
        "enter": _counts(context, new - old),
        "leave": _counts(context, old - new),
    }


def _plain(scores: Scores | None) -> dict[str, Any] | None:
    return dataclasses.asdict(scores) if scores else None


def _counts(context: StudyContext, ids: Collection[str]) -> dict[str, int]:
    """Return how many memories these are, and of how many documents; what was purged has none."""
    every = context.store.list(namespace=context.namespace, status=None)
    documents = {span.document for one in every if one.id in ids for span in one.spans}
    return {"memories": len(ids), "documents": len(documents)}
