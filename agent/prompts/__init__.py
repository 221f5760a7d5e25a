"""Prompts are Markdown files with checked variables.

A file starts with a front matter line listing its variables, then one `# role` section per turn:

    ---
    variables: passage, question
    ---
    # system
    ...
    # user
    ...{{ passage }}...

Values are put in once and never scanned again, so text from a document cannot add a variable.
"""

from __future__ import annotations

import functools
import hashlib
import re
from dataclasses import dataclass
from importlib import resources

Messages = tuple[tuple[str, str], ...]
"""(role, content) pairs; roles are `system`, `user` and `assistant`."""

_VARIABLE = re.compile(r"\{\{ (\w+) \}\}")
_ROLE = re.compile(r"^# (system|user|assistant)$", re.MULTILINE)


@dataclass(frozen=True)
class Prompt:
    """A parsed prompt file."""

    name: str
    turns: Messages
    variables: frozenset[str]
    sha256: str
    """Hash of the file: the provenance of whatever the prompt produced."""

    def render(self, **values: str) -> Messages:
        """Fill in the variables.

        Raises:
            ValueError: the given names are not exactly the declared ones.
        """
        if values.keys() != self.variables:
            got, want = sorted(values), sorted(self.variables)
            raise ValueError(f"prompt {self.name!r} takes {want}, got {got}")
        return tuple((role, _fill(text, values)) for role, text in self.turns)


@functools.cache
def load(name: str) -> Prompt:
    """Read `prompts/NAME.md`.

    Raises:
        ValueError: the declared variables are not the used ones.
    """
    source = (resources.files(__package__) / f"{name}.md").read_text(encoding="utf-8")
    _, front, body = source.split("---\n", 2)
    declared = front.partition(":")[2].replace(",", " ").split()
    pieces = _ROLE.split(body)[1:]
    turns = tuple(
        (role, text.strip()) for role, text in zip(pieces[::2], pieces[1::2], strict=True)
    )
    used = {match for _, text in turns for match in _VARIABLE.findall(text)}
    if used != set(declared):
        raise ValueError(f"prompt {name!r} declares {sorted(declared)} but uses {sorted(used)}")
    digest = hashlib.sha256(source.encode()).hexdigest()
    return Prompt(name=name, turns=turns, variables=frozenset(used), sha256=digest)


def _fill(text: str, values: dict[str, str]) -> str:
    return _VARIABLE.sub(lambda match: values[match.group(1)], text)
