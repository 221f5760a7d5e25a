"""One home and one run on it: opens what the nodes need, streams, resumes, closes.

The doors (`ingrained.agent.cli`) talk to this module only.
"""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.runtime import RunControl

from ingrained.agent.asking import Asker, Meter
from ingrained.agent.library import Library
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.models.served import base_folder, can_train
from ingrained.agent.relating import QuizJudge
from ingrained.agent.replies import FILE_NAME as REPLIES
from ingrained.agent.replies import ReplyCache
from ingrained.agent.reranking import open_reranker
from ingrained.agent.weights.progress import Progress
from ingrained.agent.weights.resolve import resolve_local
from ingrained.disk import DAMAGED, replace_text, way_out
from ingrained.errors import HomeVersionError, ModelError, StoreError, UnknownModelError
from ingrained.graphs.consolidate import build_consolidation_graph
from ingrained.graphs.context import StudyContext, StudyPolicy, cannot_train
from ingrained.graphs.state import ConsolidationInput, ConsolidationOutput, StudyInput
from ingrained.graphs.study import build_study_graph
from ingrained.memory.embedding import Embedder, SentenceTransformerEmbedder
from ingrained.memory.forgetting import ForgettingPolicy
from ingrained.memory.judgements import FILE_NAME as JUDGEMENTS
from ingrained.memory.judgements import CachedJudge, Judgements
from ingrained.memory.reranking import Reranker
from ingrained.memory.screening import PatternScreen
from ingrained.memory.store import MemoryStore, StoreOptions
from ingrained.settings import Settings
from ingrained.tracing import span
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.recipe import LoraRecipe

HOME_VERSION = 1
CONVERSATIONS = "conversations.sqlite"
"""What was said to the agent, and its answers."""
RECURSION_LIMIT = 1_000_000
"""The graph bounds itself by rounds and budget; langgraph's own step limit must not cut a corpus."""

Event = dict[str, Any]


class Home:
    """The folder one agent lives in.

    Args:
        path: Made when missing.

    Raises:
        HomeVersionError: it was made by a newer version; nothing was changed.
        StoreError: the path cannot be used, or its home.json is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        marker = path / "home.json"
        try:
            path.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                replace_text(marker, json.dumps({"version": HOME_VERSION}))
            version = int(json.loads(marker.read_text(encoding="utf-8"))["version"])
        except OSError as error:
            hint = way_out(error) or "Give another folder with --home."
            raise StoreError(f"cannot use the home {str(path)!r}: {error}", hint=hint) from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{str(marker)!r} is damaged: {error}", hint=DAMAGED) from error
        if version > HOME_VERSION:
            raise HomeVersionError(
                f"{str(path)!r} is a home of version {version}; this Ingrained knows {HOME_VERSION}"
            )

    def library(self, *, read_only: bool = False) -> Library:
        """Open what was read and asked."""
        return Library(self.library_file, read_only=read_only)

    def registry(self) -> AdapterRegistry:
        """Open the adapters."""
        return AdapterRegistry(self.path)

    @property
    def library_file(self) -> Path:
        """Where the library is, once something was read."""
        return self.path / "library.sqlite"

    @property
    def ledger_file(self) -> Path:
        """Where the memory's ledger is, once something was remembered."""
        return self.path / "memory" / "ledger.sqlite"

    @property
    def run_file(self) -> Path:
        """Names the thread of the run under way, if one was cut short."""
        return self.path / "run.json"


def open_embedder(settings: Settings, progress: Progress | None = None) -> Embedder:
    """Return the embedder named in the settings."""
    folder = resolve_local(settings.embedder, settings, progress, kind="embedder")
    if folder is None:
        raise UnknownModelError(
            f"{settings.embedder!r} is not an embedder that runs here",
            hint="Give a catalogue embedder or a local sentence-transformers folder.",
        )
    return SentenceTransformerEmbedder(folder, settings.embedder)


def store_options(settings: Settings, reranker: Reranker | None = None) -> StoreOptions:
    """Return how the settings want the memory to work.

    Args:
        settings: What the user wants.
        reranker: The one that is named there, if it is needed now.

    Raises:
        SettingsError: one or more of them are out of range.
    """
    return StoreOptions(
        chroma=settings.chroma or None,
        forgetting=ForgettingPolicy(capacity=settings.capacity, half_lives=settings.half_lives),
        screen=PatternScreen(),
        screening=settings.screening,
        unattended=settings.unattended,
        reranker=reranker,
    )


