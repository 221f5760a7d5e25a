"""Study a folder with the Python API and ask about it.

    python examples/study_folder.py

What comes with an answer is where it is from: the document and the place in it, to the character. The
model and the embedder are doubles, so that it runs without weights: leave both out of `Ingrained(...)`,
and those of the settings are loaded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from ingrained import Ingrained
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

PAGES = {
    "bridge.md": "# The bridge\n\nMara Vint built the Orlan Bridge. It has seven arches.\n",
    "mill.txt": "Ada Kern built the Teskow Mill. It grinds rye and oats.\n",
}
QUESTIONS = {"Mara Vint": "Who built the Orlan Bridge?", "Ada Kern": "Who built the Teskow Mill?"}


def pupil(prompt: str) -> str:
    """Say what a small model might: ask who built what, answer only what it has in view."""
    if "You write quiz questions" in prompt:
        wanted = prompt.rsplit("Topic:", 1)[-1]
        asked = (text for name, text in QUESTIONS.items() if f"Answer: {name}" in wanted)
        return next(asked, "What?")
    for name, question in QUESTIONS.items():
        if prompt.rstrip().endswith(question) and f"{name} built" in prompt:
            return name
    return "I don't know."


def main(folder: Path) -> None:
    pages = folder / "pages"
    pages.mkdir()
    for name, text in PAGES.items():
        (pages / name).write_text(text, encoding="utf-8")

    model, embedder = ScriptedModel(script=pupil), HashEmbedder()
    with Ingrained(folder / "home", model=model, embedder=embedder) as agent:
        report = agent.study(pages)
        print(f"{report.kept} memories kept; ended: {report.stop}")
        for question in QUESTIONS.values():
            answer = agent.ask(question)
            source = answer.sources[0]
            print(f"{question} {answer.reply}")
            print(f"  {source.document}, {source.start} to {source.end}: {source.quote!r}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        main(Path(folder))
