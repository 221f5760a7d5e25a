"""What a study's progress events say, one line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .console import many, percent

Event = Mapping[str, Any]


def describe(event: Event) -> str:
    """Return the line for an event, or nothing for one that is not worth a line."""
    teller = _TELLERS.get((str(event["phase"]), str(event["event"])))
    return teller(event) if teller else ""


def _objective(e: Event) -> str:
    if not e["passages"]:
        return f"Round {e['round']}: nothing new to read"
    return f"Round {e['round']}: {many(e['passages'], 'passage')} to study"


def _resumed(e: Event) -> str:
    return (
        f"Round {e['round']}, resumed where an earlier run was cut short: "
        f"{many(e['passages'], 'passage')} left, {e['kept']} kept so far"
    )


def _drafts(e: Event) -> str:
    return f"{e['phase']:<9} {e['asked']} asked for, {e['usable']} usable"


def _votes(e: Event) -> str:
    if not e["asked"] and not e["gaps"]:
        return ""
    fate = "answered from their passage" if e["read_again"] else "fit to be asked"
    more = {
        "gaps": f"{many(e['gaps'], 'gap')} to fill",
        "quoting": f"{e['quoting']} quote it at length",
        "guessed": f"{e['guessed']} of all guessed without their topic or borne out by no quote",
    }
    tried = [f"{e['hopeful']} of {e['asked']} {fate}"] if e["asked"] else []
    return f"attempt   {', '.join([*tried, *(said for name, said in more.items() if e[name])])}"


def _verdicts(e: Event) -> str:
    gap, known, doubt = (e.get(name, 0) for name in ("gap", "known", "doubt"))
    if not gap + known + doubt:
        return ""
    return f"grade     {gap} to be learnt, {known} known already, {doubt} in doubt"


def _settled(e: Event) -> str:
    return f"reflect   {e['kept']} of {e['doubtful']} in doubt settled" if e["doubtful"] else ""


def _faded(e: Event) -> str:
    return f"forget    {many(e['forgotten'], 'memory', 'memories')}" if e["forgotten"] else ""


def _revised(e: Event) -> str:
    others = {"thinned": "lost one source of several", "returned": "came back"}
    more = "".join(f", {e[name]} {said}" for name, said in others.items() if e[name])
    counts = f"{many(e['kept'], 'memory', 'memories')} kept, {e['superseded']} superseded{more}"
    return f"changed   {e['id']}: {counts}"


def _missing(e: Event) -> str:
    if not e["memories"]:
        return f"gone      {e['id']} is no longer there, no memory rests on it"
    rest = "memory rests" if e["memories"] == 1 else "memories rest"
    hint = "`study --forget-deleted` forgets what rests on nothing else"
    return f"gone      {e['id']} is no longer there, {e['memories']} {rest} on it; {hint}"


def _dropped(e: Event) -> str:
    kept = e["thinned"] + e["pinned"]
    why = f", {kept} kept: pinned, or also in another document" if kept else ""
    gone = many(e["forgotten"], "memory", "memories")
    return f"forget    {e['id']} is no longer there: {gone} forgotten{why}"


def _insights(e: Event) -> str:
    changed = "".join(f", {e[name]} {name}" for name in ("renewed", "forgotten") if e[name])
    return f"derive    {e['kept']} of {many(e['groups'], 'insight')} kept{changed}"


def _gate(e: Event) -> str:
    return f"gate      {gate_said(e)}"


def gate_said(gate: Mapping[str, Any]) -> str:
    """Return what the gate said of a version, and what to do if somebody has to approve."""
    version, reasons = gate["version"], "; ".join(str(reason) for reason in gate["reasons"])
    decision = "promoted" if gate["accepted"] else "rejected"
    if gate.get("waits"):
        decision = f"passed and waits for you (`ingrained adapters promote {version}`)"
    return f"{version} {decision}" + (f": {reasons}" if reasons else "")


def _decided(e: Event) -> str:
    why = f": {e['reason']}" if e["reason"] else ""
    return f"promote   {e['version']} {'approved' if e['approved'] else 'rejected'}{why}"


def _stage(e: Event) -> str:
    facts = "".join(f", {fact_said(name, value)}" for name, value in e["facts"].items())
    return f"stage     {e['name']}: {many(e['rows'], 'row')}{sealed_said(e['sealed'])}{facts}"


def sealed_said(share: float | None) -> str:
    """Return what a stage answers of the sealed questions, if there are any."""
    return "" if share is None else f", sealed {percent(share)}"


def fact_said(name: str, value: float) -> str:
    """Return what a stage tells of itself: a count, or a share."""
    return f"{name.replace('_', ' ')} {value if isinstance(value, int) else f'{value:.2f}'}"


def statements_said(told: Mapping[str, Any]) -> str:
    """Return what became of the statements, or the questions, that were asked for, as an adapter's manifest has it."""
    made, rejected = told["made"], told["rejected"]
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in made.items())
    why = ", ".join(f"{reason} {count:,}" for reason, count in rejected.items())
    left = f"; {sum(rejected.values()):,} not used ({why})" if rejected else ""
    return f"{sum(made.values()):,} ({kinds}){left}; {told['tokens']:,} tokens to ask for them"


