"""A document changes: the second study takes the old fact out of recall, and the answer is another.

    python examples/changing_document.py

Only what the edit touches is studied anew. The old memory is not lost: it is superseded, with the time
from which it no longer held and the memory that took its place. The model and the embedder are doubles,
so that it runs without weights: leave both out of `Ingrained(...)`, and those of the settings are loaded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingrained import Ingrained
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

PAGE = """# The Orlan Bridge

Mara Vint keeps the Orlan Bridge. Its keystone weighs 700 kilograms.
"""
QUESTION = "Who keeps the Orlan Bridge?"
KEEPERS = ("Mara Vint", "Ostap Reel")


def pupil(prompt: str) -> str:
    """Say what a small model might: ask one good question, answer it only with the text in view."""
    if "You write quiz questions" in prompt:
        wanted = prompt.rsplit("Topic:", 1)[-1]
        return QUESTION if any(f"Answer: {name}" in wanted for name in KEEPERS) else "What?"
    in_view = [name for name in KEEPERS if f"{name} keeps" in prompt]
    return in_view[0] if in_view and prompt.rstrip().endswith(QUESTION) else "I don't know."


def main(folder: Path) -> None:
    page = folder / "pages" / "bridge.md"
    page.parent.mkdir()

    model, embedder = ScriptedModel(script=pupil), HashEmbedder()
    with Ingrained(folder / "home", model=model, embedder=embedder) as agent:
        for text in (PAGE, PAGE.replace(*KEEPERS)):
            page.write_text(text, encoding="utf-8")
            report = agent.study(page.parent)
            print(f"{report.kept} kept. {QUESTION} {agent.ask(QUESTION).reply}")

        (old,) = agent.memory.list(status="superseded")
        new = agent.memory.get(old.superseded_by or "")
        print(f"superseded: {old.text!r}")
        print(f"        by: {new.text!r}")
        for event in agent.memory.history(old.id):
            print(f"   history: {event.kind} by {event.who}: {event.why}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