def open_asker(home: Home, settings: Settings, progress: Progress | None = None) -> Asker:
    """Load the model named in the settings, with the promoted adapter at hand."""
    return with_adapters(Asker(load_chat_model(settings.model, settings, progress)), home)


def with_adapters(asker: Asker, home: Home) -> Asker:
    """Make the promoted adapter known to the model; see `adapter_at_hand`."""
    adapter_at_hand(asker, home)
    return asker


def adapter_at_hand(asker: Asker, home: Home) -> str | None:
    """Make the adapter that is promoted now known to the model, and return its version.

    None if there is none, or the model takes none.

    Raises:
        ModelError: the adapter was trained for another base.
    """
    registry = home.registry()
    active = registry.active()
    if not active or not asker.has_adapters:
        return None
    manifest = registry.show(active)
    base = manifest.base_model
    if base != asker.name:
        raise ModelError(
            f"the promoted adapter {active} was trained for {base!r}, not for {asker.name!r}",
            hint=f"Use --model {base}, or `ingrained adapters rollback` first.",
        )
    asker.load_adapter(
        active,
        registry.path(active),
        strength=manifest.strength_alone,
        strength_beside_notes=manifest.strength_beside_notes,
    )
    return active


def check_trainable(
    settings: Settings, policy: StudyPolicy, model: BaseChatModel | None = None
) -> None:
    """Refuse to consolidate into a model whose weights are not on this machine.

    Raises:
        ModelError: it shall be trained and cannot be, or a vLLM server does not answer.
    """
    if policy.consolidate and (model is not None or not can_train(settings.model, settings)):
        raise cannot_train(settings.model if model is None else Asker(model).name)


def refuse_cut_short(home: Home) -> None:
    """Leave adapters alone while a study that was cut short may need one to go on.

    Raises:
        StoreError: there is such a study.
    """
    if home.run_file.is_file():
        raise StoreError(
            "a study of this home was cut short, and may need one of its adapters to go on",
            hint="Let it come to its end beforehand: run the same command again.",
        )


@contextmanager
def open_study(
    settings: Settings,
    corpus: tuple[Path, ...],
    policy: StudyPolicy,
    *,
    recipe: LoraRecipe | None = None,
    model: BaseChatModel | None = None,
    embedder: Embedder | None = None,
    progress: Progress | None = None,
    replies: ReplyCache | None = None,
) -> Iterator[StudyContext]:
    """Open everything a study needs; the store's lock is taken first.

    `model` and `embedder` replace the ones named in the settings (tests, hosts). `replies` is a
    cache that several studies share; otherwise the home has one of its own until the study is done.

    Raises:
        ModelError: it shall be trained, and its weights are not on this machine.
    """
    check_trainable(settings, policy, model)
    home = Home(settings.home)
    with ExitStack() as stack:
        embedder = embedder or open_embedder(settings, progress)
        store = stack.enter_context(
            MemoryStore.open(
                home.path,
                embedder,
                options=store_options(settings, open_reranker(settings, progress, chat=model)),
            )
        )
        library = home.library()
        stack.callback(library.close)
        base = None if model else base_folder(settings.model, settings, progress)
        opened = StudyContext(
            asker=Asker(
                model or load_chat_model(settings.model, settings, progress), replies=replies
            ),
            store=store,
            library=library,
            registry=home.registry(),
            corpus=corpus,
            policy=policy,
            recipe=recipe,
            base_path=base,
        )
        own_replies = replies is None and settings.replies and model is None
        yield stack.enter_context(prepared(home, opened, own_replies=own_replies))


@contextmanager
def prepared(home: Home, opened: StudyContext, *, own_replies: bool) -> Iterator[StudyContext]:
    """Make what is open ready for one run: the cost is counted anew, the adapter in use is at hand.

    Args:
        home: Where it is open.
        opened: What is open, with the run's corpus and policy; its judge is opened here.
        own_replies: Keep what the model says in the home until a study is done.

    Raises:
        ModelError: the promoted adapter was trained for another base.
    """
    with ExitStack() as stack:
        asker = opened.asker.metered_by(Meter())
        if own_replies:
            asker.replies = stack.enter_context(ReplyCache(home.path / REPLIES))
        judge = _open_judge(home, asker, stack) if opened.policy.judge else None
        yield dataclasses.replace(opened, asker=with_adapters(asker, home), judge=judge)


