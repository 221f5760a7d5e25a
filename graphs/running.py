"""What a run of a graph works with: what its host holds open, and what the run says as data.

A graph's nodes work with one of our contexts, which hold open objects. A run may be given one whole.
Where the graph was built on one or more of them, a run may say in plain data, in its context or in its
`configurable`, whose memory it is for and which model and cell it wants.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langgraph.config import get_config
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from ingrained.errors import InputError
from ingrained.graphs.context import StudyContext, require_context
from ingrained.graphs.naming import ABSENT, Namespace, labels, named, said, user_label
from ingrained.graphs.watching import watched

Context = TypeVar("Context")


class RunContext(TypedDict, total=False):
    """What a run may say as data; a host's context may have more, or be of a class with such attributes."""

    user_id: str
    """Whose memory it is: `("user", user_id)`. In a conversation, who talks."""
    namespace: Sequence[str]
    """Whose memory it is, in place of a user's. In a conversation, where what was studied is."""
    model: str
    """Name of one of the models that the graph was built with."""
    cell: str
    """What a conversation answers with: base, memory, adapter or both."""
    question: str
    """What the user says in this turn of a conversation. It is not read from `configurable`, which is
    kept in checkpoints."""


RUN_CONTEXT: type[Any] = RunContext
"""The `context_schema` of our graphs: LangGraph makes no object of a dict, which would need open ones."""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What one source says, or two that agree; None for what it does not."""

    whose: Namespace | None = None
    """The namespace that the tools of memory would take it for."""
    user: str | None = None
    namespace: Namespace | None = None
    model: str | None = None
    cell: str | None = None
    question: str | None = None

    @classmethod
    def by(cls, source: object) -> Said:
        """Return what a mapping or an object says.

        Raises:
            InputError: it is of the wrong type, or an identity that is there and is None.
        """
        if source is None or hasattr(source, "asker"):  # another of our contexts speaks for itself
            return cls()
        given = {name: said(source, name) for name in RunContext.__annotations__}
        there = {name: one for name, one in given.items() if one is not ABSENT and one is not None}
        return cls(
            whose=named(source),
            user=user_label(there["user_id"]) if "user_id" in there else None,
            namespace=labels(there["namespace"]) if "namespace" in there else None,
            **{name: _text(name, there.get(name)) for name in ("model", "cell", "question")},
        )

    def agreed(self, other: Said) -> Said:
        """Return what both say together.

        Raises:
            InputError: they contradict each other.
        """
        mine, its = vars(self), vars(other)
        for name, one in mine.items():
            if None not in (one, its[name]) and one != its[name]:
                raise contradiction("namespace" if name == "whose" else name, one, its[name])
        return Said(**{name: its[name] if one is None else one for name, one in mine.items()})


def contradiction(name: str, one: object, other: object) -> InputError:
    """Return the error for a context and a `configurable` that say different things."""
    return InputError(
        f"the run's context says that the {name} is {one!r}, its `configurable` that it is {other!r}",
        hint="Say it in one of them, or the same in both.",
    )


def _text(name: str, given: object) -> str | None:
    if given is None or isinstance(given, str):
        return given
    way = _INSTEAD["asker"] if name == "model" else "Give a text."
    raise InputError(f"the {name} of a run is a name, not a {type(given).__name__}", hint=way)


_INSTEAD = {
    "asker": "Give the model with the context: `asker=Asker(model)`, from `ingrained.agent.asking`.",
    "store": "Open it: `MemoryStore.open(folder, embedder)`, or all of a home by `open_study`.",
    "library": "Open it: `Home(path).library()`, or all of a home by `open_study`.",
    "registry": "Open it: `Home(path).registry()`, or all of a home by `open_study`.",
    "memory": "Open it: `OpenStore(store)`, from `ingrained.graphs.chat`.",
}
"""Field of a context that is an open object → what to give where there is data in its place."""


@dataclass(frozen=True, kw_only=True)
class Door(Generic[Context]):
    """How the runs of one graph come to the context of its nodes."""

    kind: type[Context]
    hint: str
    """What to give to a run that has none."""
    applied: Callable[[Context, Said], Context]
    """Returns an open context for what a run says."""
    whose: Callable[[Context], Namespace | None] = lambda _: None
    """Returns whom a whole context names, if anybody."""

    def within(self, opened: Sequence[Context]) -> Callable[[Callable[..., Any]], Any]:
        """Return what gives a node, or what chooses the next one, the context of its run.

        Args:
            opened: What the graph was built on; a run chooses among them by the model's name.
        """

        def wrap(function: Callable[..., Any]) -> Any:
            @functools.wraps(function)
            def run(state: Any, runtime: Runtime[Any]) -> Any:
                configurable = get_config().get("configurable", {})
                context = self.context_of(runtime.context, configurable, opened)
                return function(state, watched(runtime.override(context=context)))

            return run

        return wrap

    def context_of(
        self, given: object, configurable: Mapping[str, Any], opened: Sequence[Context]
    ) -> Context:
        """Return the context of a run.

        Args:
            given: The run's context: one of this kind, data, or a host's own.
            configurable: Of the run.
            opened: What the graph was built on.

        Raises:
            InputError: there is nothing open to work with, or what is said makes no sense.
        """
        if isinstance(given, self.kind):
            self._check_whose(given, configurable)
            return given
        if not opened and isinstance(given, Mapping):
            opened = (self._made(given),)
        if not opened:
            require_context(given, self.kind, self.hint)
        told = dataclasses.replace(Said.by(configurable), question=None)
        told = Said.by(given).agreed(told)
        return self.applied(self._chosen(opened, told.model), told)

    def _check_whose(self, given: Context, configurable: Mapping[str, Any]) -> None:
        own = self.whose(given)
        other = None if own is None else named(configurable)
        if other not in (None, own):
            raise contradiction("namespace of the user", own, other)

    def _made(self, given: Mapping[str, Any]) -> Context:
        """Return the context that a host gives field by field, its open objects among them."""
        kind: Any = self.kind
        fields = {one.name: one for one in dataclasses.fields(kind)}
        for name in fields.keys() & _INSTEAD.keys() & given.keys():
            if isinstance(given[name], str | int | float | list | tuple | Mapping):
                raise InputError(f"the {name} of a run cannot be data", hint=_INSTEAD[name])
        lacking = [
            name for name, one in fields.items()
            if name not in given
            and one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        ]  # fmt: skip
        if lacking:
            raise InputError(
                f"the graph needs a {kind.__name__} as the context of its run, or to be built on one: "
                f"open objects are missing ({', '.join(lacking)})",
                hint=f"{self.hint} Or build the graph on one, and give data to its runs.",
            )
        made: Context = kind(**{name: given[name] for name in fields if name in given})
        return made

    def _chosen(self, opened: Sequence[Any], model: str | None) -> Context:
        """Return the open context of a model, the first where none is named."""
        by_name = {one.asker.name: one for one in reversed(opened)}
        found: Context | None = opened[0] if model is None else by_name.get(model)
        if found is None:
            raise InputError(
                f"the graph has no model {model!r} open",
                hint=f"It has {', '.join(map(repr, reversed(by_name)))}. Build it on a context for each.",
            )
        return found


def _studied(context: StudyContext, told: Said) -> StudyContext:
    return dataclasses.replace(context, namespace=told.whose) if told.whose else context


STUDY = Door(
    kind=StudyContext,
    hint=(
        "`open_study` gives one. In a graph with a context of its own, call this graph from a node: "
        '`study.invoke({"round": 0}, context=study_context)`.'
    ),
    applied=_studied,
)
"""Of a study, and of a consolidation."""
