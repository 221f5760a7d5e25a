"""Conversations told to the chat's memory, and what the benchmarks make of the answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ingrained.agent.asking import Asker
from ingrained.agent.bench.loading import load
from ingrained.agent.recalling import RECALL_K
from ingrained.agent.testing import ScriptedModel
from ingrained.graphs.chat.context import OWN_K
from ingrained.memory import MemoryStore
from ingrained.memory.testing import HashEmbedder

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
LAMP = "Ada: I bought a green lamp in Orrelsund."
OWL = "Bo: My owl Pip caught a vole in the barn."


@pytest.fixture
def locomo(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import locomo

    return locomo


@pytest.fixture
def memorybank(locomo: ModuleType) -> ModuleType:
    import memorybank

    return memorybank


@pytest.fixture
def dialogues(locomo: ModuleType) -> ModuleType:
    import dialogues

    return dialogues


def talk(number: int) -> dict[str, Any]:
    """A conversation of two sessions in LoCoMo's form."""

    def turn(line: str) -> dict[str, str]:
        speaker, _, text = line.partition(": ")
        return {"speaker": speaker, "text": text}

    return {
        "sample_id": f"conv-{number}",
        "conversation": {
            "speaker_a": "Ada",
            "speaker_b": "Bo",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": [turn(f"{LAMP} It is number {number}."), turn("Bo: Nice.\nAnd cheap.")],
            "session_2_date_time": "12:05 am on 1 June, 2023",
            "session_2": [turn(OWL)],
        },
        "qa": [
            {"question": "What did Ada buy in Orrelsund?", "answer": "a green lamp", "category": 4,
             "evidence": ["D1:1"]},
            {"question": "What did the owl Pip catch?", "answer": "a vole", "category": 1,
             "evidence": ["D2:1"]},
            {"question": "What did the cat Zed catch?", "category": 5, "evidence": ["D2:1"]},
        ],
    }  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "locomo"
    folder.mkdir(parents=True)
    talks = [talk(number) for number in (26, 30, 41)]
    (folder / "locomo_three.json").write_text(json.dumps(talks), encoding="utf-8")
    return folder.parent


def reader(prompt: str) -> str:
    """Answer from what stands in the prompt."""
    question = prompt.rpartition("Question: ")[2]
    if "Orrelsund?" in question and "green lamp" in prompt:
        return "a green lamp"
    return "a vole" if "Pip" in question and "vole" in prompt else "I don't know."


def test_turns_are_told_with_their_speaker_and_date(locomo, data):
    told = locomo.told_of(load("locomo/1", data))
    assert told.name == "conv-26"
    assert [turn["user"] for turn in told.turns] == [
        f"{LAMP} It is number 26.",
        "Bo: Nice. And cheap.",
        OWL,
    ]
    first, second, third = (datetime.fromtimestamp(t["time"], UTC) for t in told.turns)
    assert first == datetime(2023, 5, 8, 13, 56, tzinfo=UTC) < second
    assert third == datetime(2023, 6, 1, 0, 5, tzinfo=UTC)


def test_what_was_told_is_recalled_as_the_chat_keeps_it_and_no_question_is(
    locomo, dialogues, data, tmp_path
):
    told = locomo.told_of(load("locomo/1", data))
    model = ScriptedModel(script=reader)
    for _ in range(2):  # The second time nothing is told again.
        with dialogues.listener(told, Asker(model), HashEmbedder(), tmp_path) as heard:
            found = heard.ask("What did the owl Pip catch?")
            days = heard.days(found.answer)
    assert found.answer.reply == "a vole"
    assert found.tokens > len(model.asked[-1].split())
    assert told.turns[2]["time"] in days
    shown = "Conversation on 2023-06-01: The user said: “Bo: My owl Pip caught a vole in the barn.”"
    assert f"] {shown}" in model.asked[-1]
    assert "green lamp" not in model.asked[-1].rpartition("Question: ")[2]
    with MemoryStore.open(tmp_path / "homes" / "conv-26", HashEmbedder(), read_only=True) as store:
        kept = store.list(namespace=("user", "me"))
    assert sorted(one.text for one in kept) == sorted(turn["user"] for turn in told.turns)
    assert {one.created for one in kept} == {turn["time"] for turn in told.turns}


