"""What a chat remembers of long conversations: the first three of LoCoMo (Maharana et al. 2024).

    python benchmarks/locomo.py --data FOLDER

Their turns are told to the chat's memory, each as said by the one who said it, and the questions asked
through the chat (`dialogues.py`), in the cell `chat_memory`, which shows the model two turns at most.
Beside it stand, with the same model and as many tokens for a reply, `full_context` (the whole conversation
in the prompt; of one that does not fit, the end) and `rag` (the three nearest passages of the sessions in
a bare Chroma collection: as many as `ask` shows of what was studied, and more text than the chat shows).

A figure is the mean over the questions with the cluster bootstrap's 95 % interval; questions on one
session stand or fall together. `f1` and `contained` (an accepted answer stands in the reply) are of the
questions that have an answer; `abstained` is the share of the others (adversarial) that are declined.
What was answered is kept in the work folder, and the same command goes on where it was cut short.
"""

from __future__ import annotations

import argparse
import datetime
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import bench_figures
import results_file
from dialogues import Listener, Parts, Row, Told, answered_by, listener, replies_to, turn_of
from results_file import Figure
from rich.progress import Progress

from ingrained.agent.answering import REPLY_TOKENS, open_book, with_memory
from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.plain_rag import excerpts, plain_rag
from ingrained.agent.bench.sitting import whole, window
from ingrained.agent.bench.statistics import SHARE, interval
from ingrained.agent.exam import Item, Recall
from ingrained.agent.grading import score
from ingrained.agent.models.factory import load_chat_model
from ingrained.agent.reading.passages import estimate_tokens
from ingrained.agent.recalling import RECALL_K
from ingrained.graphs.chat.state import Turn
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import open_embedder
from ingrained.memory.embedding import Embedder
from ingrained.settings import DEFAULT_MODEL, Settings

CONVERSATIONS = 3
CELLS = ("chat_memory", "full_context", "rag")
_DATE = "%I:%M %p on %d %B, %Y"
_SPEAKER = re.compile(r"\A[^\s:][^:\n]{0,40}: ")
_AROUND = 64
"""Tokens left for the template, the question and what a count may be wrong by."""

_AT_ONCE = {"chat_memory": 1, "full_context": 8, "rag": 32}
"""Questions answered together, which is much faster; a chat answers one at a time."""

Answering = Callable[[Sequence[Item]], list[Row]]
"""Questions → the reply to each, and the tokens it took."""


