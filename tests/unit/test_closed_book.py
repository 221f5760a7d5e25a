"""The guard of closed-book prompts: no text of a passage but the title of its document."""

from __future__ import annotations

import pytest

from ingrained.agent.answering import ClosedBook

TITLE = "A Complete Account of the Mill at Teskow and of its Builders"
SHORT = "The Mill at Teskow"
FIRST = f"{TITLE}\n\nKeeper Ada Kern lit all lamps at Orrel."
LATER = f"In 1831 clerk Ada Kern wrote {TITLE} for the council of Orrel."


@pytest.mark.parametrize(
    ("text", "leaks"),
    [
        (f"Whose is {TITLE}?", False),
        (f"Whose is {TITLE.lower()}?", False),
        (f"Whose is {TITLE.replace(' of ', chr(10) + 'of ')}?", False),
        (f"Is {TITLE} longer than {TITLE}?", False),
        (f"Does {TITLE}: Keeper Ada say more?", True),
        (f"Is it so: {LATER}", True),
        ("Who wrote of the Mill at Teskow and of its Builders for the council?", True),
        ("Does keeper Ada Kern light all lamps at Orrel?", False),
        ("Is it so that keeper Ada Kern lit all lamps at Orrel?", True),
    ],
)
def test_a_title_may_be_named_but_not_together_with_text_around_it(text: str, leaks: bool) -> None:
    guard = ClosedBook([FIRST, LATER], titles=[TITLE, SHORT, ""])
    assert guard.leaks(text) is leaks


def test_without_titles_they_are_text_like_any_other() -> None:
    assert ClosedBook([FIRST]).leaks(f"Whose is {TITLE}?")


def test_a_title_within_another_is_named_by_either() -> None:
    longer = f"{TITLE}, Second Edition"
    guard = ClosedBook([f"{longer}\n\nKeeper Ada Kern."], titles=[longer, TITLE])
    assert not guard.leaks(f"Whose is {longer}?")
    assert not guard.leaks(f"Whose is {TITLE}?")
