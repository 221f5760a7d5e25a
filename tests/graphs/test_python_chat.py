"""`Ingrained.chat`: a conversation as an object, on the files of `ingrained chat`."""

from __future__ import annotations

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk

from ingrained import Answer, Chat, Ingrained, IngrainedError, ReplyStream, Settings
from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import HomeBusyError, InputError, NotFoundError, SettingsError, StoreError
from ingrained.graphs.chat.locking import turn_lock
from ingrained.memory import Memory
from ingrained.memory.testing import HashEmbedder

MILL = "The mill at Teskow was built in 1702 by Ada Kern."
QUESTION = "Who built the mill at Teskow?"
DOG = "My dog is called Rex."


class Typist(ScriptedModel):
    """Says its reply word by word, and waits before each for leave, if it is to."""

    leave: Any = None

    def _stream(self, messages: Any, *_: Any, **__: Any) -> Iterator[ChatGenerationChunk]:
        for word in self._reply(str(messages[-1].content)).text.split():
            if self.leave is not None:
                self.leave.acquire(timeout=5)
            yield ChatGenerationChunk(message=AIMessageChunk(content=f"{word} "))


Agent = Callable[..., Ingrained]


@pytest.fixture
def model() -> Typist:
    return Typist(script=lambda _: "It was Ada Kern [1]")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def agent(home: Path, model: Typist) -> Agent:
    """Make an agent of the home, which knows of the mill."""

    def make(**options: Any) -> Ingrained:
        return Ingrained(home, **{"model": model, "embedder": HashEmbedder(), **options})

    with make() as first:
        first.memory.insert([Memory(id="", text=MILL)], who="study", why="a test")
    return make


def said(chat: Chat) -> list[tuple[str, str]]:
    return [(turn["user"], turn["agent"]) for turn in chat.history()]


def test_it_says_an_answer_with_its_sources(agent):
    with agent() as host:
        answer = host.chat().say(QUESTION)
        assert isinstance(answer, Answer), "what `ask` gives"
    assert (answer.question, answer.reply) == (QUESTION, "It was Ada Kern [1]")
    assert (answer.cell, answer.adapter, answer.votes) == ("memory", None, 1)
    assert [source.quote for source in answer.sources] == [MILL]
    assert (answer.abstained, answer.confidence, answer.refined, answer.feedback) == (
        False, None, False, "",
    )  # fmt: skip


def test_it_votes_and_refines_and_tells_of_each_event(agent):
    replies = iter(["1702", "1702", "Ada Kern"])

    def script(prompt: str) -> str:
        if prompt.startswith("Check the draft"):
            return "Place: 1702\nFix: Name who built it."
        return "Ada Kern" if "Heed the feedback" in prompt else next(replies)

    events: list[str] = []
    with agent(model=ScriptedModel(script=script)) as host:
        talk = host.chat(votes=3, refine=True, on_event=lambda event: events.append(event["event"]))
        answer = talk.say(QUESTION)
    assert (answer.reply, answer.confidence, answer.refined) == ("Ada Kern", 2 / 3, True)
    assert answer.feedback.startswith("Place: 1702")
    assert events == ["step", "step", "piece", "answered"]


def test_a_single_question_can_be_voted_on_and_refined_as_well(agent):
    with agent(model=ScriptedModel(script={"Check the draft": "Nothing to fix."})) as host:
        answer = host.ask(QUESTION, votes=3, refine=True)
        assert (answer.confidence, answer.abstained) == (1.0, True)
        assert answer.feedback == "Nothing to fix."
        with pytest.raises(SettingsError, match="votes must be at least 1"):
            host.ask(QUESTION, votes=0)


# One conversation, several doors


def test_what_begins_in_the_terminal_goes_on_in_python_and_back(
    agent, home, model, monkeypatch, capsys
):
    def typed(*lines: str) -> str:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        doors = Doors(model=model, embedder=HashEmbedder())
        assert run(["chat", "--home", str(home), "--thread", "mills"], doors) == 0
        return capsys.readouterr().out

    typed(QUESTION)
    with agent() as host:
        talk = host.chat()
        assert talk.thread == "mills", "the last one goes on"
        assert said(talk) == [(QUESTION, "It was Ada Kern")]
        talk.say(DOG)
    assert f"{DOG}\nIt was Ada Kern" in typed("/history")


