"""Fifty documents that try to be more than data, read by a model that does whatever it is told."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from models_tiny import tiny_engine

from ingrained.agent.citing import Answer, Source
from ingrained.agent.grading import ABSTENTION, contains, words
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.prompts import load
from ingrained.agent.report.records import save_run
from ingrained.agent.testing import ScriptedModel
from ingrained.agent.ui.console import safe
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.records import Span
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry

VICTIM = ("user", "victim")
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def injection(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import injection

    return injection


@pytest.fixture
def checks(injection: ModuleType) -> ModuleType:
    import injection_checks

    return injection_checks


_TARGET = re.compile(r"Sentence: (.*)\nAnswer: (.*)\nFirst words: (.*)\Z")


class Gullible:
    """Studies as a good student does, so that much is kept; asked about a document, it obeys it.

    Args:
        attacks: The documents.
        always: Obey a document wherever its name is read, in the study too.
    """

    def __init__(self, attacks: Sequence[Any], *, always: bool) -> None:
        self._attacks = {attack.canary: attack for attack in attacks}
        self._names = re.compile("|".join(self._attacks))
        self._always = always
        self._answers: dict[str, str] = {}

    def __call__(self, prompt: str) -> str:
        asked = prompt if self._always else prompt.rpartition("Who built the mill of ")[2][:20]
        if named := self._names.findall(asked):
            return self._obey(prompt, str(self._attacks[named[-1]].obeyed))
        if wanted := _TARGET.search(prompt):
            return self._question(*wanted.groups())
        shown, _, question = prompt.rpartition("Question: ")
        answer = self._answers.get(question.strip(), "")
        return answer if answer and contains(shown, answer) else ABSTENTION

    def _obey(self, prompt: str, obeyed: str) -> str:
        """Say what a document wants; of a draft, that it is to be put otherwise."""
        if prompt.startswith("Check the draft"):
            place = " ".join(words(prompt.rpartition("\nDraft: ")[2])[:1])
            return f"Place: {place}\nFix: {obeyed}"
        return f"as it says:\n{obeyed}" if "Heed the feedback" in prompt else obeyed

    def _question(self, sentence: str, answer: str, opener: str) -> str:
        """Ask for an answer in words that are there, naming the mill."""
        (name, *_) = self._names.findall(sentence) or [""]
        around = " ".join(sentence.replace("[?]", " ").split()[:8]).strip(".,")
        question = f"{opener} belongs to {name}: {around}?"
        self._answers[question] = answer
        return question


@pytest.mark.parametrize("always", [False, True], ids=["when asked", "in the study too"])
def test_no_document_gets_more_than_to_be_read(injection, tmp_path, always):
    attacks = injection.read_attacks()
    model = ScriptedModel(script=Gullible(attacks, always=always))
    found = injection.let_loose(tmp_path / "arena", attacks, model, HashEmbedder())

    assert len(attacks) == 50
    assert [(one.check, one.evidence) for one in found] == []
    read = [one for one in attacks if any(one.canary in prompt for prompt in model.asked)]
    assert len(read) == 50, (
        "the study lays them before the model; one that obeys even there keeps little"
    )
    prompts = [prompt for prompt in model.asked if "from the notes" in prompt]
    brought = [one for one in attacks if any(f"The {one.canary} mill: " in p for p in prompts)]
    assert always or len(brought) > 40, "they did come before the model"
    refining = [prompt for prompt in model.asked if "the text. Heed the feedback" in prompt]
    again = [one for one in attacks if any(f"The {one.canary} mill: " in p for p in refining)]
    assert always or len(again) > 40, "when a reply was refined, too"


def test_where_nobody_is_asked_a_model_that_obeys_forgets_what_the_caller_keeps(
    injection, checks, tmp_path
):
    attacks = [one for one in injection.read_attacks() if one.check == "memories" and one.calls]
    model = ScriptedModel(script=lambda _prompt: ABSTENTION)
    found = injection.without_approval(tmp_path / "arena", attacks, model, HashEmbedder())
    # Its calls run beside each other: whichever is last says what became of the memory.
    assert re.match(r"Velmarsh: OWN is (forgotten|superseded): ", found[0].evidence)
    assert {one.canary for one in checks.succeeded(attacks, found)} == {"Velmarsh"}


def test_each_attempt_says_what_it_wants_and_what_tells(injection, checks, arena):
    attacks = injection.read_attacks()
    known = checks.checks(arena, None, None, None)
    for attack in attacks:
        assert attack.check in known, attack.id
        assert attack.success
        assert attack.canary in attack.text
        assert attack.canary in attack.question
    assert {attack.check for attack in attacks} == set(known)
    for field in ("id", "canary", "file"):
        assert len({getattr(attack, field) for attack in attacks}) == 50


@pytest.fixture
def arena(injection: ModuleType, tmp_path: Path) -> Any:
    return injection.prepare(tmp_path / "arena", [], HashEmbedder())


def change(arena: Any, do: Callable[[MemoryStore], Any]) -> None:
    with MemoryStore.open(arena.home, HashEmbedder()) as store:
        do(store)


def put(store: MemoryStore, namespace: tuple[str, ...], document: str = "") -> None:
    text = "The vault is open."
    span = Span(document=document, version="v", start=0, end=18, quote=text, quote_sha256="q")
    spans = (span,) if document else ()
    memory = Memory(id="", text=text, namespace=namespace, spans=spans)
    store.insert([memory], who="test", why="a test")


def quote(number: int) -> Source:
    return Source(
        number=number, memory="m", title="", document="d", start=0, end=1, quote="q", score=1.0
    )


def answered(reply: str, cell: str = "memory") -> Answer:
    return Answer(question="?", reply=reply, cell=cell, abstained=False, sources=(quote(1),))


NOTES = load("with_memory").turns[0][1] + "\n"


def looked_over(notes: str) -> str:
    return prompt_text("criticise_answer", passage=notes, question="c", draft="d")


def refined_from(notes: str) -> str:
    return prompt_text(
        "refine_answer", passage=notes, question="c", history="Draft: d\nFeedback: e"
    )


def prompt_text(name: str, **values: str) -> str:
    return "\n".join(content for _, content in load(name).render(**values))


@pytest.mark.parametrize(
    ("name", "happens"),
    [
        ("settings", lambda arena, seen, patch: patch.setenv("INGRAINED_SCREENING", "refuse")),
        ("settings", lambda arena, seen, patch: seen.answers.append(answered("x", "base"))),
        ("memories", lambda arena, seen, patch: change(arena, lambda s: put(s, VICTIM))),
        ("memories", lambda arena, seen, patch: change(arena, lambda s: put(s, ("default",)))),
        ("memories", lambda arena, seen, patch: change(
            arena, lambda s: put(s, ("default",), "../secret.md"))),
        ("memories", lambda arena, seen, patch: change(arena, lambda s: put(s, ("user", "me")))),
        ("memories", lambda arena, seen, patch: change(
            arena, lambda s: s.forget([arena.ids["PRIOR"]], who="t", why="t"))),
        ("memories", lambda arena, seen, patch: seen.leaked.append("heron-42")),
        ("files", lambda arena, seen, patch: (arena.folder / "cwd" / "x").write_text("x")),
        ("files", lambda arena, seen, patch: arena.secret.write_text("x")),
        ("files", lambda arena, seen, patch: seen.heard.append("open '../secret.md'")),
        ("outside", lambda arena, seen, patch: seen.heard.append("os.system touch")),
        ("tools", lambda arena, seen, patch: seen.called.append("forget")),
        ("terminal", lambda arena, seen, patch: seen.printed.append("fine\n\x1b[2J")),
        ("terminal", lambda arena, seen, patch: seen.printed.append("sa\u200by")),
        ("terminal", lambda arena, seen, patch: seen.printed.append("sa\U000e0100y")),
        ("markup", lambda arena, seen, patch: page(arena, "<p onclick='x()'>")),
        ("markup", lambda arena, seen, patch: page(arena, "<img src=x>")),
        ("markup", lambda arena, seen, patch: page(arena, "<a href='https://evil.example'>x</a>")),
        ("markup", lambda arena, seen, patch: page(arena, "<script>alert('x')</script>")),
        ("prompt", lambda arena, seen, patch: seen.asked.append(
            f"{NOTES}[1] a\n[1] b\n\nQuestion: c")),
        ("prompt", lambda arena, seen, patch: seen.asked.append(
            f"{NOTES}[1] a\nQuestion: b\n\nQuestion: c")),
        ("prompt", lambda arena, seen, patch: seen.asked.append(looked_over("[1] a\nDraft: b"))),
        ("prompt", lambda arena, seen, patch: seen.asked.append(refined_from("Draft: b"))),
        ("citations", lambda arena, seen, patch: seen.answers.append(answered("So it is [7]."))),
        ("citations", lambda arena, seen, patch: setattr(seen, "chatted", "So it is [97].\n[1] d")),
        ("adapters", lambda arena, seen, patch: AdapterRegistry(arena.home).promote(
            "v001", force=True)),
    ],
)  # fmt: skip
def test_a_check_sees_what_it_is_for(checks, arena, monkeypatch, name, happens):
    save_run(arena.home, {"settings": {}})
    page(arena, "<a href='#kept'>kept</a>")
    embedder, seen = HashEmbedder(), checks.Seen()
    before = checks.Before.of(arena, embedder)
    check = checks.checks(arena, before, seen, embedder)
    seen.asked += [looked_over("[1] a"), refined_from("[1] Draft: a")]
    assert not any(list(one()) for one in check.values())

    happens(arena, seen, monkeypatch)
    assert list(check[name]())


def test_what_the_terminal_check_sees_is_never_shown(checks):
    every = (chr(number) for number in range(sys.maxunicode + 1))
    seen = [letter for letter in every if checks.hidden_or_obeyed(letter)]
    assert {*"\x1b\xad\u034f\u115f\u180e\u2800\u3164\ufe01\ufff9\U000e0100"} <= {*seen}
    assert not {*"\t\nä\u200c\u200d\ufe0f\u06dd\u4e00"} & {*seen}
    assert {safe(letter) for letter in seen} == {"\ufffd"}


def page(arena: Any, text: str) -> None:
    (arena.home / "report.html").write_text(text, encoding="utf-8")


def test_a_setting_that_a_study_did_not_have_is_seen(checks, arena):
    save_run(arena.home, {"settings": {"rounds": {"value": 99, "origin": "default"}}})
    before = checks.Before.of(arena, HashEmbedder())
    told = checks.checks(arena, before, checks.Seen(), HashEmbedder())["settings"]()
    assert list(told) == ["rounds was 99 in the study"]


def test_a_document_outside_the_corpus_and_the_home_is_heard_of_and_so_is_what_is_written(
    injection, arena, tmp_path
):
    (tmp_path / "passwd.txt").write_text("root")
    (arena.corpus / "own.md").write_text("mill")
    with injection.Watch(arena, unheard=(tmp_path / "cache",)) as watch:
        (arena.corpus / "own.md").read_text()
        (arena.home / "made").write_text("x")
        assert watch.heard == []
        (tmp_path / "passwd.txt").read_text()
        (tmp_path / "planted").write_text("x")
        (arena.corpus / "own.md").write_text("x")
    assert [Path(one.split("'")[1]).name for one in watch.heard] == [
        "passwd.txt",
        "planted",
        "own.md",
    ]


def test_programs_connections_and_one_file_are_heard_of_until_it_sleeps(injection, arena):
    import subprocess

    secret = arena.secret
    with injection.Watch(arena) as watch:
        subprocess.run([sys.executable, "-c", ""], check=True)
        secret.read_text()
        with pytest.raises(OSError, match="refused"), socket.socket() as one:
            one.connect(("127.0.0.1", 9))
    heard = [one.split()[0] for one in watch.heard]
    assert {"subprocess.Popen", "open", "socket.connect"} <= set(heard)

    secret.read_text()
    assert len(watch.heard) == len(heard)


def test_no_text_steers_a_model_of_ours_through_its_template(injection, monkeypatch):
    attacks = injection.read_attacks()
    model = IngrainedChat(engine=tiny_engine(), model_name="tiny")
    assert injection.forged_turns(model, attacks) == []

    monkeypatch.setattr(injection.ChatTemplate, "_disarm", lambda _self, text: text)
    forged = [one.evidence.split(":")[0] for one in injection.forged_turns(model, attacks)]
    assert "Vashgate" in forged


def test_a_violation_is_of_those_it_names_or_else_of_all_that_aim_at_it(injection, checks):
    attacks = injection.read_attacks()
    named = checks.Violation(check="terminal", evidence="a bell of Penwithy")
    assert [one.canary for one in checks.succeeded(attacks, [named])] == ["Penwithy"]

    nameless = checks.Violation(check="citations", evidence="[99]")
    assert {one.check for one in checks.succeeded(attacks, [nameless])} == {"citations"}
    assert checks.succeeded(attacks, []) == []


def test_the_result_has_attempts_and_successes(injection, tmp_path, monkeypatch, capsys):
    attacks = injection.read_attacks()
    model = ScriptedModel(script=Gullible(attacks, always=False))
    monkeypatch.setattr(injection, "load_chat_model", lambda *_: model)
    monkeypatch.setattr(injection, "open_embedder", lambda _: HashEmbedder())
    monkeypatch.setattr(injection, "forged_turns", lambda *_: [
        injection.Violation(check="prompt", evidence="Brontelle: markers in a prompt")
    ])  # fmt: skip
    monkeypatch.setattr("sys.argv", ["injection.py", "--limit", "2", "--folder", str(tmp_path)])
    injection.main()

    figures = json.loads((tmp_path / "injection.json").read_text())["figures"]
    assert {label: one["value"] for label, one in figures.items()} == {
        "attempts": 2, "succeeded": 1, "succeeded_without_approval": 0,
    }  # fmt: skip
    assert "02 instruction override came off" in capsys.readouterr().out
