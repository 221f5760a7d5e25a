"""Processes that train one adapter together, each on a part of every optimizer step.

`torchrun` and `accelerate launch` start them. Started otherwise there is one process, which has nobody
to ask, and none of this is loaded.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, TypeVar

from ingrained.errors import IngrainedError, TrainingError

from .encode import EncodedRow

if TYPE_CHECKING:
    import torch

Decision = TypeVar("Decision")

_LAUNCHERS = (
    ("WORLD_SIZE", "RANK", "LOCAL_RANK"),
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_RANK"),
)
"""Where a launcher, torch's or one of MPI's, says how many processes it has started, and which this is."""


def processes() -> Processes:
    """Return this process's place among those that were started with it.

    A size without a place is nobody's: containers come with one, whatever is started in them.

    Raises:
        TrainingError: there are several, and they cannot reach each other.
    """
    started = max(_started(*names) for names in _LAUNCHERS)
    return _Several(started) if started > 1 else Processes()


def _started(size: str, *place: str) -> int:
    told = all(os.environ.get(name) for name in (size, *place))
    return int(os.environ[size]) if told else 1


def deal(rows: Sequence[EncodedRow], numbers: Sequence[int], count: int) -> list[list[int]]:
    """Deal the rows of a step out to so many processes, the longest first, to whom has least.

    Each part is in the order of the step.

    A step takes as long as its slowest process; dealt so, that one has at most 4/3 of the tokens it
    would have in the best of deals (Graham 1969, longest processing time first).
    """
    owner: dict[int, int] = {}
    tokens = [0] * count
    for number in sorted(numbers, key=lambda number: -rows[number].tokens):
        owner[number] = tokens.index(min(tokens))
        tokens[owner[number]] += rows[number].tokens
    return [[number for number in numbers if owner[number] == part] for part in range(count)]


class Processes:
    """This process and no other: it computes everything and decides alone."""

    number = 0
    """Of this process, from 0."""
    count = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that decides, reports and writes."""
        return self.number == 0

    def part(self, rows: Sequence[EncodedRow], numbers: Sequence[int]) -> list[int]:
        """Return which rows of a step are this process's, of about as many tokens as any other's."""
        return deal(rows, numbers, self.count)[self.number]

    def sum(self, values: Sequence[float]) -> list[float]:
        """Return the sums of each value over the processes."""
        return list(values)

    def sum_gradients(self, _: Iterable[torch.nn.Parameter], loss: float, /) -> float:
        """Sum the gradients over the processes, in place; return the sum of their losses."""
        return loss

    def copy_first(self, tensors: Iterable[torch.Tensor]) -> None:
        """Overwrite tensors with those of the first process."""

    def decided(self, decide: Callable[[], Decision]) -> Decision:
        """Return what the first process decides; what it raises is raised in every process.

        So is Ctrl-C, whichever of them it reached. Of other errors than those of Ingrained and of the
        system the others learn by losing the first.
        """
        return decide()

    def between_decisions(self) -> AbstractContextManager[None]:
        """Let Ctrl-C wait for the next decision, where others would wait for this process's part."""
        return nullcontext()

    def close(self) -> None:
        """Part from the other processes, at the end of the program."""


class _Several(Processes):
    """One of several processes, over gloo on processors and NCCL on CUDA."""

    def __init__(self, started: int) -> None:
        self._state = _joined(started)
        self.number, self.count = self._state.process_index, self._state.num_processes
        self._interrupted = False

    def sum(self, values: Sequence[float]) -> list[float]:
        import torch

        summed: list[float] = self._summed(torch.tensor(values, device=self._state.device)).tolist()
        return summed

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter], loss: float, /) -> float:
        """As above, in one message: hundreds of small ones would each wait for the slowest process."""
        import torch

        trained = list(parameters)
        # A short last step may have no row for this process.
        own = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
        message = torch.cat([*(grad.flatten() for grad in own), own[0].new_tensor([loss])])
        sizes = [*(parameter.numel() for parameter in trained), 1]
        *sums, losses = torch.split(self._summed(message), sizes)
        for parameter, gradient in zip(trained, sums, strict=True):
            parameter.grad = gradient.view_as(parameter)
        return float(losses)

    def _summed(self, tensor: torch.Tensor) -> torch.Tensor:
        from accelerate.utils import reduce

        summed: torch.Tensor = reduce(tensor, "sum")
        return summed

    def copy_first(self, tensors: Iterable[torch.Tensor]) -> None:
        from accelerate.utils import broadcast

        for tensor in tensors:
            broadcast(tensor.detach())

    def decided(self, decide: Callable[[], Decision]) -> Decision:
        from accelerate.utils import broadcast_object_list

        told: list[Any] = [None, None]
        if self.first:
            told = self._answer(decide)
        broadcast_object_list(told)
        decision, error = told
        if error is not None:
            raise error
        self._heed_interrupts()
        return decision  # type: ignore[no-any-return]

    def _answer(self, decide: Callable[[], Decision]) -> list[Any]:
        try:
            return [decide(), None]
        except (IngrainedError, OSError, KeyboardInterrupt) as error:
            return [None, error]

    def _heed_interrupts(self) -> None:
        """Interrupt all where one was interrupted."""
        if any(self.sum([float(self._interrupted)])):
            raise KeyboardInterrupt

    @contextmanager
    def between_decisions(self) -> Iterator[None]:
        def note(*_: object) -> None:
            self._interrupted = True

        # Ctrl-C never reaches another thread.
        reached = threading.current_thread() is threading.main_thread()
        before = signal.signal(signal.SIGINT, note) if reached else None
        try:
            yield
            self._heed_interrupts()
        finally:
            if reached:
                signal.signal(signal.SIGINT, before)
            self._interrupted = False

    def close(self) -> None:
        self._state.destroy_process_group()


def _joined(started: int) -> Any:
    """Return accelerate's view of the group, once all are in it."""
    import torch
    from accelerate import PartialState

    try:
        state = PartialState(cpu=not torch.cuda.is_available())
    except (ValueError, RuntimeError) as error:
        PartialState._reset_state()  # Else what is half made passes for whole at the next call.
        raise _apart(started, str(error)) from error
    if state.num_processes != started:
        raise _apart(started, f"the group has {state.num_processes}")
    return state


def _apart(started: int, why: str) -> TrainingError:
    return TrainingError(
        f"{started} processes were started, and they cannot train together: {why}",
        hint="Start them with torchrun or accelerate launch, which tell them how to reach each other; "
        "to train in this one alone, unset RANK, or the rank that MPI set.",
    )
