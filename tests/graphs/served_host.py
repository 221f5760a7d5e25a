"""The graph of examples/host_app with its own doubles, as a server loads it in a process of its own."""

from __future__ import annotations

import atexit
import functools
import importlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import ingrained.agent
from ingrained import Settings
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs import StudyPolicy, open_study
from ingrained.memory.testing import HashEmbedder

host: Any = importlib.import_module("agent")
doubles: Any = importlib.import_module("agent.__main__")
graphs: Any = importlib.import_module("agent.graph")
parts: Any = importlib.import_module("agent.parts")

_resources = ExitStack()
atexit.register(_resources.close)


@functools.cache
def _parts() -> Any:
    settings = Settings()
    assert settings.corpus is not None
    study = open_study(
        settings, (settings.corpus,), StudyPolicy(),
        model=ScriptedModel(script=doubles.pupil), embedder=HashEmbedder(),
    )  # fmt: skip
    model = ScriptedModel(script=doubles.host)
    return parts.Parts(model=model, study=_resources.enter_context(study))


assert Path(host.__file__).parent != Path(ingrained.agent.__file__).parent
graph = graphs.build_graph(_parts)