def test_a_text_that_does_not_fit_loses_its_beginning(locomo, monkeypatch):
    asker = Asker(ScriptedModel(script=reader))
    text = "\n".join(f"line number {number}" for number in range(400))
    assert locomo.fitting(text, [], asker) == text
    monkeypatch.setattr(locomo, "window", lambda _model: 900)
    kept = locomo.fitting(text, [], asker)
    assert kept.endswith("line number 399")
    assert 200 < locomo.estimate_tokens(kept) < 900


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ScriptedModel]:
    """Run a script with a scripted model; return the model."""

    def call(script: ModuleType, *words: str | Path) -> ScriptedModel:
        model = ScriptedModel(script=reader)
        monkeypatch.setattr(script, "load_chat_model", lambda *_: model)
        monkeypatch.setattr(script, "open_embedder", lambda _: HashEmbedder())
        monkeypatch.setattr("sys.argv", [script.__name__, *map(str, words)])
        script.main()
        return model

    return call


def test_each_cell_is_scored_by_category_and_kept(locomo, call, data, tmp_path):
    words = ("--data", data, "--work", tmp_path / "w", "--folder", tmp_path)
    assert call(locomo, *words).asked
    figures = json.loads((tmp_path / "locomo3.json").read_text())["figures"]
    for cell in locomo.CELLS:
        assert figures[f"f1_{cell}"]["value"] == 1.0, cell
        assert figures[f"f1_{cell}"]["low"] < 1.0, "nine questions say little"
        assert figures[f"contained_{cell}_multi_hop"]["value"] == 1.0
        assert figures[f"abstained_{cell}"]["value"] == 1.0
        assert figures[f"tokens_per_question_{cell}"]["value"] > 0
    assert figures["questions"]["value"] == 9
    assert (OWN_K, RECALL_K) == (2, 3), (
        "locomo.py and docs/bench.md say how much each cell is shown"
    )

    assert call(locomo, *words).asked == [], "it goes on where it was"


def test_of_a_trial_only_the_first_questions_are_asked(locomo, call, data, tmp_path):
    words = ("--data", data, "--limit", 1, "--model", "other")
    call(locomo, *words, "--work", tmp_path / "w", "--folder", tmp_path)
    written = json.loads((tmp_path / "locomo3.json").read_text())
    assert written["figures"]["questions"]["value"] == 3
    assert written["command"] == (
        "python benchmarks/locomo.py --data FOLDER --model other --limit 1"
    )


def test_changed_data_are_asked_about_anew(locomo, call, data, tmp_path):
    words = ("--data", data, "--limit", 1, "--work", tmp_path / "w", "--folder", tmp_path)
    call(locomo, *words)
    file = data / "locomo" / "locomo_three.json"
    file.write_text(file.read_text().replace("Nice.", "Fine."))
    assert call(locomo, *words).asked


def test_answers_depend_on_the_prompts_and_the_script_too(dialogues, tmp_path, monkeypatch):
    script, prompt = tmp_path / "script.py", tmp_path / "prompt.md"
    script.write_text("one")
    prompt.write_text("one")
    monkeypatch.setattr(dialogues, "_prompts", lambda: [prompt])

    def key() -> dict[str, str]:
        asker = Asker(ScriptedModel(script=reader))
        return dialogues.answered_by(asker, HashEmbedder(), script, [])

    first = key()
    script.write_text("two")
    second = key()
    prompt.write_text("two")
    assert first["scripts"] != second["scripts"]
    assert second["prompts"] != key()["prompts"]


def test_a_line_that_was_cut_short_is_answered_again(dialogues, tmp_path):
    asked: list[str] = []

    def answer() -> dict[str, str]:
        asked.append("x")
        return {"reply": "yes"}

    dialogues.Parts(tmp_path, model="m").row("rag", "1", answer)
    parts = dialogues.Parts(tmp_path, model="m")
    assert parts.row("rag", "1", answer) == {"cell": "rag", "id": "1", "reply": "yes"}
    (file,) = tmp_path.rglob("rows.jsonl")
    file.write_text(file.read_text()[:-5])
    dialogues.Parts(tmp_path, model="m").row("rag", "1", answer)
    assert len(asked) == 2
    dialogues.Parts(tmp_path, model="other").row("rag", "1", answer)
    assert len(asked) == 3


