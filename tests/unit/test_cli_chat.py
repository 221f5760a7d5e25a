"""`ingrained chat`: a conversation that goes on, and the commands in it."""

from __future__ import annotations

import io
import time

import pytest
from cli_student import QUESTION, doors

from ingrained.agent.cli import run
from ingrained.agent.commands.chat import prompt_session
from ingrained.agent.commands.chat_commands import COMMANDS
from ingrained.agent.grading import ABSTENTION
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

HERON = "A heron named Pip lives on the roof of the mill."
DOG = "My dog is called Rex."


@pytest.fixture
def chat(agent, capsys, monkeypatch):
    """Type some lines into a chat; return what was shown as the result, and beside it."""
    home, behind = agent

    def typed(*lines: str, options: tuple[str, ...] = (), code: int = 0) -> tuple[str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        assert run(["chat", "--home", str(home), *options], behind) == code
        return capsys.readouterr()

    return typed


def memories(home, namespace=None) -> dict[str, Memory]:
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return {one.text: one for one in store.list(namespace=namespace, status=None)}


def test_a_conversation_goes_on_with_the_last_one_of_the_home(chat, agent):
    _, behind = agent
    _, err = chat(QUESTION)
    assert "begins. /help lists commands." in err
    out, err = chat("/history", "And when was that?")
    assert "goes on after 1 turn." in err
    assert f"{QUESTION}\nPip\n" in out
    assert f"\n{QUESTION}\nPip\n" in behind.model.asked[-1]


def test_another_conversation_has_a_name_or_is_new(chat):
    chat(QUESTION)
    out, err = chat("/history", options=("--thread", "mills"))
    assert "The conversation mills begins." in err
    assert "Nothing was said yet." in out
    chat("xyzzy?", options=("--thread", "mills"))
    out, _ = chat("/history", options=("--new",))
    assert "Nothing was said yet." in out
    out, _ = chat("/history")
    assert "xyzzy?" in out, "the last one in which anything was said"


@pytest.mark.parametrize("options", [("--new", "--thread", "x"), ("--thread", " "), ("--user", "")])
def test_names_that_cannot_be_used(chat, options):
    _, err = chat(options=options, code=2)
    assert "name" in err


def test_two_users_do_not_see_each_other(chat):
    chat(DOG)
    out, _ = chat("/history", options=("--user", "ada"))
    assert DOG not in out


def test_a_command_that_does_not_exist_is_said_to_and_the_chat_goes_on(chat):
    out, err = chat("/moon", QUESTION)
    assert "there is no command '/moon'" in err
    assert "/help lists them." in err
    assert out.startswith("Pip\n[1] teskow.md")


@pytest.mark.parametrize("line", ["/sleep now", "/undo 2", "/history all", "/quit now"])
def test_what_follows_a_command_that_takes_nothing_is_refused(chat, line):
    out, err = chat(line)
    name = line.split()[0]
    assert f"{name} takes nothing after it" in err
    assert f"{name} alone: " in err
    assert out == ""


def test_help_names_every_command(chat):
    _, err = chat("/help")
    assert all(name in err for name in COMMANDS)
    assert "/correct N TEXT" in err


def test_a_reply_with_a_number_that_was_not_shown(chat, agent):
    _, behind = agent
    behind.model.script = lambda _: "Pip [1][7]"
    out, err = chat(QUESTION)
    assert out.startswith("Pip [1]\n")
    assert "Taken out of the reply: [7], which was not shown to the model." in err


def test_why_shows_scores_evidence_dates_and_the_cell(chat):
    out, err = chat("/why", QUESTION, "/why")
    assert "Nothing was answered since the chat was opened." in err
    told = out.split("cell memory\n", 1)[1]
    assert f"“{QUESTION}”: cell memory, no adapter" in told
    assert "[1] score 1.00, retention 1.00" in told
    assert "held: from 20" in told
    assert "Kept because of" in told
    assert "insert by study" in told


def test_remember_keeps_a_statement_of_the_users(chat, agent):
    home, behind = agent
    out, err = chat("/remember", f"/remember {DOG}")
    assert "there is nothing to remember" in err
    assert "Remembered" in out
    kept = memories(home, ("user", "me"))[DOG]
    assert (kept.kind, kept.strength) == ("fact", 30.0)
    assert kept.title.startswith("The user said on 20")

    out, _ = chat("What is my dog called?", options=("--new",))
    assert f": {DOG}\n\nQuestion: What is my dog called?" in behind.model.asked[-1]
    assert f"[1] {kept.title}\n    “{DOG}”" in out


def test_what_the_screen_refuses_is_not_remembered(chat, agent, monkeypatch):
    monkeypatch.setenv("INGRAINED_SCREENING", "refuse")
    _, err = chat("/remember Write to ada@example.org.", "Write to ada@example.org.")
    assert err.count("Not kept: the screen found a secret or personal data") == 2
    assert memories(agent[0], ("user", "me")) == {}


def test_a_correction_takes_the_place_of_a_source_and_can_be_taken_back(chat, agent):
    home, behind = agent
    right = "A heron named Pop lives on the roof of the mill."
    out, _ = chat(QUESTION, f"/correct 1 {right}", QUESTION)
    assert "Superseded" in out
    assert "In its place" in out
    prompt = behind.model.asked[-1]
    assert right in prompt
    assert HERON not in prompt
    known = memories(home)
    assert known[HERON].superseded_by == known[right].id
    assert (known[right].namespace, known[right].tags) == (("default",), ("corrected",))

    _, err = chat("/undo")
    assert "there is nothing to take back" in err


def test_undo_takes_back_the_last_change(chat, agent):
    home, _ = agent
    right = "A heron named Pop lives on the roof of the mill."
    out, _ = chat(QUESTION, f"/correct 1 {right}", "/undo", QUESTION, "/forget 1", "/undo")
    assert out.count("Now active:") == 2
    assert "Now forgotten:" in out
    assert memories(home)[HERON].status == "active"
    assert memories(home)[right].status == "forgotten"
    assert out.count("Pip\n[1]") == 2


def test_forget_takes_a_source_out_of_recall(chat, agent):
    home, _ = agent
    out, err = chat(QUESTION, "/forget 9", "/forget", "/forget 1", QUESTION)
    assert "the last answer has no source '9'" in err
    assert "which one?" in err
    assert f"Forgotten {memories(home)[HERON].id}" in out
    assert memories(home)[HERON].status == "forgotten"
    assert "The agent does not know." in out


def test_the_memories_of_one_number_have_labels_of_their_own(chat, agent):
    home, _ = agent
    out, _ = chat(QUESTION, "/forget [1.2]", "/why")
    other = "The mill was built in 1702 by Ada Kern."
    assert f"[1.2] teskow.md, characters 22 to 61\n    “{other}”" in out
    assert "[1.2] score " in out
    known = memories(home)
    assert (known[HERON].status, known[other].status) == ("active", "forgotten")


def test_the_whole_passage_of_a_source_can_be_read(chat):
    out, err = chat("/sources 1", QUESTION, "/sources [1]", "/sources 9")
    assert err.count("the last answer has no source") == 2
    shown = out.split("cell memory\n", 1)[1]
    assert shown.startswith("[1] teskow.md, characters ")
    assert "The mill was built in 1702 by Ada Kern. It grinds nine sacks of barley a week." in shown


def test_a_correction_needs_a_number_and_a_text(chat):
    _, err = chat("/correct 1", "/correct 1 Something else.")
    assert "a correction needs the number of a source" in err
    assert "the last answer has no source '1'" in err


def test_quiz_asks_the_user_and_grades_the_next_line(chat, agent, monkeypatch):
    home, behind = agent
    monkeypatch.setattr("random.Random.choice", lambda _self, some: some[0])
    first = next(one for one in memories(home).values() if one.evidence)
    answer = first.evidence[0].answer
    asked = len(behind.model.asked)
    out, _ = chat("/quiz", f"It is {answer}", "/quiz", "xyzzy plugh")
    assert f"Question: {first.evidence[0].question}" in out
    assert f"Right. Answer: {answer}" in out
    assert f"Not what the agent has. Answer: {answer}" in out
    assert len(behind.model.asked) == asked, "what is graded is no question to the agent"


def test_without_questions_there_is_no_quiz(tmp_path, capsys, monkeypatch):
    from ingrained.graphs.session import Home

    home = Home(tmp_path / "new")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"/quiz\n{DOG}\n/why\n"))
    assert run(["chat", "--home", str(home.path)], doors()) == 0
    out, err = capsys.readouterr()
    assert "No memory has a question yet" in err
    assert "No memory was shown to the model." in out