def _open_judge(home: Home, asker: Asker, stack: ExitStack) -> CachedJudge:
    judgements = Judgements(home.path / "memory" / JUDGEMENTS)
    stack.callback(judgements.close)
    return CachedJudge(QuizJudge(asker), judgements)


@dataclass(frozen=True, kw_only=True)
class StudyResult:
    """How a run ended."""

    state: dict[str, Any]
    resumed: bool
    meter: Meter


def run_study(
    home: Home,
    context: StudyContext,
    on_event: Callable[[Event], None],
    control: RunControl | None = None,
) -> StudyResult:
    """Run, or resume, a study and stream its progress events.

    A run that was cut short (Ctrl-C, kill -9, power) goes on after its last finished node. The
    nodes run in the calling thread (streaming would move them to another), so that Ctrl-C reaches
    the one at work. With a `control` it can be drained, and goes on likewise.
    """
    context = dataclasses.replace(context, listener=on_event, attended=False)
    with SqliteSaver.from_conn_string(str(home.path / "checkpoints.sqlite")) as saver:
        graph = build_study_graph().compile(checkpointer=saver)
        config, start = _thread(home, context, graph, saver)
        meter = context.asker.meter
        if start is None:
            spent = graph.get_state(config).values.get("spent", {})
            meter.phases.update(Meter.from_plain(spent).phases)
            on_event(_resumed(graph.get_state(config).values))
        with span("study", resumed=start is None):
            graph.invoke(start, config, context=context, durability="sync", control=control)
        state = dict(graph.get_state(config).values)
        home.run_file.unlink(missing_ok=True)
        _drop_replies(home, context.asker)
        saver.delete_thread(str(config["configurable"]["thread_id"]))
        return StudyResult(state=state, resumed=start is None, meter=meter)


def run_consolidation(
    context: StudyContext,
    on_event: Callable[[Event], None] | None,
    control: RunControl | None = None,
) -> ConsolidationOutput:
    """Train on what the memory holds, without a study around it; return what the graph gives back.

    The registry is what a training that was cut short goes on by: no checkpoints are needed.
    """
    graph = build_consolidation_graph().compile(checkpointer=False)
    start: ConsolidationInput = {"round": 0}
    with span("consolidation"):
        heard = dataclasses.replace(context, listener=on_event, attended=False)
        done = graph.invoke(start, context=heard, control=control)
    return cast(ConsolidationOutput, done)


def _drop_replies(home: Home, asker: Asker) -> None:
    """Empty the home's own cache of replies and keep no more: a study that is done asks nothing again.

    What is asked afterwards, such as an exam, may quote documents as well and is not to stay there.
    """
    if asker.replies is not None and asker.replies.path.parent == home.path:
        asker.replies.clear()
        asker.replies = None


def _thread(
    home: Home, context: StudyContext, graph: Any, saver: SqliteSaver
) -> tuple[RunnableConfig, StudyInput | None]:
    """Return the thread to run and its input; None as input means: go on.

    Another task begins anew: what the cut one had finished is in the library and the memory.
    """
    task = _task(context)
    saved = _saved_run(home.run_file)
    if saved is not None:
        config = _config(saved["thread"])
        if saved["task"] == task and graph.get_state(config).tasks:
            return config, None
        saver.delete_thread(saved["thread"])
    thread = uuid.uuid4().hex
    replace_text(home.run_file, json.dumps({"thread": thread, "task": task}))
    return _config(thread), {"round": 0}


def _task(context: StudyContext) -> dict[str, Any]:
    """Return what must be the same for a run to go on; the budget may be raised."""
    policy = dataclasses.asdict(context.policy) | {"mechanisms": sorted(context.policy.mechanisms)}
    del policy["budget_tokens"]
    return {
        "corpus": [str(path.resolve()) for path in context.corpus],
        "model": context.asker.name,
        **policy,
    }


def _saved_run(path: Path) -> dict[str, Any] | None:
    """Return the run under way; None when there is none, or its note cannot be read."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        return {"thread": str(saved["thread"]), "task": saved["task"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _resumed(state: Mapping[str, Any]) -> Event:
    """Return the event that says where a run goes on."""
    left = len(state.get("queue", [])) + len(state.get("batch", []))
    return {
        "phase": "run", "event": "resumed", "round": state.get("round", 0), "passages": left,
        "kept": state.get("kept", 0),
    }  # fmt: skip


def _config(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}, "recursion_limit": RECURSION_LIMIT}
