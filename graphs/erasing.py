"""Erasing memories from every layer of a home: what a purge does around the ledger.

Tombstones come first, the library and the ledger last but for the index. Killed at any step, the
purge left a note with the ids of what goes and whose it is; the texts can be read from library and ledger until all
else is done, and erasing again finishes all of it. The note holds no text, and goes when the index
was deleted.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from ingrained.agent.burying import Burial, Buried, carry_out, prepare
from ingrained.agent.redacting import Redaction, redact_records
from ingrained.agent.replies import FILE_NAME as REPLIES
from ingrained.agent.tombstones import phrases, whole_key, word_count
from ingrained.disk import DAMAGED, as_store_error, replace_text
from ingrained.errors import StoreError
from ingrained.graphs.chat.locking import no_turns
from ingrained.graphs.erasing_threads import drop_conversations, drop_cut_run
from ingrained.graphs.erasure_plan import ErasurePlan, Said, plan_erasure
from ingrained.graphs.erasure_reading import LEAST_WORDS
from ingrained.graphs.session import Home
from ingrained.memory.absence import Search, search
from ingrained.memory.judgements import FILE_NAME, Judgements
from ingrained.memory.ledger import Ledger
from ingrained.memory.locking import write_lock
from ingrained.memory.store import MemoryStore

NOTE = "purge.json"
"""Names the purge under way: ids and users, no texts."""
STALE = "a memory it was trained on was purged"


@dataclass(frozen=True, kw_only=True)
class Begun:
    """What a purge that was cut short was to erase; nothing, and hence false, when there is none."""

    ids: tuple[str, ...] = ()
    """Of memories."""
    documents: tuple[str, ...] = ()
    """Ids of documents, as a whole."""
    users: tuple[str, ...] = ()
    """Whose conversations go, all of them."""

    def __bool__(self) -> bool:
        return bool(self.ids or self.documents or self.users)


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What a purge removed, and where."""

    memories: tuple[str, ...]
    """Ids of all that is gone."""
    derived: tuple[str, ...] = ()
    """Those of them that had been made from the others."""
    along: tuple[str, ...] = ()
    """Those that went because they held the text of one that was named."""
    kept_by: tuple[str, ...] = ()
    """Ids of memories that still hold some of the texts, and stay."""
    past: int = 0
    """Past states, of memories that stay, that held one of the texts."""
    buried: Buried
    """What left the library."""
    records: tuple[str, ...] = ()
    """Files of past runs that were redacted."""
    judgements: int = 0
    """Cached judgements of how they stand to other memories that were dropped."""
    cut_run: bool = False
    """A study that was cut short had the text in hand: it was given up."""
    conversations: int = 0
    """Conversations in which the text was said, dropped as a whole."""
    adapters: tuple[str, ...] = ()
    """Versions that are stale now."""
    withdrawn: tuple[str, ...] = ()
    """Versions that are no longer in use, because they are stale."""
    active: str | None = None
    """The adapter that is in use now."""
    unfinished: tuple[str, ...] = ()
    """Trainings cut short that were thrown away."""
    replies: bool = False
    """Replies of the model that were kept for a study cut short were deleted."""
    report: bool = False
    """The page HOME/report.html was deleted; a new one can be made."""


def erase(
    home: Home,
    store: MemoryStore,
    ids: Iterable[str],
    *,
    documents: Iterable[str] = (),
    users: Iterable[str] = (),
    who: str,
    why: str,
    keep_adapter: bool = False,
) -> Erasure:
    """Erase memories, what was made from them and what repeats them; it cannot be undone.

    A purge that was cut short is finished along with it. `finish` or `prove` must follow when the
    store is closed.

    Args:
        home: The home that the store is the memory of.
        store: Open for writing, so that nothing studies meanwhile.
        ids: Of memories, or their first letters.
        documents: Ids of documents to erase as a whole, with what no memory says; the memories that
            rest on them must be among `ids`.
        users: Whose conversations go, all of them; their memories must be among `ids`.
        who: Who asked for it.
        why: For what reason; do not repeat the text here, it is kept.
        keep_adapter: Go on answering with an adapter that was trained on what goes.

    Raises:
        NotFoundError: there is no memory of one of the ids; nothing was changed.
        HomeBusyError: a chat is being answered, and nothing was changed; or another process reads the
            home. Erase again when it has ended.
        StoreError: the disk is full or fails. Erase again then.
    """
    with no_turns(home.path):
        return _erased(
            home, store, tuple(ids), tuple(documents), tuple(users),
            who=who, why=why, keep_adapter=keep_adapter,
        )  # fmt: skip


