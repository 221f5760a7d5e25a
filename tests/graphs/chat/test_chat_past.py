"""Questions that only what the user said can answer, and what they get where nothing of it is in view."""

from __future__ import annotations

import pytest
from chat_talk import DOG

from ingrained.agent.grading import ABSTENTION
from ingrained.graphs.chat.past import asks_of_the_past

FILM = "Which film did I like best?"


@pytest.mark.parametrize(
    "question",
    [
        FILM,
        "What did you recommend to me?",
        "Which restaurant did you say had the best soup?",
        "Do you remember the exhibition I saw?",
        "Remind me what I told you about the garden.",
        "What did we talk about last week?",
        "Who visited me yesterday?",
        "Where have I been on holiday?",
        "What's my name?",
        "What was the name of my first dog?",
        "Can you recall the book I've been reading?",
    ],
)
def test_what_lies_in_the_users_past(question):
    assert asks_of_the_past(question)


@pytest.mark.parametrize(
    "question",
    [
        "How can I dry pears?",
        "Tell me when the mill was built.",
        "Can you tell me who was paid in salt?",
        "Give me a list of what the guild paid.",
        "What would I have needed to bake bread in 1402?",
        "If I had a mill, what would it grind?",
        "How do we know that the tower was red?",
        "What have historians said about us?",
        "Did you know that the bridge fell?",
        "How do I repair a clock?",
        "How do I read the eighth number?",
    ],
)
def test_what_can_be_known_without_knowing_who_asks(question):
    assert not asks_of_the_past(question)


@pytest.mark.parametrize("options", [{}, {"refine": True}, {"votes": 3}, {"cell": "base"}])
def test_a_question_on_the_users_past_is_declined_where_nothing_is_known(talk, options):
    one = talk(lambda _: "Star Wars", **options)
    answer = one.say(FILM)
    assert (answer["reply"], answer["abstained"], answer["sources"]) == (ABSTENTION, True, ())
    assert "".join(piece["text"] for piece in one.told("piece")) == ABSTENTION
    assert one.model.asked == []
    assert one.turns() == [(FILM, ABSTENTION)]


def test_it_is_asked_where_a_turn_is_in_view(talk):
    one = talk(lambda _: "Rex")
    one.say(DOG)
    assert one.say("What did I call him?")["reply"] == "Rex"


def test_it_is_asked_where_something_is_recalled(talk):
    talk().say("I liked the film Stalker best.")
    assert talk(lambda _: "Stalker", thread="another").say(FILM)["reply"] == "Stalker"


def test_what_is_told_is_answered_by_the_model(talk):
    one = talk(lambda _: "How nice.")
    assert one.say("I saw a heron yesterday.")["reply"] == "How nice."
