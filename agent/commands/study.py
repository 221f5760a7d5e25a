"""`ingrained study`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ingrained.errors import CorpusError

from .opening import Doors, doors, load_settings
from .options import Home, Json, Model

if TYPE_CHECKING:
    from ingrained.agent.exam import Exam
    from ingrained.graphs.context import StudyPolicy
    from ingrained.settings import Settings


def study(
    context: typer.Context,
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files or folders.")],
    home: Home = None,
    model: Model = None,
    rounds: Annotated[
        int | None, typer.Option(help="Rounds; later ones take up what is weak.  [default: 1]")
    ] = None,
    consolidate: Annotated[
        bool, typer.Option("--consolidate", help="Train an adapter on what was remembered.")
    ] = False,
    budget_tokens: Annotated[
        int | None, typer.Option(help="Stop when so many tokens are used.  [default: no limit]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all sampling.  [default: 0]")] = None,
    forget_deleted: Annotated[
        bool,
        typer.Option(
            "--forget-deleted", help="Forget what rests only on documents that were deleted."
        ),
    ] = False,
    trust: Annotated[
        float | None,
        typer.Option(help="Trust in what these documents say, 0 to 1.  [default: 1]"),
    ] = None,
    judge: Annotated[
        bool,
        typer.Option("--judge", help="Let what contradicts an older document take its place."),
    ] = False,
    reflect: Annotated[
        bool, typer.Option("--reflect", help="Draw insights when enough new is in memory.")
    ] = False,
    exam: Annotated[
        Path | None, typer.Option("--exam", help="Afterwards sit this sealed exam.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only read and estimate: no model, nothing written.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Study documents: quiz, remember what the quiz proves is needed, train if asked to."""
    from ingrained.agent.exam import read_exam
    from ingrained.agent.ui.console import show_json
    from ingrained.graphs.context import StudyPolicy
    from ingrained.memory.reflecting import IMPORTANCE_THRESHOLD

    given: dict[str, Any] = {
        "rounds": rounds,
        "budget_tokens": budget_tokens,
        "seed": seed,
        "trust": trust,
    }
    policy = StudyPolicy(
        consolidate=consolidate,
        forget_deleted=forget_deleted,
        judge=judge,
        reflection_importance=IMPORTANCE_THRESHOLD if reflect else 0.0,
        **{name: v for name, v in given.items() if v is not None},
    )
    _check_paths(paths)
    sealed = read_exam(exam) if exam else None
    settings = load_settings(home=home, model=model)
    _check_home(paths, settings)
    if dry_run:
        if doors(context).model is None:
            _check_model(settings, policy)
        _show_plan(paths, settings, policy, sealed, as_json=as_json)
        return
    options = {"home": home, "model": model, "consolidate": consolidate or None, **given}
    record = _study(paths, settings, policy, sealed, doors(context), options)
    if as_json:
        show_json(record)
    else:
        _show(record)


def _check_paths(paths: list[Path]) -> None:
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise CorpusError(
            f"no such file or folder: {', '.join(missing)}", hint="Check the path of the corpus."
        )


def _check_home(paths: list[Path], settings: Settings) -> None:
    """Refuse a corpus that the agent would live in: an agent's home is not read."""
    if settings.home.resolve() in [path.resolve() for path in paths]:
        raise CorpusError(
            f"{str(settings.home)!r} cannot be both the agent's home and what it studies",
            hint="Give the agent a folder of its own with --home.",
        )


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
    as_json: bool,
) -> None:
    from ingrained.agent.ui.console import show_json
    from ingrained.agent.ui.plan import show_plan

    from .estimating import estimate

    plan = estimate(paths, policy, settings.home, sealed)
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
) -> dict[str, Any]:
    from ingrained.agent.reading.corpus import read_corpus
    from ingrained.agent.ui.settings_lines import show_settings

    from .studying import explain_settings, study_home

    read_corpus(paths)  # Nothing readable is an error that shall not wait for a model to load.
    explained = explain_settings(settings, policy, given)
    show_settings(explained)
    return study_home(tuple(paths), settings, policy, sealed, behind, explained)


def _show(record: dict[str, Any]) -> None:
    from ingrained.agent.ui.exam_table import show_exam
    from ingrained.agent.ui.summary import show_run

    show_run(record)
    if record["exam"]:
        show_exam(record["exam"])
