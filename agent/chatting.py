"""Answering with what the agent has: one question at a time, with the sources it was shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingrained.agent.answering import with_memory
from ingrained.agent.asking import Asker
from ingrained.agent.cells import settled_cell
from ingrained.agent.citing import Answer, CitationCheck, sources_of
from ingrained.agent.deliberating import Considered, Inquiry, Step, check_votes, refined, voted
from ingrained.agent.grading import abstained
from ingrained.agent.library import Library
from ingrained.agent.quoting import quoted_for
from ingrained.agent.recalling import RECALL_K, Excerpt, Recaller, likely_by
from ingrained.memory.store import MemoryStore


class Conversation:
    """Answers questions in one cell, each by itself; `graphs.chat` remembers what was said.

    Args:
        asker: The model.
        store: The memory; None for an agent that has none.
        library: Where the passages around the memories are; without it they are shown alone.
        adapter: Name of the promoted adapter, loaded already.
        cell: What to answer with.
        k: Most excerpts for a question.
        votes: How many replies vote on an answer; 1 asks once.
        refine: Whether the model looks over its reply.
        progress: Told of each step that takes its time.
        unused: Tells, oldest first, the adapters that were made and are not in use.

    Attributes:
        cell: What is answered with.
        note: Says when `both` has to do without an adapter.

    Raises:
        SettingsError: no such cell, or no votes.
        NotFoundError: the cell is `adapter` and there is none.
    """

    def __init__(
        self,
        asker: Asker,
        store: MemoryStore | None,
        *,
        adapter: str | None,
        library: Library | None = None,
        cell: str = "both",
        k: int = RECALL_K,
        votes: int = 1,
        refine: bool = False,
        progress: Callable[[Step], None] = lambda _: None,
        unused: Callable[[], Sequence[str]] = lambda: (),
    ) -> None:
        self._asker = asker
        likely = likely_by(asker, phase="ask")
        self._recaller = Recaller(store, library, k=k, likely=likely) if store else None
        self._adapter = adapter if asker.has_adapters else None
        self._votes = check_votes(votes)
        self._refine = refine
        self._progress = progress
        self.cell, self.note = settled_cell(cell, self._adapter, unused)

    def answer(self, question: str) -> Answer:
        """Answer with what is recalled for the question.

        A reply keeps no number of a source that was not shown: a document can be full of those.
        """
        found: Sequence[Excerpt] = ()
        if self._recaller is not None and self.cell in ("memory", "both"):
            (found,) = self._recaller.recall([question])
        notes = [part.text for part in found]
        done = self._considered(
            Inquiry(
                asker=self._asker, cell=self.cell, adapter=self._adapter, question=question,
                prompt=with_memory(notes, question), notes=notes,
            )
        )  # fmt: skip
        reply = done.reply
        if notes:
            reply = CitationCheck(range(1, len(notes) + 1)).whole(reply).strip()
        used = self._asker.adapter_in(self.cell, self._adapter, notes=bool(notes))
        return Answer(
            question=question,
            reply=reply,
            cell=self.cell,
            abstained=abstained(reply),
            adapter=self._adapter if used else None,
            sources=quoted_for(reply, question, sources_of(found)),
            **done.facts,
        )

    def _considered(self, inquiry: Inquiry) -> Considered:
        if self._votes > 1:
            self._progress("vote")
            done = voted(inquiry, self._votes)
        else:
            done = Considered(reply=inquiry.replies(1)[0])
        if self._refine:
            if inquiry.notes:
                self._progress("refine")
            done = refined(inquiry, done)
        return done
