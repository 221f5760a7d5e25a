"""The error tree: as drawn, each class with a meaning, an exit code and, where there is one, a way out."""

import re

import pytest

from ingrained import errors
from ingrained.errors import (
    CorpusError,
    FetchError,
    HomeBusyError,
    IngrainedError,
)

CLASSES = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, Exception)
]


def drawn_tree() -> dict[str, str]:
    """Class name to the name of its parent, read from the drawing in the module's docstring."""
    parents: dict[str, str] = {}
    path: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        if found := re.match(r"[\s│├└─]*([A-Z]\w+Error)\b", line):
            column, name = found.start(1), found.group(1)
            path = [step for step in path if step[0] < column]
            parents[name] = path[-1][1] if path else "Exception"
            path.append((column, name))
    return parents


def test_the_drawing_in_the_docstring_is_the_tree():
    assert {error.__name__: error.__base__.__name__ for error in CLASSES} == drawn_tree()


@pytest.mark.parametrize(("name", "code"), re.findall(r"(\w+Error) .*exit (\d)", errors.__doc__))
def test_a_branch_and_all_below_it_exit_with_the_code_drawn(name: str, code: str):
    branch = getattr(errors, name)
    below = [error for error in CLASSES if issubclass(error, branch)]
    assert {error.exit_code for error in below} == {int(code)}


def test_exit_codes_tell_the_branches_apart():
    branches = [error for error in CLASSES if error.__base__ is IngrainedError]
    assert len({error.exit_code for error in branches}) == len(branches)


@pytest.mark.parametrize("error", CLASSES)
def test_every_class_says_in_one_sentence_what_it_means(error: type[IngrainedError]):
    assert (error.__doc__ or "").splitlines()[0].endswith(".")


def test_the_message_is_what_happened_and_the_hint_what_to_do():
    error = CorpusError("no such folder: 'x'", hint="Check the path.")
    assert (str(error), error.hint) == ("no such folder: 'x'", "Check the path.")


def test_without_a_hint_the_class_gives_its_own():
    assert "--home" in HomeBusyError("another process is writing").hint


def test_what_may_pass_by_itself_can_be_tried_again():
    assert {error for error in CLASSES if error.retryable} == {FetchError, HomeBusyError}
