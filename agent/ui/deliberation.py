"""How an answer came about that took several calls."""

from __future__ import annotations

from rich.console import Console

from ingrained.agent.citing import Answer

from .console import line, notices


def show_step(step: str, votes: int = 1) -> None:
    """Say what is being done where an answer takes its time."""
    told = {
        "vote": f"{votes} replies vote on the answer …",
        "refine": "The model looks over its answer …",
    }
    notices().print(line(told[step], "dim"))


def show_deliberation(answer: Answer, console: Console, *, whole: bool = False) -> None:
    """Show the share of the votes and whether the answer was refined, if that was asked for.

    Args:
        answer: Whose.
        console: Where to.
        whole: Show the feedback, and the answer before it, as well.
    """
    if answer.confidence is not None:
        agreed = round(answer.confidence * answer.votes)
        voted = "the answer before it was refined" if answer.refined else "this answer"
        told = f"{agreed} of {answer.votes} votes for {voted}: confidence {answer.confidence:.2f}."
        console.print(told, style="dim", soft_wrap=True)
    if answer.refined:
        console.print("Refined after feedback of the model's own.", style="dim")
    elif answer.unrefined:
        console.print(f"Not refined: {answer.unrefined}.", style="dim", soft_wrap=True)
    for label, text in {"Before": answer.draft, "Feedback": answer.feedback}.items():
        if whole and text:
            console.print(line(f"{label}: “{text}”", "dim"), soft_wrap=True)
