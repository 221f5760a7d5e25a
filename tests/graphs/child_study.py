"""A study in a process of its own: `python child_study.py HOME CORPUS PHASE EVENT`.

When its second batch of one passage comes to that event, it says so and waits for a line. The event
`question` of `quiz` is the model being asked for one.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

from bridge import reader

from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import Home, open_study, run_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings


class Held:
    """Listens to a study and holds it at one event of its second batch."""

    def __init__(self, phase: str, event: str) -> None:
        self._where = (phase, event)
        self._batch = 0
        self._turn = threading.Lock()
        self._waited = False

    def __call__(self, event: dict[str, Any]) -> None:
        here = (event["phase"], event["event"])
        with self._turn:  # the model is asked by several threads
            self._batch += here == ("read", "start")
            if here == self._where and self._batch == 2 and not self._waited:
                self._waited = True
                sys.stdout.write("held\n")
                sys.stdout.flush()
                sys.stdin.readline()

    def reply(self, prompt: str) -> str:
        if "First words:" in prompt:
            self({"phase": "quiz", "event": "question"})
        return reader(prompt)


def main(home: str, corpus: str, phase: str, event: str) -> None:
    held, settings = Held(phase, event), Settings(home=Path(home))
    with open_study(
        settings,
        (Path(corpus),),
        StudyPolicy(batch_passages=1),
        model=ScriptedModel(script=held.reply),
        embedder=HashEmbedder(),
    ) as context:
        run_study(Home(settings.home), context, held)


if __name__ == "__main__":
    main(*sys.argv[1:])