def test_beside_a_writer_it_answers_and_says_why_it_cannot_write(chat, agent):
    home, _ = agent
    with MemoryStore.open(home, HashEmbedder()):
        out, err = chat(QUESTION, f"/remember {DOG}", "/forget 1", QUESTION)
    assert out.count("Pip\n[1] teskow.md") == 2
    assert err.count("Not in memory yet, kept in the conversation until then") == 1
    assert err.count("Error: ") == 2
    assert "Wait for the other run to end" in err
    assert memories(home, ("user", "me")) == {}
    chat(DOG)
    assert list(memories(home, ("user", "me"))) == [QUESTION, DOG], "made good, and once"


def test_a_study_can_begin_while_somebody_talks(chat, agent):
    home, behind = agent
    held = []

    def study(_prompt: str) -> str:
        with MemoryStore.open(home, HashEmbedder()) as store:
            held.append(store.stats().active)
        return "Pip"

    behind.model.script = study
    out, err = chat(QUESTION, QUESTION)
    assert out.count("Pip\n") == 2
    assert len(held) == 2
    assert "Error" not in err


def test_ctrl_c_cuts_one_answer_short_and_the_chat_goes_on(chat, agent):
    _, behind = agent
    script = behind.model.script

    def cut(prompt: str) -> str:
        if "xyzzy" in prompt.splitlines()[-1]:
            raise KeyboardInterrupt
        return str(script(prompt))

    behind.model.script = cut
    out, _ = chat("xyzzy?", QUESTION, "/history")
    assert "(cut short: nothing of this turn is kept)" in out
    assert "Pip\n[1] teskow.md" in out
    assert "xyzzy" not in out


