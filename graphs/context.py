"""What the nodes work with: live objects, handed in per run and never checkpointed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ingrained.agent.asking import Asker
from ingrained.agent.library import Library
from ingrained.agent.mechanisms import DEFAULT_MECHANISMS, QUESTION_KINDS, check_mechanisms
from ingrained.agent.planning import AUTONOMY, Planner
from ingrained.agent.recalling import RECALL_K, Recaller, likely_by
from ingrained.errors import InputError, ModelError, SettingsError
from ingrained.memory.relations import Judge
from ingrained.memory.store import MemoryStore
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.methods import SUPERVISED, TRAINING_METHODS
from ingrained.trainer.recipe import LoraRecipe


@dataclass(frozen=True, kw_only=True)
class StudyPolicy:
    """How a study is run; every number has one meaning.

    Raises:
        SettingsError: one or more values are out of range; all are named.
    """

    rounds: int = 1
    batch_passages: int = 18
    """Most passages studied together: the more, the better the processor is used. What our own model
    said in a batch that is cut short is kept (`INGRAINED_REPLIES`), so that a large one loses little."""
    first_passages: int = 6
    """The same while it is not known how the model's questions fare, and where there is a budget,
    which is looked at between two batches."""
    passage_tokens: int = 160
    answers_per_note: int = 4
    """Most stretches of one note that are asked for; fewer once the model's questions turn out to
    be hardly ever accepted, unless the plan is fixed (`autonomy`)."""
    mechanisms: frozenset[str] = DEFAULT_MECHANISMS
    """What the study is made of, of `agent.mechanisms.MECHANISMS`."""
    votes: int = 5
    """Most open-book replies to a question (Self-Consistency's m), the greedy one included."""
    share: float = 0.9
    """Of these votes, so many have to agree, in (0, 1]."""
    autonomy: str = "medium"
    """Who plans a round, of `agent.planning.AUTONOMY`: a fixed plan, the scores, or the model."""
    recall_k: int = RECALL_K
    """Excerpts laid before the model for a question."""
    sealed_share: float = 0.3
    """Share of the paraphrased, reversed, joined and unanswerable questions that are kept out of
    memory and training for the round's examination."""
    exam_items: int = 48
    """Most sealed questions asked in one examination."""
    mastered: float = 0.95
    """Stop when this share of sealed questions is answered with all the agent has."""
    weak_passages: int = 8
    """Most passages taken up again in a later round."""
    reflection_importance: float = 0.0
    """Draw insights when what is new in memory is of this importance in all; 0 is never. Few of the
    default model's insights hold (LOG.md), so it is left to whoever has a larger one;
    `reflecting.IMPORTANCE_THRESHOLD` is a good value."""
    judge: bool = False
    """Ask how new memories relate to known ones of other documents; what they contradict is
    superseded. Of the default model's judgements about one memory in eighty is wrong (LOG.md)."""
    trust: float = 1.0
    """Of what is learnt, in [0, 1]; less for documents that need not be right."""
    budget_tokens: int | None = None
    consolidate: bool = False
    every_documents: int | None = None
    """Consolidate whenever so many documents more were read to their end, not only at the end of
    the run; looked at after each batch."""
    method: str = SUPERVISED
    """How to train, of `trainer.methods.TRAINING_METHODS`."""
    approve: bool = False
    """An adapter that passes the gate waits until somebody promotes it."""
    forget_deleted: bool = False
    """Forget what rests on documents that are no longer there."""
    seed: int = 0

    @property
    def few_passages(self) -> int:
        """Size of a batch that is to be a small one."""
        return min(self.batch_passages, self.first_passages)

    def __post_init__(self) -> None:
        """Report all faults together."""
        faults = [
            f"{name} must be at least 1, got {getattr(self, name)}"
            for name in ("rounds", "batch_passages", "first_passages", "passage_tokens", "answers_per_note",
                         "recall_k", "exam_items", "weak_passages", "votes")
            if getattr(self, name) < 1
        ]  # fmt: skip
        if not 0 < self.share <= 1:
            faults.append(f"share must be in (0, 1], got {self.share}")
        if self.autonomy not in AUTONOMY:
            faults.append(f"autonomy must be one of {', '.join(AUTONOMY)}, got {self.autonomy!r}")
        if self.method not in TRAINING_METHODS:
            names = ", ".join(TRAINING_METHODS)
            faults.append(f"method must be one of {names}, got {self.method!r}")
        if not 0 <= self.sealed_share < 1:
            faults.append(f"sealed_share must be in [0, 1), got {self.sealed_share}")
        if not self.reflection_importance >= 0:
            faults.append(
                f"reflection_importance must be at least 0, got {self.reflection_importance}"
            )
        if not 0 <= self.trust <= 1:
            faults.append(f"trust must be in [0, 1], got {self.trust}")
        faults += [
            f"{name} must be at least 1, got {value}"
            for name in ("budget_tokens", "every_documents")
            if (value := getattr(self, name)) is not None and value < 1
        ]
        if not self.mechanisms & QUESTION_KINDS.keys():
            faults.append("no kind of question is switched on")
        if faults:
            raise SettingsError("; ".join(faults))
        check_mechanisms(self.mechanisms)


@dataclass(frozen=True, kw_only=True)
class StudyContext:
    """The run's live objects."""

    asker: Asker
    store: MemoryStore
    library: Library
    registry: AdapterRegistry
    corpus: tuple[Path, ...] = ()
    policy: StudyPolicy = field(default_factory=StudyPolicy)
    judge: Judge | None = None
    """Says how new memories relate to known ones."""
    recipe: LoraRecipe | None = None
    """How to train; None takes `LoraRecipe.for_depth` of the base."""
    base_path: Path | None = None
    """Folder of the base weights; None for a model behind an API, which cannot be trained here."""
    namespace: tuple[str, ...] = ("default",)
    listener: Callable[[dict[str, Any]], None] | None = None
    """Told of each progress event as it happens, beside the graph's custom stream."""
    attended: bool = True
    """Whether whoever runs the graph can answer an interrupt; where not, what is asked for waits."""
    studying: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)
    """Held by a study that an agent asked for: the tools that share a context take turns."""

    @property
    def out_of_budget(self) -> bool:
        """Whether the tokens used have reached the budget."""
        budget = self.policy.budget_tokens
        return budget is not None and self.asker.meter.tokens >= budget

    def planner(self) -> Planner:
        """Return how rounds are planned.

        Raises:
            SettingsError: no kind of question is switched on.
        """
        return Planner(
            autonomy=self.policy.autonomy,
            kinds=tuple(kind for kind in QUESTION_KINDS if kind in self.policy.mechanisms),
            limit=self.policy.weak_passages,
            model=self.asker.name,
            asker=self.asker,
        )

    def recaller(self, asker: Asker | None = None, *, phase: str) -> Recaller:
        """Return what lays memories before the model.

        Args:
            asker: Reads the best of them again; the run's own when None.
            phase: Where the cost is booked.
        """
        return Recaller(
            self.store, self.library, k=self.policy.recall_k, namespace=self.namespace,
            likely=likely_by(asker or self.asker, phase=phase),
        )  # fmt: skip


def require_context(context: object, wanted: type, hint: str) -> None:
    """Refuse a run that was given no context, or one of the host's own, before it fails somewhere within.

    Raises:
        InputError: it is not the one that the graph works with.
    """
    if not isinstance(context, wanted):
        raise InputError(
            f"the graph needs a {wanted.__name__} as the context of its run, "
            f"not {type(context).__name__}",
            hint=hint,
        )


def cannot_train(name: str) -> ModelError:
    """Return the error for training a model whose weights are not on this machine."""
    return ModelError(
        f"{name!r} cannot be trained here: its weights are not on this machine",
        hint="Study without --consolidate, or use a catalogue or local model.",
    )
