"""`Ingrained`: the commands' work as one object, opened when needed, closed together."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from bridge import PLAIN, Adaptable, reader
from langchain.agents import create_agent

from ingrained import GateDecision, Ingrained, Settings
from ingrained.agent.report.records import exams, runs
from ingrained.agent.testing import ScriptedModel
from ingrained.errors import (
    CorpusError,
    ExamError,
    HomeBusyError,
    InputError,
    ModelError,
    NotFoundError,
    SettingsError,
    StoreError,
    TrainingError,
)
from ingrained.memory import Memory
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.testing import make_tiny_model

QUESTION = "Who built the Orlan Bridge?"
BUILDER = {"id": "q1", "question": QUESTION, "answers": ["Mara Vint"]}
QUICK = {"rank": 2, "alpha": 4, "epochs": 1, "replay": 0, "batch_rows": 16}
"""Changes of the recipe that make a training of the tiny network a matter of a second."""

Agent = Callable[..., Ingrained]


@pytest.fixture
def agent(home: Path, model: ScriptedModel) -> Agent:
    """Make an agent of the home; the model has read the page."""

    def make(**options: Any) -> Ingrained:
        return Ingrained(home, **{"model": model, "embedder": HashEmbedder(), **options})

    return make


@pytest.fixture
def base(tmp_path: Path) -> str:
    """The name, as `--model` takes it, of a tiny network."""
    return str(make_tiny_model(tmp_path / "base"))


@pytest.fixture
def by_heart(base: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The same name; what answers by it knows the page by heart once an adapter is on."""
    monkeypatch.setattr(
        "ingrained.agent.api_holding.load_chat_model", lambda *_named: Adaptable(script=reader)
    )
    return base


def test_it_studies_a_folder_and_answers_from_what_it_kept(agent, corpus, model):
    with agent() as studying:
        report = studying.study(corpus)
        answer = studying.ask(QUESTION)

    assert report.kept == 4
    assert (report.rounds, report.stop, report.resumed) == (1, "rounds", False)
    assert report.scores["memory"] > report.scores["base"]
    assert (report.adapter, report.gate, report.skipped) == (None, None, ())
    assert report.tokens > 0
    assert answer.reply == "Mara Vint"
    assert answer.sources[0].quote == "Mara Vint built the Orlan Bridge in 1402."


def test_paths_are_one_or_several_and_what_cannot_be_read_is_told(agent, corpus, tmp_path):
    (corpus / "photo.jpg").write_bytes(b"\xff\xd8")
    page = tmp_path / "toll.txt"
    page.write_text("The Toll is a ferry.", encoding="utf-8")
    with agent() as studying:
        report = studying.study([str(corpus), page])
        assert [one.path for one in report.skipped] == ["photo.jpg"]
        assert studying.study(page).stop == "nothing to do"


def test_a_study_is_on_record_as_that_of_the_command_is(agent, corpus, home):
    with agent() as studying:
        report = studying.study(corpus, budget_tokens=100_000)

    (record,) = runs(home)
    assert (report.kept, report.tokens) == (record["kept"], record["tokens"])
    assert record["settings"]["budget_tokens"] == {"value": 100_000, "origin": "given"}
    assert record["settings"]["model"] == {"value": "scripted", "origin": "given"}
    assert record["settings"]["votes"]["origin"] == "default"


def test_each_study_counts_its_own_tokens(agent, corpus):
    with agent() as studying:
        first = studying.study(corpus)
        assert 0 < studying.study(corpus).tokens < first.tokens / 10


def stop(event: dict[str, Any]) -> None:
    if (event["phase"], event["event"]) == ("attempt", "start"):
        raise KeyboardInterrupt


@pytest.mark.parametrize("anew", [False, True], ids=["the same object", "another process"])
def test_a_study_that_ctrl_c_cut_short_goes_on(agent, corpus, model, anew):
    first = agent()
    with pytest.raises(KeyboardInterrupt):
        first.study(corpus, on_event=stop)
    asked = len(model.asked)
    if anew:
        first.close()
    with agent() if anew else first as again:
        report = again.study(corpus)

    assert report.resumed
    assert report.kept == 4
    assert not any("You write quiz questions" in prompt for prompt in model.asked[asked:][:3])


