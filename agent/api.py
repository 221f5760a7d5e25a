"""An agent as one Python object, on the same functions as the commands."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, Unpack

from langchain_core.language_models import BaseChatModel

from ingrained.agent.api_chat import Chat, Manner
from ingrained.agent.api_holding import Holding
from ingrained.agent.asking import Asker
from ingrained.agent.cells import check_cell
from ingrained.agent.chatting import Conversation
from ingrained.agent.citing import Answer
from ingrained.agent.commands.checking import check_home, check_paths
from ingrained.agent.commands.opening import existing_home, load_settings
from ingrained.agent.commands.planning import known_documents
from ingrained.agent.commands.recording import explain_settings, run_and_record
from ingrained.agent.commands.sitting import Candidate, parse_cells, sit_exam
from ingrained.agent.commands.talking import check_names, thread_name
from ingrained.agent.deliberating import check_votes
from ingrained.agent.exam import CELLS, exam_of, read_exam
from ingrained.agent.outcomes import GateDecision, StudyReport
from ingrained.agent.reading.corpus import read_corpus
from ingrained.agent.report.records import save_exam
from ingrained.errors import InputError
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import Event, Home, refuse_cut_short, run_consolidation
from ingrained.memory.embedding import Embedder
from ingrained.memory.store import MemoryStore
from ingrained.settings import Settings
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.methods import SUPERVISED
from ingrained.trainer.recipe import LoraRecipe

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

    from ingrained.graphs.middleware import IngrainedMiddleware, MiddlewareOptions
    from ingrained.graphs.tools import ToolOptions

Paths = str | Path | Iterable[str | Path]
_UNCHANGED: Mapping[str, Any] = MappingProxyType({})


class Ingrained:
    """One agent: studies documents, answers from what it remembers, sleeps on it, sits exams.

    Nothing is opened before it is needed; what was opened stays open until `close`, or the end of
    the `with` block. One process writes to a home at a time, from its first call to `close`. Threads
    may share this object: their calls take turns.

    Args:
        home: Folder the agent lives in; that of the settings when None.
        model: A chat model, or a name as `--model` takes it; that of the settings when None. Only a
            name of weights on this machine can be trained.
        embedder: The memory's embedder, or a name of one; that of the settings when None.
        read_only: Answer, recall and sit exams beside a process that writes to this home.
        settings: What else is to be as it is there; the environment and `.env` when None.

    Attributes:
        settings: What came of these.

    Raises:
        SettingsError: a setting in the environment is out of range.
    """

    def __init__(
        self,
        home: str | Path | None = None,
        *,
        model: str | BaseChatModel | None = None,
        embedder: str | Embedder | None = None,
        read_only: bool = False,
        settings: Settings | None = None,
    ) -> None:
        given_model = None if isinstance(model, str) else model
        given_embedder = None if isinstance(embedder, str) else embedder
        named = {
            "home": None if home is None else Path(home),
            "model": Asker(given_model).name if given_model else model,
            "embedder": given_embedder.name if given_embedder else embedder,
        }
        self._given = {name: value for name, value in named.items() if value is not None}
        self.settings = (
            settings.model_copy(update=self._given) if settings else load_settings(**self._given)
        )
        self._held = Holding(
            self.settings, model=given_model, embedder=given_embedder, read_only=read_only
        )

    def study(
        self,
        paths: Paths,
        *,
        on_event: Callable[[Event], None] | None = None,
        recipe: Mapping[str, Any] = _UNCHANGED,
        **policy: Any,
    ) -> StudyReport:
        """Study files and folders: quiz, remember what the quiz proves is needed, train if asked to.

        A study that is cut short, by Ctrl-C too, goes on when it is called again with the same, in
        another process as well. The run is kept on record in the home, for `ingrained report`.

        Args:
            paths: What to read; one or several.
            on_event: Told of each progress event.
            recipe: With `consolidate=True`, what to change in the recipe of the training.
            **policy: Of `StudyPolicy`, such as `rounds=2`, `budget_tokens=100_000`, `consolidate=True`.

        Raises:
            CorpusError: a path is not there, or nothing in all of them can be read.
            SettingsError: a value of the policy or the recipe is out of range.
            HomeBusyError: another process writes to the home.
            ModelError: the model cannot be loaded, or not trained and `consolidate` is wanted.
        """
        corpus = (Path(paths),) if isinstance(paths, str | Path) else tuple(map(Path, paths))
        wanted, started = StudyPolicy(**policy), time.time()
        LoraRecipe().changed(recipe)
        check_paths(corpus)
        check_home(corpus, self.settings.home)
        given = {**self._given, **policy, "recipe": recipe or None}
        explained = explain_settings(self.settings, wanted, given, recipe)
        with self._held.turn():
            read_corpus(corpus, known=known_documents(self.settings.home))
            with self._held.run(wanted, recipe, corpus, replies=True) as context:
                record = run_and_record(
                    Home(self.settings.home), context, on_event or (lambda _event: None),
                    explained=explained, started=started,
                )  # fmt: skip
            return StudyReport.of(record, self.adapters)

    def ask(
        self, question: str, cell: str = "both", *, votes: int = 1, refine: bool = False
    ) -> Answer:
        """Answer a question and name the places in the documents that the answer rests on.

        Args:
            question: In words.
            cell: Answer with `base`, `memory`, `adapter` or `both`.
            votes: Let so many replies vote; the share that agrees is the confidence.
            refine: Let the model look over its reply, and reply anew if it finds a fault.

        Raises:
            InputError: the question is empty, there is no such cell, or there are no votes.
            NotFoundError: the cell is `adapter` and none is promoted.
            StoreError: no agent lives in the home, or another process writes to it (`HomeBusyError`).
        """
        if not question.strip():
            raise InputError("the question is empty", hint="Ask something.")
        check_votes(votes)
        with self._held.turn():
            existing_home(self.settings)
            adapter = self.adapters.active()
            check_cell(cell, adapter, self.adapters.unused)
            talk = Conversation(
                self._held.asker(), self._held.opened.store, library=self._held.opened.library,
                adapter=adapter, cell=cell, votes=votes, refine=refine, unused=self.adapters.unused,
            )  # fmt: skip
            return talk.answer(question)

    def chat(
        self,
        thread: str | None = None,
        *,
        user: str = "me",
        cell: str = "both",
        votes: int = 1,
        refine: bool = False,
        portrait: bool = True,
        on_event: Callable[[Event], None] | None = None,
    ) -> Chat:
        """Open a conversation; `ingrained chat` goes on with the same ones.

        Args:
            thread: The name of the conversation, which goes on or begins; None for the last one of
                this user, or one that is named by the time.
            user: Who talks; conversations and what is remembered of them are kept apart.
            cell: Answer with `base`, `memory`, `adapter` or `both`.
            votes: Let so many replies vote on each answer.
            refine: Let the model look over each reply, and reply anew if it finds a fault.
            portrait: Sum up the days that are over, and show the model a portrait of the user.
            on_event: Told of each event as it happens.

        Raises:
            InputError: a name is empty, there is no such cell, or there are no votes.
            NotFoundError: the cell is `adapter` and none is promoted.
            StoreError: no agent lives in the home.
        """
        check_names(user, thread, new=False)
        check_votes(votes)
        with self._held.turn():
            existing_home(self.settings)
            check_cell(cell, self.adapters.active(), self.adapters.unused)
            return Chat(
                self._held,
                Manner(
                    thread=thread or thread_name(self._held.threads, user), user=user, cell=cell,
                    votes=votes, refine=refine, portrait=portrait, on_event=on_event,
                ),
            )  # fmt: skip

    def exam(
        self,
        questions: str | Path | Iterable[Mapping[str, Any]],
        cells: str | Sequence[str] = CELLS,
    ) -> dict[str, Any]:
        """Sit an exam and return its report as plain data; it is kept in the home as well.

        Args:
            questions: An exam file, or its questions: dicts with `id`, `question` and `answers`.
            cells: What to answer with; those that cannot be sat are told with the reason.

        Raises:
            ExamError: a question is not as it has to be.
            SettingsError: there is no such cell.
            StoreError: no agent lives in the home, or another process writes to it (`HomeBusyError`).
        """
        if isinstance(questions, str | Path):
            parsed = read_exam(Path(questions))
        else:
            parsed = exam_of(questions)
        named = parse_cells(cells if isinstance(cells, str) else ",".join(cells))
        with self._held.turn():
            home = existing_home(self.settings)
            candidate = Candidate(
                asker=self._held.asker(), store=self._held.opened.store, library=self._held.opened.library,
                adapter=self.adapters.active(),
            )  # fmt: skip
            report = sit_exam(parsed, named, candidate)
            save_exam(home.path, report)
            return report

    def sleep(
        self,
        *,
        on_event: Callable[[Event], None] | None = None,
        method: str = SUPERVISED,
        approve: bool = False,
        **recipe: Any,
    ) -> GateDecision:
        """Consolidate now: train an adapter on all of the memory, and use it if the gate lets it pass.

        What an adapter was made of before is not trained again: what was decided then is returned.
        A training that was cut short goes on when it is called again.

        Args:
            on_event: Told of each progress event.
            method: A way to train, of `TRAINING_METHODS`.
            approve: One that passes waits until you promote it.
            **recipe: What to change in the recipe of the training, such as `rank=16`.

        Raises:
            SettingsError: there is no such method, or a change of the recipe is out of range.
            ModelError: the model's weights are not on this machine.
            TrainingError: there is nothing to train on.
            StoreError: no agent lives in the home, or a study was cut short and is to go on first.
        """
        LoraRecipe().changed(recipe)
        policy = StudyPolicy(consolidate=True, method=method, approve=approve)
        with self._held.turn():
            refuse_cut_short(existing_home(self.settings))
            with self._held.run(policy, recipe) as context:
                state = run_consolidation(context, on_event)
            return GateDecision.of(
                self.adapters, str(state.get("known_adapter") or state["adapter"])
            )

    @property
    def memory(self) -> MemoryStore:
        """What the agent remembers: to recall, list, insert, forget. Closed when this object is."""
        with self._held.turn():
            return self._held.store

    @property
    def adapters(self) -> AdapterRegistry:
        """What was trained: to list, promote, roll back."""
        return self._held.adapters

    def tools(self, **options: Unpack[ToolOptions]) -> list[BaseTool]:
        """Return LangChain tools of this memory, for an agent of yours; see `memory_tools`."""
        from ingrained.graphs.tools import memory_tools

        return memory_tools(self.memory, **options)

    def middleware(self, **options: Unpack[MiddlewareOptions]) -> IngrainedMiddleware:
        """Return a middleware that shows this memory to an agent of LangChain's `create_agent`."""
        from ingrained.graphs.middleware import IngrainedMiddleware

        return IngrainedMiddleware(self.memory, **options)

    def close(self) -> None:
        """Close what was opened and let others write to the home; a second call does nothing."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()
