"""`ingrained study`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .checking import check_home, check_paths
from .opening import Doors, doors, load_settings
from .options import Home, Json, Model
from .remarks import show_remarks
from .study_options import (
    Approve,
    Autonomy,
    BudgetTokens,
    Consolidate,
    DryRun,
    Every,
    ForgetDeleted,
    Judge,
    Method,
    Paths,
    Recipe,
    Reflect,
    Rounds,
    SealedExam,
    Seed,
    Trust,
    Votes,
    With,
    Without,
)

if TYPE_CHECKING:
    from ingrained.agent.exam import Exam
    from ingrained.graphs.context import StudyPolicy
    from ingrained.settings import Settings


def study(
    context: typer.Context,
    paths: Paths,
    home: Home = None,
    model: Model = None,
    rounds: Rounds = None,
    consolidate: Consolidate = False,
    every: Every = None,
    method: Method = None,
    recipe: Recipe = None,
    approve: Approve = False,
    budget_tokens: BudgetTokens = None,
    seed: Seed = None,
    forget_deleted: ForgetDeleted = False,
    trust: Trust = None,
    judge: Judge = False,
    reflect: Reflect = False,
    plus: With = None,
    minus: Without = None,
    autonomy: Autonomy = None,
    votes: Votes = None,
    exam: SealedExam = None,
    dry_run: DryRun = False,
    as_json: Json = False,
) -> None:
    """Study documents: quiz, remember what the quiz proves is needed, train if asked to."""
    from ingrained.agent.exam import read_exam
    from ingrained.agent.ui.console import show_json

    given = _given(
        rounds=rounds,
        budget_tokens=budget_tokens,
        seed=seed,
        trust=trust,
        consolidate=consolidate,
        every_documents=every,
        method=method,
        approve=approve,
        forget_deleted=forget_deleted,
        judge=judge,
        reflect=reflect,
        autonomy=autonomy,
        votes=votes,
        mechanisms=_mechanisms(plus or [], minus or []),
    )
    policy = _policy(given)
    changes = _recipe_changes(recipe)
    show_remarks(policy, plus=plus, minus=minus, recipe=changes)
    check_paths(paths)
    sealed = read_exam(exam) if exam else None
    settings = load_settings(home=home, model=model)
    check_home(paths, settings.home)
    if dry_run:
        if doors(context).model is None:
            _check_model(settings, policy)
        _show_plan(paths, settings, policy, sealed, recipe=changes, as_json=as_json)
        return
    options = {"home": home, "model": model, "recipe": recipe, **given}
    record = _study(paths, settings, policy, sealed, doors(context), options, changes)
    if as_json:
        show_json(record)
    else:
        _show(record)


def _given(**options: Any) -> dict[str, Any]:
    """Return the options by name; None for those that were not given."""
    return {name: None if value is False else value for name, value in options.items()}


def _mechanisms(plus: list[str], minus: list[str]) -> frozenset[str] | None:
    from ingrained.agent.mechanisms import chosen

    return chosen(plus=plus, minus=minus) if plus or minus else None


def _policy(given: dict[str, Any]) -> StudyPolicy:
    from ingrained.graphs.context import StudyPolicy
    from ingrained.memory.reflecting import IMPORTANCE_THRESHOLD

    named = {name: value for name, value in given.items() if value is not None}
    reflect = named.pop("reflect", False)
    return StudyPolicy(reflection_importance=IMPORTANCE_THRESHOLD if reflect else 0.0, **named)


def _recipe_changes(path: Path | None) -> dict[str, Any]:
    """Return what a file wants changed in the recipe, checked as far as the model need not be known."""
    from ingrained.trainer.recipe import LoraRecipe, read_settings

    changes = read_settings(path) if path else {}
    LoraRecipe().changed(changes)
    return changes


def _check_model(settings: Settings, policy: StudyPolicy) -> None:
    """Raise what the run would, of its model's name."""
    from ingrained.agent.models.factory import check_chat_model
    from ingrained.graphs.session import check_trainable

    check_trainable(settings, policy)
    check_chat_model(settings.model, settings)


def _show_plan(
    paths: list[Path],
    settings: Settings,
    policy: StudyPolicy,
    sealed: Exam | None,
    *,
    recipe: dict[str, Any],
    as_json: bool,
) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.plan import show_plan

    from .estimating import estimate

    plan = estimate(paths, policy, settings.home, sealed)
    plan["not_reckoned"] += ["recipe"] if recipe else []
    if as_json:
        show_json(plan)
    else:
        show_plan(plan)


def _study(
    paths: list[Path],
    settings: Settings,
    policy: StudyPolicy,
    sealed: Exam | None,
    behind: Doors,
    given: dict[str, Any],
    recipe: dict[str, Any],
) -> dict[str, Any]:
    from ingrained.agent.reading.corpus import read_corpus
    from ingrained.agent.ui.settings_lines import show_settings

    from .planning import known_documents
    from .recording import explain_settings
    from .studying import study_home

    # Nothing readable is an error that shall not wait for a model to load.
    read_corpus(paths, known=known_documents(settings.home))
    explained = explain_settings(settings, policy, given, recipe)
    show_settings(explained)
    _warn_of_purge(settings)
    return study_home(tuple(paths), settings, policy, sealed, behind, explained, recipe)


def _warn_of_purge(settings: Settings) -> None:
    """Tell of a purge that was cut short; a home that is not there yet has none."""
    from ingrained.agent.ui.console import notices
    from ingrained.graphs.erasing import NOTE

    if (settings.home / NOTE).is_file():
        notices().print(
            "A purge is not finished: `ingrained memory purge` finishes it.", style="yellow"
        )


def _show(record: dict[str, Any]) -> None:
    from ingrained.agent.ui.exam_table import show_exam
    from ingrained.agent.ui.summary import show_run

    show_run(record)
    if record["exam"]:
        show_exam(record["exam"])