def test_mistakes_show_before_anything_is_loaded(home, corpus):
    broken = Ingrained(home, model="no-such-model", embedder="no-such-embedder")
    with pytest.raises(CorpusError, match="no such file or folder: nowhere"):
        broken.study("nowhere")
    with pytest.raises(CorpusError, match="cannot be both"):
        Ingrained(corpus).study(corpus)
    with pytest.raises(SettingsError, match="rounds must be at least 1"):
        broken.study(corpus, rounds=0)
    with pytest.raises(SettingsError, match="has no ranks"):
        broken.study(corpus, recipe={"ranks": 3})
    with pytest.raises(InputError, match="the question is empty"):
        broken.ask(" ")
    with pytest.raises(ExamError, match=r"the exam, line 2: .*'answers' is missing"):
        broken.exam([BUILDER, {"id": "q2", "question": "Who?"}])
    with pytest.raises(ExamError, match="not plain data"):
        broken.exam([{**BUILDER, "answers": {"Mara Vint"}}])
    for call in (lambda: broken.ask("Who?"), lambda: broken.exam([BUILDER]), broken.sleep):
        with pytest.raises(StoreError, match="no agent lives in") as caught:
            call()
        assert caught.value.hint
    assert not home.exists()


def test_arguments_win_over_settings_and_settings_over_the_environment(monkeypatch):
    monkeypatch.setenv("INGRAINED_HOME", "from-outside")
    monkeypatch.setenv("INGRAINED_SCREENING", "refuse")
    assert Ingrained().settings.home == Path("from-outside")
    assert Ingrained("mine", model="openai:gpt-5-mini").settings.screening == "refuse"
    told = Ingrained("mine", settings=Settings(screening="keep", model="smollm2-135m")).settings
    assert (told.home, told.model, told.screening) == (Path("mine"), "smollm2-135m", "keep")
    monkeypatch.setenv("INGRAINED_THREADS", "-3")
    with pytest.raises(SettingsError, match="INGRAINED_THREADS"):
        Ingrained()


def test_memory_works_without_the_model_and_screens_as_the_settings_say(home):
    with Ingrained(
        home,
        model="no-such-model",
        embedder=HashEmbedder(),
        settings=Settings(screening="redact"),
    ) as agent:
        agent.memory.insert([Memory(id="", text="Ada is ada@example.org.")], who="me", why="a test")
        (found,) = agent.memory.recall("Who is Ada?")
        assert "ada@example.org" not in found.memory.text
        assert agent.memory is agent.memory


def test_tools_and_middleware_are_of_this_memory(agent):
    with agent() as host:
        host.memory.insert([Memory(id="", text="The pool opens at nine.")], who="me", why="a test")
        (recall,) = host.tools(only=["recall"])
        assert recall.name == "recall"
        model = ScriptedModel(script={"opens at nine": "At nine [1]."})
        middleware = host.middleware(max_tokens=400, only=())
        state = create_agent(model, middleware=[middleware]).invoke(
            {"messages": [("user", "When does the pool open?")]}
        )
    assert state["messages"][-1].text == "At nine [1]."


def test_a_second_writer_is_refused_and_readers_are_not(agent, corpus):
    with agent() as writer:
        writer.study(corpus)
        with agent() as second, pytest.raises(HomeBusyError):
            second.study(corpus)
        with agent(read_only=True) as reader, agent(read_only=True) as another:
            assert reader.ask(QUESTION).reply == "Mara Vint"
            assert len(another.memory.list()) == 4
            assert set(another.exam([BUILDER], cells=["memory"])["cells"]) == {"memory"}
            for change in (lambda: reader.study(corpus), reader.sleep):
                with pytest.raises(StoreError, match="open for reading only"):
                    change()


def test_when_closed_others_may_write_and_it_says_so(agent, corpus):
    with agent() as first:
        first.study(corpus)
    first.close()
    for use in (lambda: first.ask("Who?"), lambda: first.memory, lambda: first.study(corpus)):
        with pytest.raises(StoreError, match="was closed"):
            use()
    with agent() as second:
        assert second.study(corpus).stop == "nothing to do"


def test_an_exam_is_a_file_or_its_questions(agent, corpus, home, tmp_path):
    file = tmp_path / "bridge.jsonl"
    file.write_text(
        '{"id": 1, "question": "Who built the Orlan Bridge?", "answers": ["Mara Vint"],'
        ' "document": "bridge.md"}',
        encoding="utf-8",
    )
    with agent() as sitting:
        sitting.study(corpus)
        report = sitting.exam(str(file))
        assert sitting.exam([BUILDER], cells="base,memory")["cells"].keys() == {"base", "memory"}
        with pytest.raises(SettingsError, match="no such cell: 'bsae'"):
            sitting.exam(file, cells=["bsae"])

    assert {cell: one["contained"]["value"] for cell, one in report["cells"].items()} == {
        "base": 0, "memory": 1, "open": 1,
    }  # fmt: skip
    assert report["skipped"]["adapter"] == "no adapter is promoted"
    assert {one["exam"] for one in exams(home)} == {"bridge.jsonl", "exam"}


