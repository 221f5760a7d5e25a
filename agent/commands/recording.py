"""The record of a study: watch its events, sum it up, keep it in the home."""

from __future__ import annotations

import dataclasses
import datetime
import time
from collections.abc import Callable, Mapping
from typing import Any

from ingrained.agent.mechanisms import MECHANISMS
from ingrained.agent.planning import brief
from ingrained.agent.report.records import save_run
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import Event, Home, StudyResult, run_study
from ingrained.memory.records import Memory
from ingrained.settings import Settings
from ingrained.trainer.recipe import default_recipe

EXAMPLES = 5


class Tally:
    """Keeps of the events what the record needs and the final state has not."""

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        self.changes: dict[str, list[dict[str, Any]]] = {
            "revised": [],
            "missing": [],
            "dropped": [],
        }
        """What happened to known documents, by event → the events' facts."""
        self.passages: dict[int, int] = {}
        """Round → passages it set out to study."""
        self.gate: dict[str, Any] | None = None

    @property
    def nothing_new(self) -> bool:
        """Whether every passage had been studied before."""
        return self.passages.get(1) == 0

    @property
    def nothing_to_do(self) -> bool:
        """Whether no round found a passage to study."""
        return self.nothing_new and not any(self.passages.values())

    def __call__(self, event: Event) -> None:
        """Take note of one event."""
        match event["phase"], event["event"]:
            case "plan", "document":
                self.documents.append({"id": event["id"], "passages": event["passages"]})
            case "plan", ("revised" | "missing" | "dropped") as name:
                facts = {k: v for k, v in event.items() if k not in ("phase", "event")}
                self.changes[name].append(facts)
            case "plan", "objective":
                self.passages[event["round"]] = event["passages"]
            case "trial", "gate":
                self.gate = {k: event[k] for k in ("version", "accepted", "waits", "reasons")}


def run_and_record(
    home: Home,
    context: StudyContext,
    on_event: Callable[[Event], None],
    *,
    explained: Mapping[str, Any],
    started: float,
) -> dict[str, Any]:
    """Run, or resume, a study and return its record, saved already.

    Args:
        home: Where.
        context: What to study, and with what.
        on_event: Told of each progress event.
        explained: What `explain_settings` says of the run.
        started: When, in POSIX seconds.
    """
    tally, before = Tally(), context.library.counts()["questions"]

    def watch(event: Event) -> None:
        tally(event)
        on_event(event)

    result = run_study(home, context, watch)
    record = _record(context, result, tally, before=before, started=started)
    record["settings"] = dict(explained)
    save_run(home.path, record)
    return record


def with_recipe(context: StudyContext, changes: Mapping[str, Any]) -> StudyContext:
    """Return the run with a recipe that differs from the default one; where nothing can be trained, as it is."""
    if not changes or context.base_path is None:
        return context
    recipe = default_recipe(context.base_path, context.policy.seed).changed(changes)
    return dataclasses.replace(context, recipe=recipe)


def _record(
    context: StudyContext, result: StudyResult, tally: Tally, *, before: int, started: float
) -> dict[str, Any]:
    state, counts = result.state, context.library.counts()
    memories = context.store.list(namespace=context.namespace)
    return {
        "started": datetime.datetime.fromtimestamp(started, datetime.UTC).isoformat(
            timespec="seconds"
        ),
        "seconds": time.time() - started,
        "resumed": result.resumed,
        "model": context.asker.name,
        "corpus": [str(path) for path in context.corpus],
        "documents": tally.documents,
        **tally.changes,
        "nothing_new": tally.nothing_new,
        "skipped": context.library.skipped(),
        "counts": counts,
        "accepted": counts["questions"] - before,
        "rounds": state.get("round", 0),
        "rejected": dict(state.get("rejected", {})),
        "kept": state.get("kept", 0),
        "memories": len(memories),
        "examples": examples([memory for memory in memories if memory.created >= started]),
        "scores": dict(state.get("scores", {})),
        "adapter": context.registry.active(),
        "gate": tally.gate,
        "planning": brief(context.library, context.asker.name),
        "stop": "nothing to do" if tally.nothing_to_do else state.get("stop", ""),
        "phases": result.meter.to_plain(),
        "tokens": result.meter.tokens,
    }


def examples(memories: list[Memory]) -> list[dict[str, Any]]:
    """Return a few things learnt: a question failed before, its answer, and the source.

    One memory per document in turn, so that no document fills the list.
    """
    by_document: dict[str, list[dict[str, Any]]] = {}
    for memory in memories:
        learnt = [one for one in memory.evidence if one.passed_after and not one.passed_before]
        if learnt and memory.spans:
            span = memory.spans[0]
            by_document.setdefault(span.document, []).append({
                "question": learnt[0].question, "answer": learnt[0].answer, "quote": span.quote,
                "document": span.document, "start": span.start, "end": span.end,
                "memory": memory.id,
            })  # fmt: skip
    longest = max(map(len, by_document.values()), default=0)
    turns = [rows[i] for i in range(longest) for rows in by_document.values() if i < len(rows)]
    return turns[:EXAMPLES]


def explain_settings(
    settings: Settings,
    policy: StudyPolicy,
    given: Mapping[str, Any],
    recipe: Mapping[str, Any],
) -> dict[str, dict[str, Any]]:
    """Return each setting's value and where it comes from: given, environment or default."""
    values = {
        "home": str(settings.home), "model": settings.model, "embedder": settings.embedder,
        "rounds": policy.rounds, "consolidate": policy.consolidate, "every_documents": policy.every_documents, "approve": policy.approve,
        "method": policy.method,
        "recipe": ", ".join(f"{name} {value}" for name, value in recipe.items()) or "as it is",
        "budget_tokens": policy.budget_tokens, "seed": policy.seed, "trust": policy.trust,
        "forget_deleted": policy.forget_deleted, "judge": policy.judge,
        "reflect": policy.reflection_importance > 0, "autonomy": policy.autonomy,
        "votes": policy.votes, "mechanisms": ", ".join(name for name in MECHANISMS if name in policy.mechanisms),
    }  # fmt: skip

    def origin(name: str) -> str:
        if given.get(name) is not None:
            return "given"
        return "environment" if name in settings.model_fields_set else "default"

    return {name: {"value": value, "origin": origin(name)} for name, value in values.items()}
