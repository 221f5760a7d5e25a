"""What was asked for on the command line and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingrained.graphs.context import StudyPolicy


def remarks(
    policy: StudyPolicy,
    *,
    plus: Sequence[str] | None,
    minus: Sequence[str] | None,
    recipe: Mapping[str, Any],
) -> Iterator[str]:
    """Yield a sentence for each choice that has no effect on a study.

    Args:
        policy: What the choices came to.
        plus: Mechanisms that were switched on by name.
        minus: Those that were switched off.
        recipe: What is to differ from the default recipe.
    """
    from ingrained.agent.mechanisms import DEFAULT_MECHANISMS
    from ingrained.graphs.context import StudyPolicy

    yield from (
        f"--with {name}: it is on already." for name in plus or () if name in DEFAULT_MECHANISMS
    )
    yield from (
        f"--without {name}: it is off already."
        for name in minus or ()
        if name not in DEFAULT_MECHANISMS
    )
    for name in ("metric-filter", "exact-filter"):
        if name in (plus or ()) and "round-trip" not in policy.mechanisms:
            yield f"--with {name}: without round-trip nothing is read again that it could weigh."
    if policy.votes != StudyPolicy().votes and "self-consistency" not in policy.mechanisms:
        yield "--votes: without self-consistency nothing votes."
    if not policy.consolidate:
        given = {
            "--approve": policy.approve,
            "--every": policy.every_documents,
            "--method": policy.method != StudyPolicy().method,
            "--recipe": recipe,
        }
        yield from (
            f"{option}: without --consolidate nothing is trained."
            for option, value in given.items()
            if value
        )
    if policy.autonomy == "high" and policy.rounds == 1:
        yield "--autonomy high: the model plans from the second round on; --rounds 2 has one."


def show_remarks(
    policy: StudyPolicy,
    *,
    plus: Sequence[str] | None,
    minus: Sequence[str] | None,
    recipe: Mapping[str, Any],
) -> None:
    """Show them on standard error."""
    from ingrained.agent.ui.console import line, notices

    for said in remarks(policy, plus=plus, minus=minus, recipe=recipe):
        notices().print(line(said, "yellow"))