def test_threads_and_coroutines_take_turns(agent, corpus):
    """`asyncio.to_thread` is all that async code needs: no two calls run at the same time."""
    within: list[str] = []
    most: list[int] = []

    def script(prompt: str) -> str:
        within.append(prompt)
        time.sleep(0.05 if prompt.endswith(QUESTION) else 0)
        most.append(len(within))
        within.remove(prompt)
        return reader(prompt)

    async def together(shared: Ingrained) -> list[Any]:
        asked = [asyncio.to_thread(shared.ask, QUESTION) for _ in range(4)]
        return await asyncio.gather(asyncio.to_thread(shared.study, corpus), *asked)

    with agent(model=ScriptedModel(script=script)) as shared:
        shared.memory.insert([Memory(id="", text="A home.")], who="me", why="a test")
        report, *answers = asyncio.run(together(shared))

    assert report.kept == 4
    assert len(answers) == 4
    assert max(most) == 1


def test_it_sleeps_on_what_it_learnt_and_the_gate_decides(agent, corpus, base):
    with agent() as studying:
        studying.study(corpus)
    with agent(model=base) as sleeper:
        events: list[str] = []
        decision = sleeper.sleep(on_event=lambda event: events.append(event["event"]), **QUICK)
        assert sleeper.adapters.show("v001").recipe["rank"] == 2
        again = sleeper.sleep(**QUICK)

    assert (decision.version, decision.accepted, decision.in_use) == ("v001", False, False)
    assert decision.reasons[0].startswith("closed-book")
    assert "step" in events
    assert again == decision, "what was made of the same is not made again"


def test_what_passes_is_used_by_the_next_answer(agent, corpus, by_heart):
    with agent(model=by_heart) as sleeper:
        sleeper.study(corpus, sealed_share=0.9, mastered=1.0)
        with pytest.raises(NotFoundError, match="no adapter is promoted"):
            sleeper.ask(QUESTION, cell="adapter")
        decision = sleeper.sleep(approve=True, **QUICK)
        assert (decision.accepted, decision.in_use) == (True, False), "it waits"
        sleeper.adapters.promote(decision.version)
        answer = sleeper.ask(QUESTION, cell="adapter")
        assert (answer.adapter, answer.reply) == ("v001", "Mara Vint")
        sleeper.adapters.rollback()
        assert sleeper.ask(QUESTION).cell == "memory"


def test_a_study_may_sleep_at_its_end(agent, corpus, by_heart):
    policy = {"sealed_share": 0.9, "mastered": 1.0, "consolidate": True}
    with agent(model=by_heart) as sleeper:
        report = sleeper.study(corpus, recipe=QUICK, **policy)
    assert report.adapter == "v001"
    assert isinstance(report.gate, GateDecision)
    assert (report.gate.accepted, report.gate.in_use) == (True, True)


def test_who_cannot_sleep_is_told_why(agent, corpus, base):
    with agent() as studying:
        with pytest.raises(ModelError, match="'scripted' cannot be trained here"):
            studying.study(corpus, consolidate=True)
        with pytest.raises(KeyboardInterrupt):
            studying.study(corpus, on_event=stop)
        with pytest.raises(StoreError, match="was cut short"):
            studying.sleep()
    with Ingrained("empty", model=base, embedder=HashEmbedder()) as empty:
        assert empty.memory.list() == []
        with pytest.raises(TrainingError, match="nothing to train on"):
            empty.sleep()


def kept_replies(home: Path) -> int:
    with closing(sqlite3.connect(home / "replies.sqlite")) as database:
        return int(database.execute("SELECT count(*) FROM replies").fetchone()[0])


def test_what_a_named_model_said_is_kept_until_the_study_is_done_and_no_longer(
    agent, corpus, home, by_heart
):
    with agent(model=by_heart) as studying:
        with pytest.raises(KeyboardInterrupt):
            studying.study(corpus, on_event=stop)
        assert kept_replies(home) > 0
        studying.study(corpus)
        studying.ask(QUESTION)
        studying.sleep(**QUICK)
    assert kept_replies(home) == 0


def test_rounds_and_mechanisms_are_as_the_policy_has_them(agent, corpus):
    with agent() as studying:
        report = studying.study(corpus, rounds=2, mechanisms=PLAIN, mastered=1.0)
    assert (report.rounds, report.stop) == (2, "rounds")