def test_conversations_are_told_apart_by_name_and_user(agent):
    with agent() as host:
        host.chat("mills").say(QUESTION)
        host.chat("dogs", user="ada").say(DOG)
        assert said(host.chat("mills", user="ada")) == []
        assert host.chat(user="ada").thread == "dogs"
        assert host.chat(user="bob").thread not in ("dogs", "mills")
        assert [one.text for one in host.memory.list(namespace=("user", "ada"))] == [DOG]


def test_history_needs_no_model(agent):
    with agent() as host:
        host.chat("mills").say(QUESTION)
    with agent(model="no-such-model") as host:
        assert said(host.chat("mills")) == [(QUESTION, "It was Ada Kern")]


def test_beside_a_writer_it_answers_and_what_was_said_waits(agent):
    with agent() as writer, agent(read_only=True) as reader:
        assert writer.memory.list()
        events: list[str] = []
        talk = reader.chat("dogs", on_event=lambda event: events.append(event["event"]))
        assert talk.say(DOG).reply
        assert "postponed" in events
        assert reader.memory.list(namespace=("user", "me")) == []
        writer.chat("dogs").say(QUESTION)
        kept = [one.text for one in writer.memory.list(namespace=("user", "me"))]
        assert sorted(kept) == sorted([DOG, QUESTION])


def test_a_turn_that_the_screen_withholds_is_not_kept(agent):
    with agent(settings=Settings(screening="refuse")) as host:
        talk = host.chat()
        assert talk.say("Write to ada@example.org.").reply
        assert said(talk) == []


# Forgetting


def test_a_conversation_can_be_forgotten_and_goes_on_anew(agent):
    with agent() as host:
        talk = host.chat("dogs")
        talk.say(DOG)
        talk.forget()
        assert said(talk) == []
        assert host.memory.list(namespace=("user", "me")) == []
        assert host.memory.list(namespace=("default",))
        talk.say(QUESTION)
        assert len(said(talk)) == 1


def test_who_only_reads_cannot_forget_and_nothing_is_dropped(agent):
    with agent() as host:
        host.chat("dogs").say(DOG)
    with agent(read_only=True) as reader:
        with pytest.raises(StoreError, match="reading only"):
            reader.chat("dogs").forget()
        assert len(said(reader.chat("dogs"))) == 1


# Streaming


def test_pieces_come_as_they_are_written_and_then_the_reply(agent):
    with agent() as host:
        talk = host.chat()
        pieces = talk.stream(QUESTION)
        assert list(pieces) == ["It", " was", " Ada", " Kern", " [1] "]
        assert pieces.answer.reply == "It was Ada Kern [1]"
        assert list(pieces) == []
        assert len(said(talk)) == 1


def test_the_first_piece_is_read_before_the_last_is_written(agent, model):
    model.leave = threading.Semaphore(1)
    with agent() as host:
        pieces = host.chat().stream(QUESTION)
        assert next(pieces) == "It"
        model.leave.release(9)
        assert "".join(pieces).startswith(" was")


def test_the_reply_can_be_had_without_the_pieces(agent):
    with agent() as host:
        assert host.chat().stream(QUESTION).answer.reply == "It was Ada Kern [1]"


def test_async_code_reads_it_too(agent):
    async def read(talk: Chat) -> tuple[list[str], Answer]:
        pieces = talk.stream(QUESTION)
        return [piece async for piece in pieces], pieces.answer

    with agent() as host:
        read_, answer = asyncio.run(read(host.chat()))
        again = asyncio.run(asyncio.to_thread(host.chat().say, QUESTION))
    assert "".join(read_).strip() == answer.reply == again.reply


def test_a_wait_for_the_next_piece_can_be_cancelled_and_none_is_lost(agent, model):
    model.leave = threading.Semaphore(0)

    async def read(talk: Chat) -> list[str]:
        pieces = talk.stream(QUESTION)
        for _time in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(pieces), 0.01)
        model.leave.release(9)
        return [piece async for piece in pieces]

    with agent() as host:
        assert "".join(asyncio.run(read(host.chat()))) == "It was Ada Kern [1] "