def _rows(e: Event) -> str:
    line = f"train     {many(e['rows'], 'row')} from {many(e['memories'], 'memory', 'memories')}"
    more = (
        f", {what}: {statements_said(told)}"
        for what in ("questions", "statements")
        if (told := e.get(what))
    )
    return line + "".join(more)


def _known(e: Event) -> str:
    version, fate = e["version"], "rejected by the gate"
    if e.get("refused"):
        fate = f"rejected: {e['refused']} (`ingrained adapters trial {version}` judges it anew)"
    if e["decision"] == "candidate":
        fate = f"let through by the gate and waits for you (`ingrained adapters promote {version}`)"
    if e["decision"] == "promoted":
        again = f"no longer in use (`ingrained adapters promote {version}` takes it up again)"
        fate = f"promoted and is {'in use' if e['active'] else again}"
    return f"train     nothing new: {version} was made of the same memories, it was {fate}"


def _scores(e: Event) -> str:
    if not e["sealed"]:
        return "examine   no sealed questions yet"
    cells = ", ".join(
        f"{cell} {percent(e[cell])}" for cell in ("base", "memory", "adapter", "both") if cell in e
    )
    return f"examine   {many(e['sealed'], 'sealed question')}: {cells}"


_TELLERS: dict[tuple[str, str], Callable[[Event], str]] = {
    ("run", "resumed"): _resumed,
    ("plan", "objective"): _objective,
    ("plan", "document"): lambda e: f"document  {e['id']}: {many(e['passages'], 'new passage')}",
    ("plan", "revised"): _revised,
    ("plan", "missing"): _missing,
    ("plan", "dropped"): _dropped,
    ("plan", "purged"): lambda e: (
        f"purged    {e['id']}: {many(e['stretches'], 'stretch', 'stretches')} left out"
    ),
    ("read", "notes"): lambda e: (
        f"read      {many(e['passages'], 'passage')}, {many(e['notes'], 'candidate note')}"
    ),
    ("quiz", "drafts"): _drafts,
    ("vary", "drafts"): _drafts,
    ("attempt", "votes"): _votes,
    ("grade", "verdicts"): _verdicts,
    ("reflect", "settled"): _settled,
    ("remember", "kept"): lambda e: f"remember  {e['kept']} of {many(e['notes'], 'note')} kept",
    ("forget", "faded"): _faded,
    ("derive", "insights"): _insights,
    ("consolidate", "rows"): _rows,
    ("consolidate", "stage"): _stage,
    ("consolidate", "known"): _known,
    ("trial", "gate"): _gate,
    ("promote", "decided"): _decided,
    ("examine", "scores"): _scores,
}
