"""STaR: reasons that end in the right answer, and no hint in what is saved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.asking import Asker
from ingrained.agent.prompts import load
from ingrained.agent.solving import Case, Rationale, rationalise, reason
from ingrained.agent.solving.rationalising import HintFree, conclusion, hint, reason_prompt
from ingrained.agent.testing import ScriptedModel

CASE = Case(
    passage="The kiln of Averley was lit in 1588. Its keeper, Odo Prane, fed it with peat.",
    question="Who fed the kiln?",
)
GOOD = "The text says that the keeper Odo Prane fed it, so the answer is: Odo Prane"


def hinted(reply: str, answer: str = "Odo Prane", case: Case = CASE) -> Rationale | None:
    (got,) = rationalise(Asker(ScriptedModel(script=lambda _: reply)), [case], [answer])
    return got


def test_the_hint_is_in_the_prompt_and_not_in_what_is_saved() -> None:
    model = ScriptedModel(script=lambda _: GOOD)
    (got,) = rationalise(Asker(model), [CASE], ["Odo Prane"])
    assert got is not None
    assert got.hinted
    assert model.asked[0].endswith(f"{CASE.question}\n{hint('Odo Prane')}")
    assert got.saved == (reason_prompt(CASE), GOOD)
    assert "Hint" not in str(got.saved)


def test_without_a_hint_the_right_reasons_are_kept_all_the_same() -> None:
    model = ScriptedModel(script=lambda _: GOOD)
    right, wrong = reason(Asker(model), [CASE, CASE], ["Odo Prane", "peat"])
    assert right is not None
    assert not right.hinted
    assert wrong is None
    assert not any("Hint" in asked for asked in model.asked)


def test_the_examples_of_both_prompts_are_the_same_but_for_the_hint() -> None:
    plain, given_away = (str(load(name).turns) for name in ("reason", "rationalise"))
    assert hint("Mara Vint") in given_away
    for answer in ("Mara Vint", "a fishmonger from Lorne"):
        given_away = given_away.replace("\\n" + hint(answer), "")
    assert given_away.replace("\\n{{ hint }}", "") == plain


@pytest.mark.parametrize(
    "reply",
    [
        "The text says that the keeper fed it, so the answer is: Mara Vint",
        "The keeper Odo Prane fed it.",
        "So the answer is: Odo Prane",
        "Because of the hint it is the keeper, so the answer is: Odo Prane",
        "Hint: the right answer is Odo Prane. So the answer is: Odo Prane",
        "The keeper came from Lorne in that year, so the answer is: Odo Prane",
        "The keeper fed it for 30 days, so the answer is: Odo Prane",
        "",
    ],
)
def test_what_is_dropped(reply: str) -> None:
    assert hinted(reply) is None


def test_a_copied_example_is_dropped() -> None:
    example = load("reason").turns[2][1]
    case = Case(passage="The Orlan Bridge was designed by Mara Vint.", question="Who designed it?")
    assert hinted(example, "Mara Vint", case) is None


def test_a_passage_that_speaks_of_hints_may_be_reasoned_about() -> None:
    case = Case(passage="A hint of Odo Prane led to the kiln.", question="Whose hint was it?")
    got = hinted("A hint of Odo Prane led there, so the answer is: Odo Prane", case=case)
    assert got is not None
    assert got.saved[1].startswith("A hint")


def test_the_guard_refuses_a_rationale_made_by_hand() -> None:
    bad = Rationale(case=CASE, text=f"{hint('Odo Prane')} {GOOD}", answer="Odo Prane", hinted=True)
    with pytest.raises(AssertionError, match="holds a hint"):
        _ = bad.saved


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It burned, so the answer is: peat.", "peat"),
        ("The answer is 9 sacks", "9 sacks"),
        ("It burned peat.", ""),
    ],
)
def test_a_reason_ends_in_its_answer(text: str, expected: str) -> None:
    assert conclusion(text) == expected


WORDS = st.lists(
    st.sampled_from(["Odo", "peat", "the", "hint", "Hint:", "right", "answer", "is", "kiln.", "so"]),
    max_size=12,
).map(" ".join)  # fmt: skip


@given(passage=WORDS, question=WORDS, answer=WORDS, reply=WORDS)
def test_no_hint_is_ever_saved(passage: str, question: str, answer: str, reply: str) -> None:
    case = Case(passage=passage, question=question)
    got = hinted(f"{reply}, so the answer is: {answer}", answer, case)
    if got is None:
        return
    messages, saved = got.saved
    assert messages == load("reason").render(passage=passage, question=question)
    guard = HintFree(answer)
    assert "hint" in f"{passage} {question}".lower() or not guard.leaks(saved)
    assert hint(answer) not in saved + str(messages)


@given(st.text(max_size=20))
def test_a_hint_in_any_wrapping_is_found(answer: str) -> None:
    assert HintFree(answer, ["a hint"]).leaks(f"First words.\n{hint(answer).upper()} Last words.")