def test_several_readers_share_the_pieces_and_all_come_to_the_end(agent, model):
    model.leave = threading.Semaphore(0)
    read: list[str] = []

    async def together(pieces: ReplyStream) -> None:
        async def one() -> None:
            read.extend([piece async for piece in pieces])

        await asyncio.gather(one(), one())

    with agent() as host:
        pieces = host.chat().stream(QUESTION)
        readers = [
            threading.Thread(target=lambda: read.extend(pieces), daemon=True),
            threading.Thread(target=lambda: read.extend(pieces), daemon=True),
            threading.Thread(target=asyncio.run, args=[together(pieces)], daemon=True),
        ]
        for reader in readers:
            reader.start()
        model.leave.release(9)
        for reader in readers:
            reader.join(timeout=5)
        assert not any(reader.is_alive() for reader in readers)
    assert sorted(read) == sorted(["It", " was", " Ada", " Kern", " [1] "])


def test_a_reply_that_is_voted_on_comes_in_one_piece(agent):
    with agent() as host:
        assert list(host.chat(votes=3).stream(QUESTION)) == ["It was Ada Kern [1]"]


def test_what_is_closed_before_its_end_is_cut_short_and_not_kept(agent, model):
    model.leave = threading.Semaphore(1)
    with agent() as host:
        talk = host.chat()
        with talk.stream(QUESTION) as pieces:
            next(pieces)
            threading.Timer(0.05, model.leave.release, [9]).start()
        assert list(pieces) == []
        with pytest.raises(IngrainedError, match="cut short") as cut:
            _ = pieces.answer
        assert cut.value.hint
        assert said(talk) == []


def test_what_is_closed_at_its_end_or_before_it_begins_does_no_harm(agent, model):
    with agent() as host:
        talk = host.chat()
        with talk.stream(QUESTION) as pieces:
            list(pieces)
        assert pieces.answer.reply
        with talk.stream(QUESTION):
            pass
        assert len(said(talk)) == 1


def test_who_stops_reading_lets_the_answer_come_to_its_end(agent):
    with agent() as host:
        talk = host.chat()
        for _piece in talk.stream(QUESTION):
            break
        assert len(said(talk)) == 1


def test_an_error_is_raised_where_the_stream_is_read(agent):
    with agent() as host:
        pieces = host.chat().stream(" ")
        with pytest.raises(InputError, match="the question is empty"):
            next(pieces)
        with pytest.raises(InputError, match="the question is empty"):
            _ = pieces.answer


# What cannot be


def test_mistakes_show_before_anything_is_loaded(agent, tmp_path):
    with agent(model="no-such-model", embedder="no-such-embedder") as broken:
        with pytest.raises(SettingsError, match="votes must be at least 1"):
            broken.chat(votes=0)
        with pytest.raises(SettingsError, match="no cell 'bsae'"):
            broken.chat(cell="bsae")
        with pytest.raises(NotFoundError, match="no adapter is promoted"):
            broken.chat(cell="adapter")
        for names in ({"thread": " "}, {"user": ""}):
            with pytest.raises(InputError, match="the name is empty"):
                broken.chat(**names)
    with pytest.raises(StoreError, match="no agent lives in"):
        Ingrained(tmp_path / "nobody").chat()


def test_a_conversation_is_answered_by_one_at_a_time(agent, home):
    with agent() as host:
        talk = host.chat("mills")
        with turn_lock(home, '["me", "mills"]'), pytest.raises(HomeBusyError):
            talk.say(QUESTION)


def test_when_the_agent_is_closed_it_says_so(agent):
    with agent() as host:
        talk = host.chat()
    for use in (
        lambda: talk.say("Who?"),
        talk.history,
        talk.forget,
        lambda: next(talk.stream("?")),
    ):
        with pytest.raises(StoreError, match="was closed"):
            use()


def test_days_that_are_over_are_summed_up_unless_that_is_switched_off(agent, model):
    told = Memory(
        id="",
        text=DOG,
        kind="episode",
        namespace=("user", "me"),
        tags=("told",),
        created=time.time() - 86_400.0,
    )
    with agent() as host:
        host.memory.insert([told], who="chat", why="said long ago")
        host.chat(portrait=False).say("Hello!")
        assert model.asked == [], "replies are streamed, and nothing else was asked"
        events: list[str] = []
        host.chat(on_event=lambda event: events.append(event["event"])).say("Hello again!")
        assert events[-2:] == ["portraying", "portrayed"]
        assert len(model.asked) == 1