def test_an_error_in_a_turn_is_told_and_the_chat_goes_on(chat, agent):
    from ingrained.errors import ModelError

    _, behind = agent
    script = behind.model.script

    def fail(prompt: str) -> str:
        if "too long" in prompt:
            raise ModelError("the prompt is too long", hint="Ask for less.")
        return str(script(prompt))

    behind.model.script = fail
    out, err = chat("Is this too long?", QUESTION)
    assert "Error: the prompt is too long" in err
    assert "Pip\n[1] teskow.md" in out


def test_a_document_cannot_steer_the_terminal_through_history(chat, agent):
    _, behind = agent
    behind.model.script = lambda _: "\x1b[2Jgone"
    out, _ = chat(QUESTION, "/history")
    assert "\x1b" not in out
    assert ABSTENTION not in out


def test_a_model_that_takes_no_adapters_does_not_answer_in_the_name_of_one(chat, agent):
    home, _ = agent
    registry = AdapterRegistry(home)
    version = registry.stage()
    registry.commit(version, Manifest(version=version, base_model="scripted"))
    registry.promote(version, force=True)
    _, err = chat("Who is it?", options=("--cell", "adapter"), code=4)
    assert "cell 'adapter' cannot answer" in err
    _, err = chat("/cell adapter", options=("--cell", "memory"))
    assert "cell 'adapter' cannot answer" in err
    _, err = chat("Who is it?")
    assert "answering from memory alone" in err


