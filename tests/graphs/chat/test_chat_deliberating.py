"""A conversation in which replies vote, or the model looks over its reply."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chat_talk import DOG, MILL, own

from ingrained.agent.grading import ABSTENTION
from ingrained.errors import HomeBusyError, SettingsError
from ingrained.graphs.chat import OpenStore, build_chat_graph
from ingrained.graphs.chat.locking import turn_lock

QUESTION = "Who built the mill at Teskow?"
FEEDBACK = "Place: 1702\nFix: That is the year. Name who built it."


class Critic:
    """Answers, criticises and refines in the words it is given.

    Args:
        said: The replies to the question, one after the other; the last one stays.
        feedback: What is said of a draft.
        better: The refined reply.
    """

    def __init__(self, *said: str, feedback: str = "Nothing to fix.", better: str = "") -> None:
        self.said: Iterator[str] = iter([*said[:-1], *[said[-1]] * 9])
        self.feedback, self.better = feedback, better

    def __call__(self, prompt: str) -> str:
        if prompt.startswith("Check the draft"):
            return self.feedback
        return self.better if "Heed the feedback" in prompt else next(self.said)


def test_the_answer_is_what_most_replies_say_with_their_share(talk):
    one = talk(Critic("1702", "Ada Kern", "Ada Kern"), votes=3)
    answer = one.say(QUESTION)
    assert (answer["reply"], answer["votes"], answer["confidence"]) == ("Ada Kern", 3, 2 / 3)
    assert one.turns() == [(QUESTION, "Ada Kern")]


def test_most_may_decline(talk):
    answer = talk(Critic("Ada Kern", ABSTENTION, "Unknown."), votes=3).say(QUESTION)
    assert answer["abstained"]
    assert answer["confidence"] == 2 / 3


def test_nothing_is_told_of_a_reply_before_it_is_known(talk):
    one = talk(Critic("1702", feedback=FEEDBACK, better="Ada Kern"), votes=3, refine=True)
    one.say(QUESTION)
    told = [(event["event"], event.get("text") or event.get("step")) for event in one.events]
    assert told == [("step", "vote"), ("step", "refine"), ("piece", "Ada Kern"), ("answered", None)]


def test_the_answer_says_whether_it_was_refined_and_after_what_feedback(talk):
    one = talk(Critic("1702 [1]", feedback=FEEDBACK, better="Ada Kern"), refine=True)
    answer = one.say(QUESTION)
    assert (answer["reply"], answer["refined"], answer["draft"]) == ("Ada Kern", True, "1702 [1]")
    assert answer["feedback"] == FEEDBACK
    assert answer["confidence"] is None
    assert one.turns() == [(QUESTION, "Ada Kern")]


def test_a_reply_that_is_grounded_stays_if_the_refined_one_is_not(talk):
    answer = talk(Critic("1702", feedback=FEEDBACK, better="Mara Vint"), refine=True).say(QUESTION)
    assert (answer["reply"], answer["refined"]) == ("1702", False)
    assert answer["unrefined"]


def test_a_name_that_the_agent_made_up_before_does_not_ground_a_reply(talk):
    one = talk(
        Critic("Mara Vint built it.", "1702", feedback=FEEDBACK, better="Mara Vint"), refine=True
    )
    assert not one.say(QUESTION)["refined"]
    answer = one.say("And when was that?")
    assert "Mara Vint built it. And when" in one.model.asked[-1]
    assert (answer["reply"], answer["refined"]) == ("1702", False)


def test_citations_are_checked_in_the_refined_reply(talk):
    one = talk(Critic("1702", feedback=FEEDBACK, better="Ada Kern [1][7]"), refine=True)
    assert one.say(QUESTION)["reply"] == "Ada Kern [1]"
    assert one.told("answered")[0]["unknown"] == [7]
    assert [event["text"] for event in one.told("piece")] == ["Ada Kern [1]"]


def test_a_question_that_leans_on_the_turn_before_is_looked_over_with_it(talk):
    one = talk(Critic("Ada Kern", "in 1702"), refine=True)
    one.say(QUESTION)
    one.say("And when was that?")
    assert one.model.asked[-1].endswith(
        f"\n[1] {MILL}\n\nQuestion: {QUESTION} Ada Kern And when was that?\nDraft: in 1702"
    )


def test_where_nothing_was_recalled_the_reply_stands_and_says_why(talk):
    one = talk(Critic("Hello"), refine=True)
    answer = one.say("xyzzy?")
    assert answer["unrefined"] == "nothing was recalled to check it against"
    assert len(one.model.asked) == 1
    assert one.told("step") == []


def test_each_turn_has_considerations_of_its_own(talk):
    one = talk(Critic("1702", feedback=FEEDBACK, better="Ada Kern"), refine=True)
    assert one.say(QUESTION)["refined"]
    plain = talk(Critic("Ada Kern")).say(QUESTION)
    assert (plain["refined"], plain["feedback"], plain["votes"]) == (False, "", 1)


def test_without_votes_there_is_no_conversation(talk):
    with pytest.raises(SettingsError, match="votes must be at least 1"):
        talk(votes=0)


def test_the_graph_refines_after_the_answer_and_before_the_check():
    edges = {(edge.source, edge.target) for edge in build_chat_graph().compile().get_graph().edges}
    assert {("answer", "refine"), ("answer", "check"), ("refine", "check")} <= edges


# Forgetting a conversation


def test_a_conversation_is_forgotten_with_what_was_said_in_it_alone(talk, store):
    both, here = "My cat is called Pip.", DOG
    one, other = talk(), talk(thread="another")
    other.say(both)
    for text in (both, here):
        one.say(text)
    one.threads.forget(one.context, OpenStore(store))
    assert one.turns() == []
    assert other.turns() == [(both, "Ada Kern")]
    assert list(own(store)) == [both]
    assert one.threads.names("me") == ["another"]


def test_what_was_studied_and_what_others_said_is_not_forgotten(talk, store):
    talk(user="ada").say(DOG)
    one = talk()
    one.say(DOG)
    one.threads.forget(one.context, OpenStore(store))
    assert list(own(store, "ada")) == [DOG]
    assert len(store.list(namespace=("default",))) == 2


def test_a_conversation_that_is_being_answered_is_not_forgotten(talk, store, home):
    one = talk()
    one.say(DOG)
    with turn_lock(home.path, '["me", "conversation"]'), pytest.raises(HomeBusyError):
        one.threads.forget(one.context, OpenStore(store))
    assert list(own(store)) == [DOG]
