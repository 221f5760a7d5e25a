"""`ingrained study --method`: what each method trains, what it tells, and that it survives a kill.

The network that is trained is a tiny one, the model that is asked a script that has everything by
heart once an adapter is on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bridge import FACTS, Adaptable, Killed, question_in, reader, task_of
from bridge import questions as accepted

from ingrained.agent.testing import ScriptedModel
from ingrained.errors import SettingsError, TrainingError
from ingrained.graphs import consolidate as consolidation
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.methods import lesson as lessons
from ingrained.graphs.methods import rest_em
from ingrained.memory.store import MemoryStore
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest
from ingrained.trainer.methods import TRAINING_METHODS
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.testing import make_tiny_model

BUILDER, BUILT = "Who built the Orlan Bridge?", "In what year was the Orlan Bridge built?"
REASON = "The text says that {}, so the answer is: {}"
LAID_OUT = "The Orlan Bridge, Making:"
"""How a passage begins when it is laid before the model; in a study's quiz it stands as it is."""
NEW = "How many arches make up the Orlan Bridge?"


PROBLEM = lessons.Problem(
    wordings=(BUILDER,), answer="Mara Vint", text="Mara Vint built it.", memory_ids=("m",)
)


class Trained(list[tuple[str, list[StudyRow], dict[str, Any]]]):
    """Each training that took place: folder, rows, what else it was given.

    A few rows are trained on in earnest; all of them would take a tiny network long.
    """

    tokens = 0

    def rows(self, number: int) -> list[StudyRow]:
        return [row for row in self[number][1] if row.kind != "replay"]


def _length(row: StudyRow) -> int:
    return sum(len(text) for _, text in row.messages)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> Trained:
    done = Trained()
    original = lessons.train

    def train(rows: list[StudyRow], **options: Any) -> Any:
        done.append((options["out"].name, list(rows), options))
        result = original(sorted(rows, key=_length)[:3], **options)
        done.tokens += result.tokens
        return result

    monkeypatch.setattr(lessons, "train", train)
    return done


@pytest.fixture
def make(
    consolidate: Callable[..., Any], model: ScriptedModel, home: Path
) -> Callable[..., tuple[Manifest, list[dict[str, Any]]]]:
    """Study with a method and a script; return the adapter's manifest and the events."""

    def run(
        method: str, script: Callable[[str], str] = reader, **options: Any
    ) -> tuple[Manifest, list[dict[str, Any]]]:
        model.script = script
        fitting = {"max_length": 4096, "batch_tokens": 1024, "replay": 2}
        changed = {**fitting, **options.pop("changed", {})}
        _, events = consolidate(
            *([options.pop("stop")] if "stop" in options else []),
            method=method, sealed_share=0.3, changed=changed, **options,
        )  # fmt: skip
        return AdapterRegistry(home).list()[-1], events

    return run


def sampled_for(question: str, prompt: str) -> bool:
    """Return whether a method, not the quiz, asks a question with the text in view."""
    return task_of(prompt) == "open" and LAID_OUT in prompt and prompt.endswith(question)


Heard = list[tuple[str, str | None, str]]


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> Heard:
    """What was asked: task, stage that was asked (None for the base), prompt."""
    found: Heard = []
    original = Adaptable._generate

    def generate(self: Any, messages: Any, *args: Any, **more: Any) -> Any:
        prompt = "\n".join(str(message.content) for message in messages)
        found.append((task_of(prompt), more.get("adapter"), prompt))
        return original(self, messages, *args, **more)

    monkeypatch.setattr(Adaptable, "_generate", generate)
    return found


def stages_asked(heard: Heard, task: str) -> set[str]:
    """Return which stages were asked something; the base only counts without a stage."""
    return {name.split("-", 1)[1].rpartition("-")[0] for one, name, _ in heard
            if one == task and name and "-" in name}  # fmt: skip


def questions(rows: list[StudyRow]) -> set[str]:
    return {row.messages[-1][1] for row in rows}


@pytest.mark.parametrize("method", TRAINING_METHODS)
def test_every_method_makes_an_adapter_and_says_which_it_was(make, trained, home, method):
    manifest, _ = make(method)
    assert manifest.method == method
    assert {sum(row.kind == "replay" for row in rows) for _, rows, _ in trained} == {2}
    folder = AdapterRegistry(home).path(manifest.version)
    assert {path.name for path in folder.iterdir()} == {
        "adapter_config.json", "adapter_model.safetensors", "manifest.json",
    }  # fmt: skip
    assert manifest.drift is not None
    assert manifest.tokens == trained.tokens


