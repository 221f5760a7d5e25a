"""`ingrained mcp` in a process of its own, with doubles: `python mcp_child.py [OPTION ...]`.

Its model writes to standard output whenever it is asked, as no model should.
"""

from __future__ import annotations

import sys

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.testing import HashEmbedder


def noisy(prompt: str) -> str:
    """Answer from the notes in view, and be heard."""
    sys.stdout.write("noise\n")
    sys.stdout.flush()
    return "Pip" if "lives on the roof" in prompt else "I don't know."


if __name__ == "__main__":
    behind = Doors(model=ScriptedModel(script=noisy), embedder=HashEmbedder())
    sys.exit(run(["mcp", *sys.argv[1:]], behind))
