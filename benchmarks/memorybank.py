"""What a chat remembers of ten days of talk: the English part of MemoryBank (Zhong et al. 2023).

    python benchmarks/memorybank.py --data FOLDER

Each of the 15 people has talked with a companion for ten days. What they said, with what the companion
answered, is told to a chat of their own, and their 100 probing questions are asked in it (`dialogues.py`).
The data set has no answers, so what is measured is whether the right day is found, and whether the
agent declines where there is nothing to be found:

- `retrieval_hit_rate`: the share of probes for which something is recalled of a day on which it was
  talked about;
- `absent_probe_abstained`: the share of the probes on what was never talked about that are declined.
  One of the set asks for a day without any talk. The others are probes on something particular, asked
  of the next person in the file, who never spoke of it.

With `--portrait` each day is summed up, and a portrait made of those summaries, as the chat does; without it
only the turns are there. What is found of a day may then be its summary, too; the portrait is of no day.

Which days those are, and which probes are particular, was read from the dialogues by us
(`memorybank_days.jsonl`). Intervals are of the cluster bootstrap over people. What was answered is kept
in the work folder, and the same command goes on where it was cut short.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import bench_figures
import results_file
from dialogues import DAY, Listener, Parts, Row, Told, answered_by, listener, turn_of
from results_file import Figure
from rich.progress import Progress

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import BenchDocument, Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.statistics import SHARE, interval
from ingrained.agent.models.factory import load_chat_model
from ingrained.graphs.chat.state import Turn
from ingrained.graphs.session import open_embedder
from ingrained.settings import DEFAULT_MODEL, Settings

DAYS = Path(__file__).with_name("memorybank_days.jsonl")
NAMES = {False: "chat_memory", True: "chat_portrait"}
"""Of what is asked, without and with what the chat makes of days that are over."""
_NOON = 43_200.0
_MINUTE = 60.0
_COMPANION = "AI: "


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One question to somebody's chat."""

    id: str
    person: str
    """In whose chat it is asked."""
    question: str
    days: tuple[str, ...]
    """On which it was talked about, as 2023-04-27; none for what never was."""


def main() -> None:
    """Tell, ask, print the figures, write `results/memorybank.json`."""
    options = _options()
    settings = Settings()
    asker, embedder = Asker(load_chat_model(options.model, settings)), open_embedder(settings)
    bank = load("memorybank/en", options.data)
    parts = Parts(options.work, **answered_by(asker, embedder, Path(__file__), [bank]))
    told, asked = told_of(bank), probes_of(bank, options.days)[: options.limit]
    rows: list[Row] = []
    with Progress() as progress:
        for person, some in itertools.groupby(progress.track(asked), key=lambda one: one.person):
            with listener(
                told[person], asker, embedder, parts.folder / NAMES[options.portrait],
                portrait=options.portrait,
            ) as heard:  # fmt: skip
                rows += [
                    scored(
                        parts.row(
                            NAMES[options.portrait], one.id, functools.partial(_row, heard, one)
                        ),
                        one,
                    )
                    for one in some
                ]
    found = figures(rows)
    name = "memorybank_portrait" if options.portrait else "memorybank"
    bench_figures.show(found, name)
    command = results_file.command_of(
        "memorybank", data="FOLDER", model=options.model, limit=options.limit
    )
    command += " --portrait" if options.portrait else ""
    print(results_file.write(name, found, seeds=[0], command=command, folder=options.folder))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder that has memorybank/")
    parser.add_argument("--days", type=Path, default=DAYS, help="when what was talked about")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--portrait", action="store_true", help="sum up the days as well")
    parser.add_argument("--limit", type=int, help="only so many of the probes")
    parser.add_argument("--work", type=Path, default=Path(".ingrained-bench/memorybank"))
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def told_of(bank: Benchmark) -> dict[str, Told]:
    """Return what each person said, by name."""
    found: dict[str, list[Turn]] = {}
    for document in bank.documents:
        person = document.id.split("/")[0]
        found.setdefault(person, []).extend(_turns(person, document))
    return {person: Told(name=person, turns=tuple(turns)) for person, turns in found.items()}


def _turns(person: str, document: BenchDocument) -> Iterator[Turn]:
    """Yield the turns of one day, a minute apart from noon."""
    date = document.id.split("/")[1]
    began = _midnight(date) + _NOON
    for number, (said, answer) in enumerate(_exchanges(person, document.text)):
        yield turn_of(f"{person}-{date}", number, began + number * _MINUTE, said, answer)


def _exchanges(person: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield what was said and what was answered; a line of neither goes on with what is above it."""
    opening = f"{person}: "
    parts = f"\n{text}".split(f"\n{opening}")[1:]
    for part in parts:
        said, _, answer = part.partition(f"\n{_COMPANION}")
        yield said.strip(), answer.strip()


def _midnight(date: str) -> float:
    return datetime.datetime.fromisoformat(date).replace(tzinfo=datetime.UTC).timestamp()


def probes_of(bank: Benchmark, days: Path) -> list[Probe]:
    """Return all probes, those of one chat beside each other."""
    known = [json.loads(line) for line in days.read_text(encoding="utf-8").splitlines()]
    questions = {item.id: item.question.strip('"') for item in bank.items}
    people = [row["person"] for row in known]
    found = []
    for place, row in enumerate(known):
        person, following = row["person"], people[(place + 1) % len(people)]
        asked = {number: questions[f"{person}-q{number}"] for number in range(len(row["days"]))}
        found += [
            Probe(id=f"{person}-q{number}", person=person, question=question,
                  days=tuple(row["days"][number]))
            for number, question in asked.items()
        ]  # fmt: skip
        found += [
            Probe(id=f"{person}-q{number}-of-{following}", person=following,
                  question=asked[number], days=())
            for number in row["unknown_to_the_next"]
        ]  # fmt: skip
    return sorted(found, key=lambda one: people.index(one.person))


def _row(heard: Listener, probe: Probe) -> Row:
    asked = heard.ask(probe.question)
    recalled = sorted({_date(time) for time in heard.days(asked.answer)})
    return {
        "reply": asked.answer.reply, "recalled": recalled,
        "abstained": float(asked.answer.abstained), "tokens": asked.tokens,
    }  # fmt: skip


def scored(row: Row, probe: Probe) -> Row:
    """Return what was answered with whether a right day was recalled, if there is one."""
    hit = not set(row["recalled"]).isdisjoint(probe.days)
    return {**row, "person": probe.person, "absent": not probe.days, "hit": float(hit)}


def _date(time: float) -> str:
    return datetime.datetime.fromtimestamp(time // DAY * DAY, datetime.UTC).date().isoformat()


def figures(rows: Sequence[Row]) -> dict[str, Figure]:
    """Return the shares, with how many probes they are of."""
    present = [row for row in rows if not row["absent"]]
    absent = [row for row in rows if row["absent"]]
    return {
        **_share("retrieval_hit_rate", "hit", present),
        **_share("absent_probe_abstained", "abstained", absent),
        **_share("present_probe_abstained", "abstained", present),
        "probes": Figure(value=len(present), unit="questions"),
        "absent_probes": Figure(value=len(absent), unit="questions"),
        "tokens_per_question": bench_figures.median([row["tokens"] for row in rows], "tokens"),
    }


def _share(label: str, name: str, rows: Sequence[Row]) -> dict[str, Figure]:
    if not rows:
        return {}
    told = interval([[row[name] for row in rows]], [row["person"] for row in rows], within=SHARE)
    return {label: Figure(value=told.value, low=told.low, high=told.high, unit="share")}


if __name__ == "__main__":
    main()