def test_a_method_that_is_none_is_refused_by_name():
    with pytest.raises(SettingsError, match="supervised, autonomous-learning, self, rest-em, star"):
        StudyPolicy(method="osmosis")


def test_supervised_has_no_stages(make, trained):
    manifest, _ = make("supervised")
    assert manifest.stages == ()
    assert [name for name, *_ in trained] == [manifest.version]


def test_another_method_makes_another_adapter_of_the_same_memories(make, home):
    first, _ = make("supervised")
    second, _ = make("star")
    again, events = make("star")
    assert (first.version, second.version, again.version) == ("v001", "v002", "v002")
    assert [e["version"] for e in events if e["event"] == "known"] == ["v002"]


def asks(prompt: str) -> str:
    """Write one new question, answer it from the text, and know nothing by heart."""
    if prompt.startswith("Write one quiz question"):
        return f"Question: {NEW}\nAnswer: nine arches" if "nine arches" in prompt else "What?"
    if NEW in prompt and task_of(prompt) == "open":
        return "nine arches"
    return reader(prompt)


def test_autonomous_learning_learns_to_ask_and_then_prefers_what_the_text_says(make, trained):
    manifest, events = make("autonomous-learning", asks, learns=False)
    (_, first, _), (_, second, options) = trained
    writing = [row for row in first if "Write one quiz question" in row.messages[0][1]]
    assert {row.answer for row in writing} >= {f"Question: {BUILDER}\nAnswer: Mara Vint"}
    assert questions(first) - questions(writing) >= {BUILDER}

    pairs = [row for row in second if row.kind != "replay"]
    assert all(row.rejected == "I don't know." for row in pairs)
    assert {(row.messages[-1][1], row.answer) for row in pairs} >= {(NEW, "nine arches")}
    assert options["start"].name.startswith("open-book-")
    assert options["recipe"].dpo > 0

    one, two = manifest.stages
    assert [one["name"], two["name"]] == ["open-book", "closed-book"]
    assert one["weights_sha256"] != two["weights_sha256"]
    assert two["facts"] == {"asked": 1, "pairs": len(pairs)}
    told = [event["name"] for event in events if event["event"] == "stage"]
    assert told == ["open-book", "closed-book"]


def test_autonomous_learning_drops_a_pair_whose_replies_are_both_right(make, trained):
    manifest, _ = make("autonomous-learning", asks)
    assert [stage["name"] for stage in manifest.stages] == ["open-book", "closed-book"]
    assert questions(trained.rows(1)) & FACTS.keys() == set(), "the adapter has them by heart"


def test_autonomous_learning_trusts_no_answer_that_the_text_does_not_bear_out(make, trained):
    def invents(prompt: str) -> str:
        if prompt.startswith("Write one quiz question"):
            return f"Question: {NEW}\nAnswer: twelve arches"
        return asks(prompt)

    manifest, _ = make("autonomous-learning", invents)
    assert all(stage["facts"].get("asked", 0) == 0 for stage in manifest.stages)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (f"Question: {BUILDER}\nAnswer: Mara Vint", "it was asked before"),
        ("Question: What is it that the Orlan Bridge has nine arches its keystone weighs?\nAnswer: 700 kilograms",
         "it quotes the text"),
        (f"Question: {NEW}\nAnswer: 700 kilograms", "the untouched model reads it otherwise"),
        (f"Question: {NEW}\nAnswer:", "it has no answer"),
    ],
)  # fmt: skip
def test_autonomous_learning_takes_up_no_question_of_its_own_that(make, said, why):
    def script(prompt: str) -> str:
        return said if prompt.startswith("Write one quiz question") else asks(prompt)

    manifest, _ = make("autonomous-learning", script, learns=False)
    assert [stage["facts"].get("asked", 0) for stage in manifest.stages] == [0, 0], why


