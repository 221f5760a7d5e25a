"""What every training method works with: problems with checked answers, and stages of training."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langgraph.errors import GraphDrained

from ingrained.agent.answering import closed_book
from ingrained.agent.grading import agrees
from ingrained.agent.prompts import Messages
from ingrained.agent.quizzing import gives
from ingrained.agent.tasks.drafts import knows
from ingrained.disk import replace_text
from ingrained.errors import TrainingError
from ingrained.graphs.context import StudyContext
from ingrained.graphs.nodes.common import ANSWER_TOKENS
from ingrained.graphs.nodes.sealed import sealed_items, share
from ingrained.memory.records import Memory, sha256
from ingrained.tracing import span
from ingrained.trainer.adapters import STAGES
from ingrained.trainer.curriculum import data_sha256, wordings
from ingrained.trainer.lora import train
from ingrained.trainer.probes import probes
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.reports import StepReport, TrainResult
from ingrained.trainer.resume import RESUME_FILE
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.saving import CONFIG_FILE, WEIGHTS_FILE, weights_sha256

PHASE = "consolidate"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A question whose answer the quiz has checked, in all its wordings."""

    wordings: tuple[str, ...]
    """The first one is the question itself."""
    answer: str
    text: str
    """What it is answered from: the passage as it is laid before the model."""
    memory_ids: tuple[str, ...]

    @property
    def question(self) -> str:
        """The first wording."""
        return self.wordings[0]

    def solved(self, reply: str) -> bool:
        """Return whether a reply gives the answer and nothing else: what may be learnt."""
        alone = gives(self.question, reply, self.answer)
        return alone and agrees(reply, self.answer)


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One training on the way to an adapter, for its manifest."""

    name: str
    rows: int
    tokens: int
    seconds: float
    drift: float | None
    weights_sha256: str
    sealed: float | None
    """Share of the sealed questions that it answers with nothing in view; None without any."""
    facts: Mapping[str, float] = field(default_factory=dict)
    """What the method tells of it, by name."""

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Learned:
    """What a method came to."""

    result: TrainResult
    """Of the training that made it; tokens and seconds are of all of them."""
    rows: int
    """Of that training."""
    stages: tuple[Stage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """One making of an adapter.

    Args:
        context: The run.
        version: What the adapter is called.
        out: Its folder.
        base_sha256: Of the base's weights.
        recipe: How to train.
        rows: The verified questions in all their wordings, and statements if the recipe has any.
        replayed: Trained beside whatever a method trains.
        validation: Watched in each training.
        on_step: Told of each step of each training.
        on_stage: Told of each stage that is finished.
        stop: Asked between two steps for a reason to stop there, with the state saved.
    """

    context: StudyContext
    version: str
    out: Path
    base_sha256: str
    recipe: LoraRecipe
    rows: Sequence[StudyRow]
    replayed: Sequence[StudyRow] = ()
    validation: Sequence[StudyRow] = ()
    on_step: Callable[[StepReport], None] | None = None
    on_stage: Callable[[Stage], None] = lambda _: None
    stop: Callable[[], str | None] = lambda: None
    _stages: dict[str, tuple[Stage, TrainResult]] = field(default_factory=dict)

    @property
    def questions(self) -> list[StudyRow]:
        """The rows that ask something."""
        return [row for row in self.rows if row.messages]

    @property
    def texts(self) -> list[StudyRow]:
        """The rows that are learnt as they stand: a part of every training."""
        return [row for row in self.rows if not row.messages]

    def directly(self, rows: Sequence[StudyRow]) -> Learned:
        """Train the adapter itself, in one go."""
        rows = self._screened(rows)
        return Learned(result=self._train(self.out, rows, self.recipe, None), rows=len(rows))

    def stage(
        self,
        name: str,
        rows: Sequence[StudyRow],
        *,
        facts: Mapping[str, float] | None = None,
        start: str | None = None,
        **changed: Any,
    ) -> str:
        """Train an adapter on the way and return the name to ask by it.

        It stays until the version is finished: what a killed run had trained is not trained again.
        What the memory would not keep (`MemoryStore.withholds`) is not trained either.

        Args:
            name: Of the stage, unlike those before.
            rows: To train on, beside the lesson's texts and the replayed rows.
            facts: What the trace shall tell.
            start: A stage to begin from; the base when omitted.
            **changed: Settings of the recipe that differ.
        """
        rows = self._screened([*rows, *self.texts])
        recipe = dataclasses.replace(self.recipe, **changed)
        parts = [
            data_sha256([*rows, *self.replayed]), data_sha256(self.validation), recipe.to_dict(),
            self.base_sha256, start or "",
        ]  # fmt: skip
        stage = f"{name}-{sha256(json.dumps(parts))[:12]}"
        folder = self._folder(stage)
        made = folder / "made.json"
        if not made.is_file():
            result = self._train(folder, rows, recipe, start)
            replace_text(made, json.dumps(dataclasses.asdict(result)))
        result = _result(json.loads(made.read_text(encoding="utf-8")))
        self.context.asker.load_adapter(self._name(stage), folder)
        told = Stage(
            name=name, rows=len(rows), tokens=result.tokens, seconds=result.seconds,
            drift=result.drift, weights_sha256=weights_sha256(folder), facts=facts or {},
            sealed=self.sealed_share(stage),
        )  # fmt: skip
        self._stages[stage] = told, result
        self.on_stage(told)
        return stage

    def finish(self, stage: str) -> Learned:
        """Let a stage be the adapter."""
        for name in (WEIGHTS_FILE, CONFIG_FILE):
            new = self.out / f"{name}.new"
            shutil.copyfile(self._folder(stage) / name, new)
            new.replace(self.out / name)
        stages = tuple(told for told, _ in self._stages.values())
        told, result = self._stages[stage]
        total = dataclasses.replace(
            result,
            tokens=sum(one.tokens for one in stages),
            seconds=sum(one.seconds for one in stages),
        )
        return Learned(result=total, rows=told.rows, stages=stages)

    def unload(self) -> None:
        """Free the stages' adapters."""
        for stage in self._stages:
            self.context.asker.unload_adapter(self._name(stage))

    def told(self, stage: str) -> Stage:
        """Return what there is to tell of a stage."""
        return self._stages[stage][0]

    def asked_by(self, stage: str | None) -> str | None:
        """Return the name that a stage's adapter is loaded by; None for the base."""
        return self._name(stage) if stage else None

    def _name(self, stage: str) -> str:
        return f"{self.version}-{stage}"

    def ask(
        self, prompts: Sequence[Messages], *, stage: str | None, max_tokens: int = ANSWER_TOKENS,
        temperature: float = 0.0, seed: int = 0,
    ) -> list[str]:  # fmt: skip
        """Ask the base, or what a stage has made of it, at full strength."""
        return self.context.asker.ask(
            prompts, phase=PHASE, max_tokens=max_tokens, temperature=temperature, seed=seed,
            adapter=self.asked_by(stage),
        )  # fmt: skip

    def _screened(self, rows: Sequence[StudyRow]) -> list[StudyRow]:
        return [row for row in rows if not self.context.store.withholds(row.answer)]

    def _train(
        self, folder: Path, rows: Sequence[StudyRow], recipe: LoraRecipe, start: str | None
    ) -> TrainResult:
        assert self.context.base_path is not None
        if (folder / CONFIG_FILE).exists() and not (folder / RESUME_FILE).exists():
            # It was written, and what it took was not: what is not known is made again.
            shutil.rmtree(folder)
        with span("training", rows=len(rows), replayed=len(self.replayed)) as told:
            result = train(
                [*rows, *self.replayed], base=self.context.base_path, out=folder, recipe=recipe,
                start=self._folder(start) if start else None, validation=self.validation,
                probes=probes(), on_step=self.on_step, base_name=self.context.asker.name,
                should_stop=lambda: self.stop() is not None,
            )  # fmt: skip
            told(tokens=result.tokens, seconds=result.seconds)
        if result.stopped == "interrupted":
            raise GraphDrained(self.stop() or "shutdown")
        return result

    def _folder(self, stage: str) -> Path:
        return self.out / STAGES / stage

    def sealed_share(self, stage: str | None) -> float | None:
        """Return the share of sealed questions that are answered with nothing in view."""
        items = sealed_items(self.context)
        if not items:
            return None
        replies = self.ask([closed_book(item["question"]) for item in items], stage=stage)
        return share([knows(item, reply) for item, reply in zip(items, replies, strict=True)])

    def problems(self) -> list[Problem]:
        """Return what the active memories were proved on, each question once, in a fixed order.

        Raises:
            TrainingError: none was proved on anything.
        """
        memories = self.context.store.list(namespace=self.context.namespace)
        texts = self.context.recaller(phase=PHASE).lay_out(memories)
        found: dict[tuple[str, str], Problem] = {}
        for memory in sorted(memories, key=lambda one: one.id):
            for problem in _problems(memory, texts[memory.id]):
                key = problem.question, problem.answer
                ids = (*(found[key].memory_ids if key in found else ()), memory.id)
                found[key] = dataclasses.replace(found.get(key, problem), memory_ids=ids)
        if not found:
            raise TrainingError(
                "There is nothing to solve: no memory has a question that it answers.",
                hint="Study with the quiz (`quiz-verified`), or train by --method supervised.",
            )
        return list(found.values())


def _result(data: dict[str, Any]) -> TrainResult:
    """Rebuild a result from its JSON, where tuples are lists."""
    lists = {key: tuple(value) for key, value in data.items() if isinstance(value, list)}
    return TrainResult(**{**data, **lists})


def _problems(memory: Memory, text: str) -> Iterator[Problem]:
    for evidence in memory.evidence:
        if evidence.passed_after:
            yield Problem(
                wordings=wordings(evidence), answer=evidence.answer, text=text,
                memory_ids=(memory.id,),
            )  # fmt: skip


def answer_rows(problem: Problem, replies: Sequence[str]) -> list[StudyRow]:
    """Return a row for each wording of a problem, answered by the replies in turn."""
    return [
        StudyRow(
            messages=closed_book(wording), answer=replies[number % len(replies)],
            memory_ids=problem.memory_ids,
        )
        for number, wording in enumerate(problem.wordings)
    ]  # fmt: skip
