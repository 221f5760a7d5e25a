"""What a person does in a conversation beside asking, and how it is taken back."""

from __future__ import annotations

from typing import Any

import pytest
from chat_talk import MILL

from ingrained.agent.conversing import Dialogue
from ingrained.errors import InputError

QUESTION = "Who built the mill at Teskow?"
LATER = "The mill at Teskow was built in 1703 by Ada Kern."


def unheard(_event: dict[str, Any]) -> None:
    """Listen to nothing."""


def dialogue(one: Any, **options: Any) -> Dialogue:
    return Dialogue(one.threads, one.context, **options)


@pytest.mark.parametrize("text", [MILL.upper(), f"{MILL[:-1]}!", f"  {MILL}"])
def test_a_correction_that_says_the_same_changes_nothing(talk, store, text):
    here = dialogue(talk())
    (source, *_) = here.ask(QUESTION, unheard).sources
    before = store.get(source.memory)
    with pytest.raises(InputError, match="says this already"):
        here.correct("1", text)
    assert store.get(source.memory) == before
    assert len(store.history(source.memory)) == 1
    with pytest.raises(InputError, match="nothing was changed"):
        here.undo()


def test_a_correction_by_what_holds_no_longer_leaves_nothing_of_itself(talk, store):
    here = dialogue(talk())
    here.ask(QUESTION, unheard)
    old, _ = here.correct("1", LATER)
    here.ask(QUESTION, unheard)
    with pytest.raises(InputError, match="it is superseded"):
        here.correct("1", MILL)
    assert store.get(old.id) == old
    here.undo()
    assert store.get(old.id).status == "active", "what is taken back is the correction before"