def test_two_new_conversations_of_one_second_are_two(chat, monkeypatch):
    monkeypatch.setattr("time.time", lambda: 1_700_000_000.0)
    first = chat(options=("--new",))[1].split("conversation ")[1].split()[0]
    second = chat(options=("--new",))[1].split("conversation ")[1].split()[0]
    assert second == f"{first}-2"


def test_of_lines_that_are_piped_in_a_stray_byte_loses_none(agent, capsys, monkeypatch):
    home, behind = agent
    piped = io.BytesIO(b"hello\nfor 5 \x80\n" + QUESTION.encode() + b"\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(piped, encoding="utf-8"))
    assert run(["chat", "--home", str(home)], behind) == 0
    assert "Pip\n[1] teskow.md" in capsys.readouterr().out
    assert any("for 5 \ufffd" in asked for asked in behind.model.asked)


@pytest.mark.parametrize("line", ["", "/cell"])
def test_a_quiz_question_is_given_up_by_an_empty_line_or_a_command(chat, line):
    out, _ = chat("/quiz", line, QUESTION)
    assert "Pip\n[1] teskow.md" in out, "it is asked, not graded"


def test_at_a_terminal_lines_are_typed_and_can_be_brought_back(agent, monkeypatch, capsys):
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    home, behind = agent
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    with create_pipe_input() as typed, create_app_session(input=typed, output=DummyOutput()):
        typed.send_text(f"{QUESTION}\r/quit\r")
        assert run(["chat", "--home", str(home)], behind) == 0
        earlier = prompt_session(home / "chat_history").history.load_history_strings()
    assert capsys.readouterr().out.startswith("Pip\n[1] teskow.md")
    assert list(earlier) == ["/quit", QUESTION]


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("/s", ["/sources", "/sleep"]),
        ("/cell b", ["/cell base", "/cell both"]),
        ("Who /s", []),
    ],
)
def test_commands_and_cells_are_completed_at_the_beginning_of_a_line(tmp_path, typed, offered):
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.completion import CompleteEvent
    from prompt_toolkit.document import Document
    from prompt_toolkit.input import DummyInput
    from prompt_toolkit.output import DummyOutput

    with create_app_session(input=DummyInput(), output=DummyOutput()):
        completer = prompt_session(tmp_path / "history").completer
    found = completer.get_completions(Document(typed), CompleteEvent())
    assert [one.text for one in found] == offered


REX = "The user has a dog called Rex."


@pytest.fixture
def yesterday(agent):
    """Let the user have told something yesterday; return the model, which has a summary of it."""
    home, behind = agent
    told = Memory(
        id="", text=DOG, kind="episode", namespace=("user", "me"), tags=("told",),
        created=time.time() - 86_400.0,
    )  # fmt: skip
    with MemoryStore.open(home, HashEmbedder()) as store:
        store.insert([told], who="chat", why="said yesterday")
    behind.model.script = lambda prompt: (
        REX if "said on this day" in prompt or "Say what" in prompt else "Yes"
    )
    behind.model.asked.clear()
    return behind.model


def test_the_days_before_are_summed_up_and_the_user_sees_and_forgets_the_portrait(
    agent, yesterday, chat, capsys
):
    _, err = chat("Hello!")
    assert "Summing up what you said on the days before" in err
    home, behind = agent
    assert run(["memory", "list", "--home", str(home), "--kind", "portrait"], behind) == 0
    assert REX in capsys.readouterr().out
    yesterday.script = lambda _: "Go out with Rex [1]"
    out, err = chat("What shall we do?", "/why", "/forget 1", options=("--thread", "walks"))
    assert "Summing up" not in err
    assert "[1] Portrait of the user" in out
    assert "made of 1 memory" in out
    assert "Forgotten" in err + out
    chat("What shall we do?", options=("--thread", "more"))
    assert "known of the user" not in yesterday.asked[-1]


def test_without_a_portrait_nothing_is_summed_up(chat, yesterday):
    _, err = chat("Hello!", options=("--no-portrait",))
    assert "Summing up" not in err
    assert len(yesterday.asked) == 1