def test_autonomous_learning_asks_no_sealed_question_nor_one_like_it(make, trained, home):
    make("supervised")
    sealed = [one for one in accepted(home) if one["sealed"]]
    assert sealed
    for number, changed in enumerate((str, lambda text: text.replace(" the ", " that ", 1))):
        one = sealed[0]
        asked = changed(one["question"])
        reply = f"Question: {asked}\nAnswer: {one['answer']}"

        def script(prompt: str, reply: str = reply, asked: str = asked) -> str:
            if prompt.startswith("Write one quiz question"):
                return reply
            if asked in prompt and task_of(prompt) == "open":
                return str(one["answer"])  # noqa: B023
            return reader(prompt)

        manifest, _ = make("autonomous-learning", script, learns=False, seed=number)
        assert [stage["facts"].get("asked", 0) for stage in manifest.stages] == [0, 0]


def test_what_the_memory_would_not_keep_is_not_trained(make, trained, monkeypatch):
    withheld = "nine arches"
    monkeypatch.setattr(MemoryStore, "withholds", lambda self, text: withheld in text)
    make("autonomous-learning", asks, learns=False)
    assert not any(withheld in row.answer for _, rows, _ in trained for row in rows)


def test_the_stages_are_freed_when_the_adapter_is_made(make, monkeypatch):
    held: list[set[str]] = []
    trial = consolidation.scores
    monkeypatch.setattr(
        consolidation, "scores",
        lambda context, *made: held.append(set(context.asker.model.loaded)) or trial(context, *made),
    )  # fmt: skip
    make("star", explains, learns=False)
    assert held == [{"v001", "v001_beside_notes"}]


@pytest.mark.parametrize("reply", ["Mara Vint", "It was Mara Vint."])
def test_a_reply_that_gives_the_answer_may_be_learnt(reply):
    assert PROBLEM.solved(reply)


@pytest.mark.parametrize(
    "reply",
    ["the salt guild", "", "Mara Vint or Tobin Ashe", "Mara Vint and the salt guild built it in 1500 and",
     "Mara Vint built it with her own hands and of the stone that was left over and"],
)  # fmt: skip
def test_one_that_says_more_or_other_things_may_not(reply):
    assert not PROBLEM.solved(reply)


def test_rest_em_keeps_the_first_few_right_answers_that_differ():
    assert rest_em._distinct(["a", "b", "A.", "c", "d", "e", "a"]) == ("a", "b", "c", "d")


def shares(monkeypatch: pytest.MonkeyPatch, *values: float | None) -> None:
    """Let the stages answer these shares of the sealed questions, one after the other."""
    left = iter(values)
    monkeypatch.setattr(lessons.Lesson, "sealed_share", lambda self, stage: next(left))


def test_rest_em_ends_with_the_round_before_the_one_that_is_no_better(make, monkeypatch, heard):
    shares(monkeypatch, 0.2, 0.5, 0.5)
    manifest, _ = make("rest-em")
    assert [stage["name"] for stage in manifest.stages] == ["round-1", "round-2", "round-3"]
    assert manifest.rows == manifest.stages[1]["rows"]
    sampled = {name.split("-", 1)[1].rpartition("-")[0] for task, name, _ in heard
               if task == "closed" and name and "-" in name}  # fmt: skip
    assert sampled == {"round-1", "round-2"}, "a later round asks the adapter of the one before"


def test_rest_em_has_one_round_where_nothing_is_sealed(make, monkeypatch):
    shares(monkeypatch, None)
    manifest, _ = make("rest-em")
    assert [stage["sealed"] for stage in manifest.stages] == [None]


def test_rest_em_without_a_right_sample_says_what_else_to_do(make):
    def never_right(prompt: str) -> str:
        laid_out = any(f"The Orlan Bridge, {part}:" in prompt for part in ("Making", "Size"))
        return "I don't know." if laid_out and task_of(prompt) == "open" else reader(prompt)

    with pytest.raises(TrainingError, match="None of the sampled answers is right") as caught:
        make("rest-em", never_right)
    assert "--method supervised" in caught.value.hint


def test_rest_em_keeps_the_right_samples_and_trains_each_round_from_the_base(make, trained):
    said = iter(range(10_000))

    def wavers(prompt: str) -> str:
        if sampled_for(BUILDER, prompt):
            return ("Mara Vint", "It was Mara Vint", "the salt guild")[next(said) % 3]
        return reader(prompt)

    manifest, _ = make("rest-em", wavers, learns=False)
    assert all(options["start"] is None for *_, options in trained)
    builder = {row.answer for row in trained.rows(0) if row.messages[-1][1] == BUILDER}
    assert builder == {"Mara Vint"}, "a wording has one answer: the wordings take turns"
    facts = manifest.stages[0]["facts"]
    assert 0 < facts["pass_at_1"] < facts["pass_at_8"] == 1.0
    assert facts["answers_kept"] == facts["problems_kept"] + 1
    assert [stage["name"] for stage in manifest.stages] == ["round-1", "round-2"]
    assert manifest.stages[1]["facts"]["pass_at_8"] == 0.0, "it knows nothing by heart"
    assert manifest.rows == manifest.stages[0]["rows"], "no better, so the first one stays"