def _erased(
    home: Home,
    store: MemoryStore,
    ids: tuple[str, ...],
    documents: tuple[str, ...],
    users: tuple[str, ...],
    *,
    who: str,
    why: str,
    keep_adapter: bool,
) -> Erasure:
    begun = unfinished(home)
    there = {memory.id for memory in store.list(status=None)}
    named = [id_ for id_ in ids if id_ not in begun.ids]
    whole = tuple(dict.fromkeys((*begun.documents, *documents)))
    plan = plan_erasure(
        home.path,
        store,
        [*named, *(id_ for id_ in begun.ids if id_ in there)],
        whole,
        users=dict.fromkeys((*begun.users, *users)),
    )
    gone = tuple(dict.fromkeys((*begun.ids, *plan.ids)))
    _note(home, gone, whole, plan.users)
    try:
        done = _everywhere(home, plan, gone, keep_adapter=keep_adapter)
    except (OSError, sqlite3.Error) as error:
        raise as_store_error(error) or error from error
    store.purge([id_ for id_ in gone if id_ in there], who=who, why=why)
    return done


def stage(home: Home, plan: ErasurePlan) -> None:
    """Note what is to be erased, and mark the adapters that know it, while the store stays in use.

    The note is that of a purge which was cut short: `erase` takes it up with whatever it is asked for,
    and `ingrained memory purge` by itself. Doing it again changes nothing more.

    Raises:
        StoreError: the note of another purge is damaged.
    """
    with FileLock(home.path / "purge.lock"):
        begun = unfinished(home)
        _note(
            home, tuple(dict.fromkeys((*begun.ids, *plan.ids))),
            tuple(dict.fromkeys((*begun.documents, *plan.documents))),
            tuple(dict.fromkeys((*begun.users, *plan.users))),
        )  # fmt: skip
    home.registry().mark_stale(plan.adapters, STALE)


def _note(
    home: Home, ids: tuple[str, ...], documents: tuple[str, ...], users: tuple[str, ...]
) -> None:
    note = {"ids": ids, "documents": documents, "users": users}
    replace_text(home.path / NOTE, json.dumps(note))


def finish(home: Home) -> None:
    """Delete the index, and the note that a purge is under way; the store must be closed.

    The vectors of what went stay in Chroma's files, and Chroma writes memory of the process that
    it never filled into their free slots: whatever a study held there may stand in them. The next
    opening of the store makes the index anew from the ledger.

    Raises:
        HomeBusyError: another process is writing.
    """
    with write_lock(home.path / "memory"):
        for folder in (home.path / "memory").glob("chroma*"):
            shutil.rmtree(folder)
        (home.path / NOTE).unlink(missing_ok=True)


def prove(home: Home, texts: Sequence[str]) -> Search:
    """Finish a purge, and search the home for texts that were erased; the store must be closed.

    Raises:
        HomeBusyError: another process is writing.
        InputError: one of the texts is empty.
    """
    finish(home)
    return search(home.path, texts)


