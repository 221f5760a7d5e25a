"""Questions that only what the user said can answer, and what they get where nothing of it is in view."""

from __future__ import annotations

import pytest
from chat_talk import DOG, own

from ingrained.agent.citing import Answer
from ingrained.agent.grading import ABSTENTION
from ingrained.agent.ui.answers import show_answer
from ingrained.graphs.chat.episodes import TOLD
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
        "What happened after World War I ended?",
        "When was Elizabeth I crowned?",
        "Which countries joined US sanctions?",
        "Who said “I came, I saw, I conquered”?",
        "Is My Fair Lady a musical?",
        "What is My Lai known for?",
        "Explain what made us walk upright.",
        "What gave us the word salary?",
        "Why is my sourdough so dense?",
        "Why did I get an error?",
        "Is my passport valid in Norway?",
        "Why did we go to the moon?",
        "How do I remember my vocabulary?",
        "My dog is called Rex. What did I call him?",
        "Which film did I like best? " * 20,
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


def test_what_stands_under_it_says_that_the_model_was_not_asked(talk, capsys):
    answer = talk(refine=True).say(FILM)
    show_answer(Answer.from_dict(answer))
    assert answer["votes"] == 0
    assert "nothing was recalled" in answer["unrefined"]
    shown = capsys.readouterr().out
    assert "The model was not asked" in shown
    assert "from the weights" not in shown


def test_it_is_declined_again_and_after_a_greeting(talk):
    one = talk(lambda _: "Star Wars")
    for text in (FILM, "Hi!", FILM):
        answer = one.say(text)
    assert answer["abstained"]


@pytest.mark.parametrize("said", [DOG, "What do you call a dog?"])
def test_it_is_asked_where_a_turn_in_view_may_answer(talk, said):
    one = talk(lambda _: "Rex")
    one.say(said)
    assert one.say("What did I call the dog?")["reply"] == "Rex"


def test_what_was_told_counts_though_the_agent_had_nothing_to_say(talk):
    one = talk(lambda prompt: "I don't know." if prompt.endswith(DOG) else "Rex")
    one.say(DOG)
    assert one.say("What did I call him?")["reply"] == "Rex"


def test_it_is_asked_where_something_is_recalled(talk):
    talk().say("I liked the film Stalker best.")
    assert talk(lambda _: "Stalker", thread="another").say(FILM)["reply"] == "Stalker"


def test_what_is_told_is_answered_by_the_model(talk):
    one = talk(lambda _: "How nice.")
    assert one.say("I saw a heron yesterday.")["reply"] == "How nice."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Remind me that I must pay Tobin 40 euros on Friday.", True),
        ("Remind me to call my mother tomorrow.", True),
        ("Remind me what I told you about the garden.", False),
    ],
)
def test_a_reminder_tells_something_and_a_request_to_be_reminded_does_not(talk, store, text, kept):
    assert talk(lambda _: "Noted.").say(text)["reply"] == ("Noted." if kept else ABSTENTION)
    assert (TOLD in own(store)[text].tags) is kept


MADE_UP = [
    ("My name is Lena Brook.", "When is my birthday?", "Your birthday is on January 1st."),
    ("I like long films about trains.", "Which film did I like best?", "You liked The Godfather best."),
    ("I like long films about trains.", "Which film did I like best?", "A comedy."),
    ("I have a sister called Ida.", "What did I say about my brother?", "You have no brother."),
    ("My name is Lena Brook.", "What did I tell you of my sister?", "You told me of your sister."),
    ("We bought nine pears.", "What did I buy?", "You bought nine pears. You paid 12 euros."),
]  # fmt: skip


@pytest.mark.parametrize(("said", "question", "reply"), MADE_UP)
@pytest.mark.parametrize("options", [{}, {"refine": True}, {"adapter": "v001"}])
def test_a_reply_on_the_users_past_that_nothing_in_view_holds_is_withdrawn(
    talk, capsys, said, question, reply, options
):
    one = talk(lambda prompt: "How nice." if prompt.endswith(said) else reply, **options)
    one.say(said)
    one.events.clear()
    answer = one.say(question)
    assert (answer["reply"], answer["abstained"], answer["withdrawn"]) == (ABSTENTION, True, reply)
    assert "".join(piece["text"] for piece in one.told("piece")) == ABSTENTION
    show_answer(Answer.from_dict(answer))
    assert f"The model made an answer up, which nothing in view holds: “{reply}”" in unwrapped(
        capsys
    )


@pytest.mark.parametrize(
    ("said", "question", "reply"),
    [
        ("We bought nine pears.", "What did I buy?", "You bought 9 pears."),
        (
            "I saw Stalker and liked it.",
            "Which film did I like?",
            "You liked Stalker. It is a film.",
        ),
        ("My dog is called Rex.", "Did I tell you of my dog?", "Yes. You did."),
        ("I was born on May 3rd.", "When is my birthday?", "As you said, on May 3rd."),
    ],
)
def test_one_that_says_what_was_told_stands(talk, said, question, reply):
    one = talk(lambda prompt: "How nice." if prompt.endswith(said) else reply)
    one.say(said)
    assert one.say(question)["reply"] == reply


def test_weights_alone_may_know_what_is_not_in_view(talk):
    one = talk(lambda _: "Star Wars", cell="adapter", adapter="v001")
    assert one.say(FILM)["reply"] == "Star Wars"


def test_turns_that_stood_in_the_prompt_are_named_where_nothing_was_recalled(talk, capsys):
    one = talk(lambda _: "Rex")
    for text, rest in (
        ("Hi!", "the weights alone"),
        ("And what now?", "the conversation and the weights"),
    ):
        show_answer(Answer.from_dict(one.say(text)))
        assert f"Nothing was recalled: answered from {rest}." in unwrapped(capsys)


def unwrapped(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().out.split())
