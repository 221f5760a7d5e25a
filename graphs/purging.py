"""A purge that an agent asks for: shown to a person, noted in the home, done once the store is closed.

Chroma's files and the checkpoints of an open home cannot be proved clean, so what is approved leaves recall
at once and is erased by the next `erase`.
"""

from __future__ import annotations

from ingrained.graphs.approving import PurgeProposal
from ingrained.graphs.calls import Caller, named
from ingrained.graphs.erasing import stage, unfinished
from ingrained.graphs.erasure_plan import ErasurePlan, plan_erasure
from ingrained.graphs.session import Home
from ingrained.memory.records import Memory


def ask_to_purge(caller: Caller, home: Home, memory_id: str) -> str:
    """Have a memory of the caller's erased, with what was made from it and what repeats it.

    Nothing is changed before it is approved. Another run finds the note of the first, asks nobody
    and does what is left.

    Returns:
        What became of it, for the model.

    Raises:
        NotFoundError: The caller has no memory of this id.
        StoreError: The note of another purge is damaged.
    """
    memory = caller.own_memory(memory_id)
    if memory.id not in unfinished(home).ids:
        plan = plan_erasure(home.path, caller.store, [memory.id])
        if refused := caller.refusal("purge", _proposal(memory, plan)):
            return refused
        stage(home, plan)
    going = set(unfinished(home).ids)
    for one in caller.store.list(status="active"):
        if one.id in going:
            caller.notebook.forget(one)
    return (
        f"No longer recalled: {named(memory)}. It is erased for good once the application is stopped "
        "and `ingrained memory purge` is run."
    )


def _proposal(memory: Memory, plan: ErasurePlan) -> PurgeProposal:
    return PurgeProposal(
        action="purge", memory=memory.id, old=memory.text, adapters=plan.adapters,
        derived=tuple(one.text for one in plan.derived),
        along=tuple(one.text for one in plan.along),
    )  # fmt: skip
