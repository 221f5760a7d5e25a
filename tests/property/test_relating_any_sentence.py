"""The judge has an answer for any two sentences, however little they say."""

from __future__ import annotations

from typing import get_args

import hypothesis.strategies as st
from hypothesis import given, settings

from ingrained.agent.asking import Asker
from ingrained.agent.relating import QuizJudge
from ingrained.agent.relating.wording import APPROXIMATE, CHANGES, ENDINGS, FILLERS, NEGATORS
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation

LISTED = sorted(APPROXIMATE | CHANGES | ENDINGS | FILLERS | NEGATORS)
WORDS = st.sampled_from(
    [*LISTED, *"the is was by it Mara Vint Lorne bell 7 1291 May 2½ ² — 's".split()]
)
FEW = st.sampled_from("It takes place every year now was moved not Vint 7".split())
SENTENCES = (
    st.lists(WORDS, min_size=1, max_size=7).map(" ".join)
    | st.lists(FEW, min_size=1, max_size=5).map(" ".join)
    | st.text(min_size=1, max_size=20)
)


@given(older=SENTENCES, newer=SENTENCES, reply=st.just("Yes.") | SENTENCES)
@settings(max_examples=300, deadline=None)
def test_any_two_sentences_are_related_in_some_way(older: str, newer: str, reply: str) -> None:
    judge = QuizJudge(Asker(ScriptedModel(script=lambda _: reply)))
    pair = Memory(id="a", text=older), Memory(id="b", text=newer)
    (relation,) = judge.judge([pair])
    assert relation in get_args(Relation)