def test_a_check_that_lets_anything_pass_would_be_seen_in_the_rows(make, trained, monkeypatch):
    """The placebo of ReST^EM's claim: without the check, what is trained is not what is right."""
    monkeypatch.setattr(lessons.Problem, "solved", lambda self, reply: True)
    wrong = "the salt guild"

    def errs(prompt: str) -> str:
        return wrong if sampled_for(BUILDER, prompt) else reader(prompt)

    make("rest-em", errs, learns=False)
    assert {r.answer for r in trained.rows(0) if r.messages[-1][1] == BUILDER} == {wrong}


def explains(prompt: str) -> str:
    """Say why, but of the year only with a hint."""
    if task_of(prompt) == "explain":
        question, *hint = prompt.rsplit("Question: ", 1)[-1].split("\n")
        if question == BUILDER:
            return REASON.format("the bridge was built by Mara Vint", "Mara Vint")
        if question == BUILT:
            return REASON.format("it was built then", "1402" if hint else "never")
    return reader(prompt)


def test_star_trains_reasons_and_no_hint_is_in_them(make, trained, heard):
    manifest, _ = make("star", explains, learns=False)
    reasons = {
        row.messages[-1][1]: row.answer for row in trained.rows(0) if "why" in row.messages[0][1]
    }
    assert reasons == {
        BUILDER: REASON.format("the bridge was built by Mara Vint", "Mara Vint"),
        BUILT: REASON.format("it was built then", "1402"),
    }  # fmt: skip
    saved = [row for row in trained.rows(0) if row.answer in reasons.values()]
    everything = "\n".join(text for row in saved for _, text in row.messages)
    assert "Hint" not in everything
    assert "Orlan Bridge in 1402" not in everything, "nor is the text in view"
    facts = manifest.stages[0]["facts"]
    assert (facts["reasons"], facts["hinted"]) == (2, 1)
    assert len(manifest.stages) == 1, "a second round that finds no more reasons is none"
    assert "round-1" in stages_asked(heard, "explain"), "it is the adapter that was asked again"


def judges(prompt: str) -> str:
    """Find fault with what is not in the text, and refine to what is."""
    task = task_of(prompt)
    if task in ("critic", "refine"):
        last = prompt.rsplit("\n\nQuestion: ", 1)[-1]
        question, draft = last.split("\n")[0], last.split("Draft: ")[-1].split("\n")[0]
        answer = FACTS[question][0]
        if task == "refine":
            return answer
        return "Nothing to fix." if draft == answer else f"Place: {draft}\nFix: Say it right."
    return reader(prompt)


def test_self_learns_to_criticise_and_then_from_what_it_lets_pass(make, trained, heard):
    manifest, _ = make("self", judges, learns=False)
    meta = trained.rows(0)
    replies = {row.answer for row in meta}
    assert "Nothing to fix." in replies
    assert "Place: I don't know.\nFix: The text says Mara Vint." in replies
    assert not questions(meta) & FACTS.keys(), "so far no answer by heart was learnt"

    evolved = [row for row in trained.rows(1) if row.messages[-1][1] in FACTS]
    assert {row.answer == FACTS[row.messages[-1][1]][0] for row in evolved} == {True}
    names = [stage["name"] for stage in manifest.stages]
    assert names == ["meta-skills", "round-1", "round-2"]
    facts = manifest.stages[1]["facts"]
    assert (facts["kept_right"], facts["right_to_wrong"]) == (1.0, 0)
    assert facts["wrong_to_right"] == facts["kept_new"] > 0
    assert facts["kept"] > facts["kept_new"], "of those that were no example of the skills"
    for task in ("critic", "refine"):
        assert stages_asked(heard, task) == {"meta-skills", "round-1"}, "each round asks the last"