def main() -> None:
    """Tell, ask, print the figures, write `results/locomo3.json`."""
    options = _options()
    settings = Settings()
    asker, embedder = Asker(load_chat_model(options.model, settings)), open_embedder(settings)
    talks = [load(f"locomo/{number}", options.data) for number in range(1, CONVERSATIONS + 1)]
    parts = Parts(options.work, **answered_by(asker, embedder, Path(__file__), talks))
    rows: list[Row] = []
    for talk in talks:
        rows += sit(talk.limited(items=options.limit), asker, embedder, parts)
    found = figures(rows)
    bench_figures.show(found, "locomo3")
    command = results_file.command_of(
        "locomo", data="FOLDER", model=options.model, limit=options.limit
    )
    print(results_file.write("locomo3", found, seeds=[0], command=command, folder=options.folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that has locomo/")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--limit", type=int, help="only so many questions of each conversation")
    parser.add_argument("--work", type=Path, default=Path(".ingrained-bench/locomo3"))
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def told_of(talk: Benchmark) -> Told:
    """Return a conversation of LoCoMo as what somebody told the chat."""
    name = talk.documents[0].id.split("/")[0]
    turns = [turn for session in talk.documents for turn in _turns(session)]
    return Told(name=name, turns=tuple(turns))


def _turns(session: BenchDocument) -> Iterator[Turn]:
    """Yield what was said in a session, a second apart; a line without a speaker goes on."""
    said: list[str] = []
    for line in filter(None, session.text.split("\n")[1:]):
        if _SPEAKER.match(line) or not said:
            said.append(line)
        else:
            said[-1] += f" {line}"
    began = _time(session.title)
    for number, text in enumerate(said):
        yield turn_of(session.id, number, began + number, text)


def _time(title: str) -> float:
    """Return when a session began, which stands in its title; POSIX seconds."""
    _, _, date = title.partition(", ")
    return datetime.datetime.strptime(date, _DATE).replace(tzinfo=datetime.UTC).timestamp()


def sit(talk: Benchmark, asker: Asker, embedder: Embedder, parts: Parts) -> list[Row]:
    """Answer the questions on one conversation in every cell."""
    told = told_of(talk)
    found = excerpts(talk.documents, passage_tokens=StudyPolicy().passage_tokens)
    rag_folder = parts.folder / "rag" / told.name
    with (
        listener(told, asker, embedder, parts.folder) as heard,
        plain_rag(found, embedder, rag_folder, k=RECALL_K) as recall,
        Progress() as progress,
    ):
        ways: dict[str, Answering] = {
            "chat_memory": lambda items: [_chat(heard, item) for item in items],
            "full_context": _full_context(talk, asker),
            "rag": lambda items: _rag(recall, asker, items),
        }
        rows = []
        for cell in CELLS:
            size = _AT_ONCE[cell]
            groups = [talk.items[n : n + size] for n in range(0, len(talk.items), size)]
            for group in progress.track(groups, description=f"{told.name}, {cell}"):
                rows += _rows(parts, cell, group, ways[cell])
        return rows


def _rows(parts: Parts, cell: str, items: Sequence[Item], answer: Answering) -> list[Row]:
    known = {item.id: item for item in items}
    rows = parts.rows(cell, list(known), lambda ids: answer([known[id_] for id_ in ids]))
    return [scored(row, known[row["id"]]) for row in rows]


def scored(row: Row, item: Item) -> Row:
    """Return what was answered with how it fared."""
    return {
        **row, "topic": item.topic, "document": item.document, "answerable": bool(item.answers),
        **asdict(score(row["reply"], item.answers)),
    }  # fmt: skip


def _chat(heard: Listener, item: Item) -> Row:
    asked = heard.ask(item.question)
    return {"reply": asked.answer.reply, "tokens": asked.tokens}


def _rag(recall: Recall, asker: Asker, items: Sequence[Item]) -> list[Row]:
    questions = [item.question for item in items]
    found = recall(questions)
    prompts = [
        with_memory([one.text for one in some], question)
        for some, question in zip(found, questions, strict=True)
    ]
    return replies_to(asker, prompts)


def _full_context(talk: Benchmark, asker: Asker) -> Answering:
    text = fitting("\n\n".join(map(whole, talk.documents)), talk.items, asker)
    return lambda items: replies_to(asker, [open_book(text, item.question) for item in items])


def fitting(text: str, items: Sequence[Item], asker: Asker) -> str:
    """Return the end of a text that fits into the model's window with a question and a reply.

    A model that does not tell its window gets the whole.
    """
    room = window(asker.model)
    count = getattr(asker.model, "count_tokens", estimate_tokens)
    longest = max((count(item.question) for item in items), default=0)
    least = count(open_book("", "")[0][1])
    if room is None:
        return text
    left = room - REPLY_TOKENS - longest - least - _AROUND
    kept: list[str] = []
    for line in reversed(text.split("\n")):
        left -= count(f"{line}\n")
        if left < 0:
            break
        kept.insert(0, line)
    return "\n".join(kept)


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Return the means by cell, and by cell and category."""
    found: dict[str, Figure] = {}
    for cell in CELLS:
        mine = [row for row in rows if row["cell"] == cell]
        known = [row for row in mine if row["answerable"]]
        others = [row for row in mine if not row["answerable"]]
        found |= {
            **_means(f"f1_{cell}", "f1", known),
            **_means(f"contained_{cell}", "contained", known),
            **_means(f"abstained_{cell}", "abstained", others),
            **_means(f"tokens_per_question_{cell}", "tokens", mine, "tokens"),
        }
        for topic in dict.fromkeys(row["topic"] for row in known):
            named = f"{cell}_{topic}".replace("-", "_")
            some = [row for row in known if row["topic"] == topic]
            found |= _means(f"f1_{named}", "f1", some)
            found |= _means(f"contained_{named}", "contained", some)
    return found | {"questions": Figure(value=len({row["id"] for row in rows}), unit="questions")}


def _means(label: str, name: str, rows: Sequence[Row], unit: str = "share") -> dict[str, Figure]:
    """Return the mean of one column, with the cluster bootstrap's interval; nothing of no rows."""
    if not rows:
        return {}
    told = interval(
        [[float(row[name]) for row in rows]], [row["document"] for row in rows],
        within=SHARE if unit == "share" else None,
    )  # fmt: skip
    return {label: Figure(value=told.value, low=told.low, high=told.high, unit=unit)}


if __name__ == "__main__":
    main()
