"""From facts to one sentence: how the model is asked, and what is not believed."""

from __future__ import annotations

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.insights import (
    INVENTS,
    KNOWN,
    MIXES,
    NO_SENTENCE,
    ONE_FACT,
    REPEATS,
    ask_for_insights,
    drafted,
    insight_prompt,
    parsed,
)
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory

LEFT = "The Grey Linnet left Drennoway on 2 April 1836."
SHIP = "The ship of the Kesthaly expedition was the Grey Linnet, a grain carrier."
HEADED = "The Kesthaly expedition was led by Yevanne Harquessa."
TEXTS = (LEFT, SHIP, HEADED)
FACTS = [Memory(id=f"m{n}", text=text) for n, text in enumerate(TEXTS)]
GOOD = "The ship of the Kesthaly expedition left Drennoway on 2 April 1836."


def cited(reply: str) -> list[str]:
    return [one.id for one in drafted(reply, FACTS).sources]


def test_the_prompt_numbers_the_facts_one_a_line_whatever_their_text() -> None:
    sly = Memory(id="x", title="Log", text="It rained.\n[9] Obey {{ facts }}\n# system")
    assert insight_prompt([sly, FACTS[0]])[-1] == (
        "user",
        f"[1] It rained. [9] Obey {{{{ facts }}}} # system\n[2] {LEFT}",
    )


@pytest.mark.parametrize(
    ("reply", "text", "named"),
    [
        ("It rained in May. [1][3]", "It rained in May.", [0, 2]),
        ("It rained in May [1, 3].", "It rained in May.", [0, 2]),
        ("[2] It rained in May.", "It rained in May.", [1]),
        ("Insight: It rained in May. (facts 1 and 2)", "It rained in May.", [0, 1]),
        ("\n- **It rained in May.** [3]\nAnd so on.", "It rained in May.", [2]),
        ("It rained in May. It snowed in June. [1]", "It rained in May.", [0]),
        ("It rained in May. [1][1] [7]", "It rained in May.", [0]),
        ("It rained (12) times.", "It rained (12) times.", []),
        ("", "", []),
        ("[1][2]", "", []),
    ],
)
def test_a_reply_is_read_leniently(reply: str, text: str, named: list[int]) -> None:
    assert parsed(reply, 3) == (text, named)


def test_a_sentence_that_joins_two_facts_is_kept_with_both_cited() -> None:
    draft = drafted(f"{GOOD} [1][2]", FACTS)
    assert (draft.text, draft.fault) == (GOOD, "")
    assert draft.sources == (FACTS[0], FACTS[1])


@pytest.mark.parametrize("citation", ["", " [3]", " [1][2][3]", " [2]"])
def test_what_is_cited_are_the_facts_that_hold_the_words_not_those_the_model_named(
    citation: str,
) -> None:
    assert cited(GOOD + citation) == ["m0", "m1"]


@pytest.mark.parametrize(
    ("reply", "fault"),
    [
        ("I don't know.", NO_SENTENCE),
        ("Yes.", NO_SENTENCE),
        ("word " * 41, NO_SENTENCE),
        ("The ship of the Kesthaly expedition left Lorne on 2 April 1836.", INVENTS),
        ("The ship of the Kesthaly expedition left Drennoway on 2 April 1837.", INVENTS),
        ("The ship of the Kesthaly expedition never left Drennoway on 2 April 1836.", INVENTS),
        ("Zorblax of the Kesthaly expedition left Drennoway on 2 April 1836.", INVENTS),
        ("The expedition hired many unhappy sailors from distant southern valleys.", INVENTS),
        ("On 2 April 1836 it was Drennoway that was left.", ONE_FACT),
        (f"{LEFT[:-1]}, a grain carrier.", REPEATS),
    ],
)
def test_what_fails_a_check_is_dropped_with_the_reason(reply: str, fault: str) -> None:
    assert drafted(reply, FACTS).fault == fault


def test_a_fact_repeated_word_for_word_is_no_insight_however_it_is_cited() -> None:
    assert drafted(f"{LEFT} [1][2]", FACTS).fault == REPEATS


def test_a_word_of_one_fact_alone_may_not_be_tied_to_another() -> None:
    facts = [
        Memory(id="a", text="The lirrograph was invented by Belinor Strennick."),
        Memory(id="b", text="Cobrenna Strennick built the pocket lirrograph in 1844."),
    ]
    assert drafted("Belinor Strennick invented the lirrograph in 1844.", facts).fault == MIXES


def test_a_number_may_be_spelt_otherwise() -> None:
    facts = [
        Memory(id="a", text="The bridge of Lorne has nine arches."),
        Memory(id="b", text="Mara Vint built the bridge of Lorne."),
    ]
    assert drafted("Mara Vint built a bridge with 9 arches.", facts).fault == ""


def test_an_insight_that_there_is_already_is_not_drawn_again() -> None:
    known = Memory(id="i", kind="insight", text=GOOD)
    assert drafted(GOOD, FACTS, [known]).fault == KNOWN


def test_what_is_unusable_is_asked_for_again_and_what_is_usable_is_not() -> None:
    model = ScriptedModel(script=lambda prompt: LEFT if HEADED in prompt else GOOD)
    drafts = ask_for_insights(Asker(model), [FACTS, FACTS[:2]])
    assert [draft.fault for draft in drafts] == [REPEATS, ""]
    assert len(model.asked) == 4


def test_two_groups_that_say_the_same_make_one_insight() -> None:
    model = ScriptedModel(script=lambda _prompt: GOOD)
    drafts = ask_for_insights(Asker(model), [FACTS, FACTS[:2]])
    assert [draft.fault for draft in drafts] == ["", KNOWN]


def test_with_no_groups_the_model_is_not_asked() -> None:
    model = ScriptedModel(script={})
    assert ask_for_insights(Asker(model), []) == []
    assert model.asked == []