def unfinished(home: Home) -> Begun:
    """Return what the purge that was cut short was to erase.

    Raises:
        StoreError: the note of it is damaged.
    """
    path = home.path / NOTE
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        lists = [note["ids"], note.get("documents", []), note.get("users", [])]
    except FileNotFoundError:
        return Begun()
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{str(path)!r} is damaged: {error}", hint=DAMAGED) from error
    if not all(map(_are_texts, lists)):
        raise StoreError(f"{str(path)!r} is damaged: it has no list of ids", hint=DAMAGED)
    ids, documents, users = map(tuple, lists)
    return Begun(ids=ids, documents=documents, users=users)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _everywhere(
    home: Home, plan: ErasurePlan, gone: tuple[str, ...], *, keep_adapter: bool
) -> Erasure:
    """Erase from all but the ledger."""
    with closing(home.library()) as library:
        burial = prepare(
            library, [*plan.texts, *plan.short], (*plan.chosen, *plan.derived), plan.documents
        )
        done = _around(home, plan, gone, burial, keep_adapter=keep_adapter)
        carry_out(library, burial)
    return done


def _around(
    home: Home, plan: ErasurePlan, gone: tuple[str, ...], burial: Burial, *, keep_adapter: bool
) -> Erasure:
    """Erase from all but the library and the ledger, which know what else there is to erase."""
    registry = home.registry()
    registry.mark_stale(plan.adapters, STALE)
    asked = [*plan.wordings, *(one for one in burial.wordings if word_count(one) >= LEAST_WORDS)]
    return Erasure(
        memories=gone,
        derived=tuple(memory.id for memory in plan.derived),
        along=tuple(memory.id for memory in plan.along),
        kept_by=tuple(memory.id for memory in plan.kept_by),
        buried=burial.buried,
        judgements=_from_judgements(home.path, plan),
        past=_from_past(home.path, plan),
        cut_run=drop_cut_run(home, [*plan.texts, *plan.short, *asked, *burial.ids]),
        conversations=drop_conversations(
            home, [*plan.texts, *_short_alone(plan), *asked], turns=plan.turns, users=plan.users
        ),
        records=redact_records(home.path, _redaction(plan, gone, asked)),
        adapters=plan.adapters,
        withdrawn=() if keep_adapter else registry.withdraw_stale(),
        unfinished=registry.discard_unfinished(),
        active=registry.active(),
        replies=_drop_replies(home.path),
        report=_drop_report(home.path),
    )


def _short_alone(plan: ErasurePlan) -> list[str]:
    """Return the short texts that no memory says that stays: "hi" is what others say too."""
    kept = {whole_key(memory.text) for memory in plan.kept_by}
    return [text for text in plan.short if whole_key(text) not in kept]


def _from_past(home: Path, plan: ErasurePlan) -> int:
    """Delete what memories that stay said once, and say no longer."""
    said, gone = Said.of([*plan.texts, *plan.short]), set(plan.ids)
    with closing(Ledger(home / "memory" / "ledger.sqlite")) as ledger:
        return ledger.drop_past(lambda one: one.id not in gone and said.stands_in(one))


def _from_judgements(home: Path, plan: ErasurePlan) -> int:
    path = home / "memory" / FILE_NAME
    if not path.is_file():
        return 0
    with closing(Judgements(path)) as judgements:
        return judgements.forget_texts(
            [*plan.texts, *plan.short, *(memory.text for memory in plan.memories)]
        )


def _redaction(plan: ErasurePlan, gone: tuple[str, ...], asked: Sequence[str]) -> Redaction:
    core = (*plan.chosen, *plan.derived)
    answers = [evidence.answer for memory in core for evidence in memory.evidence]
    return Redaction(
        texts=phrases(plan.texts),
        questions=phrases(asked),
        memories=frozenset(gone),
        documents=frozenset(plan.documents),
        answers=phrases(answers),
        whole=frozenset(map(whole_key, plan.short)),
    )


def _drop_replies(home: Path) -> bool:
    """Delete the model's replies and the keys of its prompts: a key can prove a guess at a text."""
    files = [path for path in home.glob(f"{REPLIES}*") if path.is_file()]
    for path in files:
        path.unlink()
    return bool(files)


def _drop_report(home: Path) -> bool:
    path = home / "report.html"
    there = path.is_file()
    path.unlink(missing_ok=True)
    return there
