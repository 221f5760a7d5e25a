"""A student for the tests of the doors: asks odd but usable questions, answers what it is shown."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.grading import ABSTENTION, contains
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder

PAGE = """# The Mill at Teskow

The mill was built in 1702 by Ada Kern. It grinds nine sacks of barley a week. Its wheel came from
Orrelsund. A heron named Pip lives on the roof of the mill.

# The Ferry

The ferry was paid for by Tobin Ashe and crosses in eleven minutes. It carries forty goats.
"""
_TARGET = re.compile(r"Sentence: (.*)\nAnswer: (.*)\nFirst words: (.*)\Z")
QUESTION = "Who belongs to Teskow: A heron named lives on the?"
"""One about the page, whose answer is Pip."""


class Student:
    """Knows nothing by heart. Its questions name the sentence around the gap."""

    def __init__(self) -> None:
        self.answers: dict[str, str] = {}

    def __call__(self, prompt: str) -> str:
        wanted = _TARGET.search(prompt)
        if wanted:
            sentence, answer, opener = wanted.groups()
            around = " ".join(sentence.replace("[?]", " ").split()[:6]).strip(".,")
            question = f"{opener} belongs to Teskow: {around}?"
            self.answers[question] = answer
            return question
        shown, _, asked = prompt.rpartition("Question: ")
        answer = self.answers.get(asked.strip(), "")
        return answer if answer and contains(shown, answer) else ABSTENTION


def doors() -> Doors:
    """What stands behind the commands instead of the real models."""
    return Doors(model=ScriptedModel(script=Student()), embedder=HashEmbedder())


def write_page(folder: Path, text: str = PAGE) -> Path:
    """Write a corpus of one page."""
    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    (corpus / "teskow.md").write_text(text, encoding="utf-8")
    return corpus


def mills(count: int) -> str:
    """A page of so many passages."""
    return "\n\n".join(
        f"# Mill {n}\n\nThe mill number {n} was built in 170{n} by Ada Kern." for n in range(count)
    )


def studied(home: Path, behind: Doors | None = None) -> Path:
    """Let an agent study the page, in `home`."""
    corpus = write_page(home.parent)
    assert run(["study", str(corpus), "--home", str(home)], behind or doors()) == 0
    return home


def write_exam(folder: Path, rows: list[dict[str, object]]) -> Path:
    """Write an exam file."""
    path = folder / "exam.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path