PEOPLE = {
    "Ada ": {
        "2023-04-27": [("I bought a green lamp in Orrelsund.", "Which kind?\nAn oil lamp?")],
        "2023-04-28": [("Can you recommend a book?", "Read The Salt Road.")],
    },
    "Bo": {"2023-04-27": [("My owl Pip caught a vole.", "Well done, Pip.")], "2023-04-28": []},
}


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """Two people's talk in MemoryBank's form, and what was read from it."""
    folder = tmp_path / "data" / "memorybank" / "en"
    folder.mkdir(parents=True)
    talks = {
        name: {"history": {
            day: [{"query": said, "response": answer} for said, answer in exchanges]
            for day, exchanges in days.items()
        }}
        for name, days in PEOPLE.items()
    }  # fmt: skip
    (folder / "memory_bank_en.json").write_text(json.dumps(talks))
    asked = [
        {"Ada": ["What kind of lamp did I buy in Orrelsund?", '"Which book did you recommend?"']},
        {"Bo": ["What did the owl Pip catch?", "What did we cook on April 28th?"]},
    ]
    lines = "".join(f"{json.dumps(row)}\n" for row in asked)
    (folder / "probing_questions_en.jsonl").write_text(lines)
    days = [
        {"person": "Ada", "days": [["2023-04-27"], ["2023-04-28"]], "unknown_to_the_next": [0]},
        {"person": "Bo", "days": [["2023-04-27"], []], "unknown_to_the_next": []},
    ]
    (tmp_path / "days.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in days))
    return tmp_path


def test_probes_on_what_was_never_talked_about_are_asked_too(memorybank, bank):
    data = load("memorybank/en", bank / "data")
    probes = memorybank.probes_of(data, bank / "days.jsonl")
    assert [(one.id, one.person, one.days) for one in probes] == [
        ("Ada-q0", "Ada", ("2023-04-27",)),
        ("Ada-q1", "Ada", ("2023-04-28",)),
        ("Ada-q0-of-Bo", "Bo", ()),
        ("Bo-q0", "Bo", ("2023-04-27",)),
        ("Bo-q1", "Bo", ()),
    ]
    assert probes[1].question == "Which book did you recommend?"

    told = memorybank.told_of(data)
    first, second = told["Ada"].turns
    assert first["agent"] == "Which kind?\nAn oil lamp?"
    assert datetime.fromtimestamp(second["time"], UTC) == datetime(2023, 4, 28, 12, tzinfo=UTC)


def test_what_the_companion_answered_is_shown_with_what_was_said(memorybank, bank, call, tmp_path):
    words = ("--data", bank / "data", "--days", bank / "days.jsonl", "--work", tmp_path / "w")
    model = call(memorybank, *words, "--folder", tmp_path)
    told = "“Can you recommend a book?” The agent answered: “Read The Salt Road.”"
    assert any(told in prompt for prompt in model.asked)

    figures = json.loads((tmp_path / "memorybank.json").read_text())["figures"]
    assert figures["retrieval_hit_rate"]["value"] == 1.0
    assert figures["absent_probe_abstained"]["value"] == 1.0
    assert (figures["probes"]["value"], figures["absent_probes"]["value"]) == (3, 2)
    assert call(memorybank, *words, "--folder", tmp_path).asked == [], "it goes on where it was"

    days = bank / "days.jsonl"
    days.write_text(days.read_text().replace("2023-04-27", "2023-04-01"))
    assert call(memorybank, *words, "--folder", tmp_path).asked == []
    mended = json.loads((tmp_path / "memorybank.json").read_text())["figures"]
    assert mended["retrieval_hit_rate"]["value"] < 1.0, (
        "what was answered is judged by the new days"
    )


def test_the_days_can_be_summed_up_first(memorybank, bank, call, tmp_path):
    words = ("--data", bank / "data", "--days", bank / "days.jsonl", "--work", tmp_path / "w")
    model = call(memorybank, *words, "--folder", tmp_path, "--portrait")
    (summed,) = [
        text for text in model.asked if "“I bought a green lamp" in text and "on this day" in text
    ]
    assert summed.endswith("2023-04-27: “I bought a green lamp in Orrelsund.”")
    written = json.loads((tmp_path / "memorybank_portrait.json").read_text())
    assert written["command"].endswith(" --portrait")
    assert not (tmp_path / "memorybank.json").exists()


def test_what_was_read_names_every_probe_once(memorybank):
    rows = [json.loads(line) for line in memorybank.DAYS.read_text().splitlines()]
    assert len(rows) == 15
    assert sum(len(row["days"]) for row in rows) == 100
    absent = sum(not days for row in rows for days in row["days"])
    assert absent + sum(len(row["unknown_to_the_next"]) for row in rows) == 23
    assert all(n < len(row["days"]) for row in rows for n in row["unknown_to_the_next"])