def test_self_asks_in_other_words_each_round(make, monkeypatch, heard):
    other = "When was the Orlan Bridge built?"
    problem = dataclasses.replace(PROBLEM, wordings=(BUILT, other), answer="1402")
    monkeypatch.setattr(lessons.Lesson, "problems", lambda self: [problem, problem])
    make("self", judges, learns=False)
    asked = [
        (name.rpartition("-")[0], question_in(prompt))
        for task, name, prompt in heard
        if task == "closed" and name and "-" in name
    ]
    assert ("v001-meta-skills", BUILT) in asked
    assert ("v001-round-1", other) in asked


def test_self_keeps_nothing_that_its_own_feedback_does_not_let_pass(make, trained):
    def never_content(prompt: str) -> str:
        said = judges(prompt)
        return "Place: I don't know.\nFix: Say more." if task_of(prompt) == "critic" else said

    manifest, _ = make("self", never_content, learns=False)
    assert [stage["name"] for stage in manifest.stages] == ["meta-skills"]


def test_no_method_trains_on_a_sealed_question(make, trained, home):
    for method, script in (
        ("autonomous-learning", asks),
        ("rest-em", reader),
        ("star", explains),
        ("self", judges),
    ):
        make(method, script, learns=False)
    sealed = {one["question"] for one in accepted(home) if one["sealed"]}
    assert sealed
    texts = {
        text
        for _, rows, _ in trained
        for row in rows
        for text in (*(text for _, text in row.messages), row.answer, row.rejected)
    }
    assert not any(question in text for question in sealed for text in texts)


def test_what_a_killed_run_had_trained_is_not_trained_again(make, trained, monkeypatch):
    original = lessons.Lesson.sealed_share

    def die(self: Any, stage: str) -> float:
        if stage.startswith("round-1"):
            raise Killed
        return original(self, stage)

    monkeypatch.setattr(lessons.Lesson, "sealed_share", die)
    with pytest.raises(Killed):
        make("self", judges, learns=False)
    before = [name for name, *_ in trained]
    monkeypatch.setattr(lessons.Lesson, "sealed_share", original)
    manifest, _ = make("self", judges, learns=False)

    assert manifest.version == "v001"
    after = [name for name, *_ in trained[len(before) :]]
    assert [name.rpartition("-")[0] for name in before] == ["meta-skills", "round-1"]
    assert [name.rpartition("-")[0] for name in after] == ["round-2"]
    assert len(manifest.stages) == 3


def test_a_training_that_was_cut_short_goes_on_in_its_stage(make, trained):
    def stop(event: dict[str, Any]) -> None:
        if event["event"] == "step" and len(trained) == 2:
            raise Killed

    with pytest.raises(Killed):
        make("self", judges, learns=False, stop=stop)
    folders = [name for name, *_ in trained]
    manifest, _ = make("self", judges, learns=False)
    assert trained[2][0] == folders[1], "the first stage was done"
    assert manifest.version == "v001"


def test_another_method_leaves_nothing_behind_of_one_that_was_cut_short(make, home):
    def stop(event: dict[str, Any]) -> None:
        if event["event"] == "step":
            raise Killed

    with pytest.raises(Killed):
        make("supervised", stop=stop)
    manifest, _ = make("star")
    folder = AdapterRegistry(home).path(manifest.version)
    assert sorted(path.name for path in folder.iterdir()) == [
        "adapter_config.json", "adapter_model.safetensors", "manifest.json",
    ]  # fmt: skip


def test_a_stage_of_another_base_is_made_again(make, trained, monkeypatch, tmp_path):
    def die(self: Any, stage: str) -> float:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(lessons.Lesson, "sealed_share", die)
        with pytest.raises(Killed):
            make("star", explains, learns=False, changed={"replay": 0})
    make_tiny_model(tmp_path / "base", seed=1)
    make("star", explains, learns=False, changed={"replay": 0})
    assert len({name for name, *_ in trained}) == 2


@pytest.mark.parametrize("method", ["autonomous-learning", "self", "rest-em", "star"])
def test_where_no_memory_was_proved_on_anything_there_is_nothing_to_solve(
    make, monkeypatch, method
):
    monkeypatch.setattr(lessons, "_problems", lambda memory, text: iter(()))
    with pytest.raises(TrainingError, match="There is nothing to solve") as caught:
        make(method)
    assert "--method supervised" in caught.value.hint
