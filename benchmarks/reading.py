"""How many accepted questions are right, judged by a reader.

    python benchmarks/reading.py WORK_OR_HOME --count 100 --seed 0 --out FILE
    python benchmarks/reading.py --score FILE

The first call draws accepted questions at random from a home, or from all homes in the work folder of
`ingrained bench`, those of earlier code or prompts included but not the placebo's; a question that
several studies accepted with the same answer is one. FILE is a CSV, or JSON lines if it ends in .jsonl.
The reader fills `right`: yes if the question can be understood as it stands, with the title, and the
answer is right and borne out by the passage (of an unanswerable question: if the passage does not say),
otherwise no.

The second call prints the share with Wilson's interval (Wilson 1927), and keeps ids, kinds and
verdicts in `read/NAME.csv`, without a word of the data set; NAME is that of FILE unless --name is given.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_figures import show
from results_file import Figure

from ingrained.agent.bench.cells import PLACEBO
from ingrained.agent.library import Library
from ingrained.agent.recalling import headline
from ingrained.agent.tasks.kinds import CLOZE
from ingrained.memory.records import sha256

FOLDER = Path(__file__).with_name("read")
LIBRARY = "library.sqlite"
COLUMNS = ("id", "kind", "question", "answer", "passage", "right")
KEPT = ("id", "kind", "answer", "right")
"""Of the answer the hash: a verdict is of one question with one answer."""
VERDICTS = {
    **dict.fromkeys(("yes", "y", "true", "1"), True),
    **dict.fromkeys(("no", "n", "false", "0"), False),
}
_HASHED = "sha256:"
_FORMULA = ("=", "+", "-", "@")
"""What a spreadsheet would take for the beginning of a formula."""

Row = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the reader said of one question."""

    id: str
    kind: str
    right: bool
    answer: str
    """Hash of the answer."""


def main() -> None:
    """Draw questions to read, or count what was read."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("source", nargs="?", type=Path, help="a home or a work folder")
    parser.add_argument("--count", type=int, default=100, help="questions to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="file to write")
    parser.add_argument("--score", type=Path, metavar="FILE", help="a file that was filled in")
    parser.add_argument("--name", help="of what is kept, such as squad20")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="for what is kept")
    options = parser.parse_args()
    if options.score:
        score(options.score, options.folder / f"{options.name or options.score.stem}.csv")
    elif options.source and options.out:
        rows = draw(accepted(options.source), options.count, options.seed)
        write_rows(rows, options.out)
        print(f"{len(rows)} questions to judge: {options.out}")
    else:
        parser.error("give WORK_OR_HOME and --out FILE, or --score FILE")


def accepted(folder: Path) -> list[dict[str, str]]:
    """Return the distinct accepted questions of a home or of all homes of a work folder."""
    files = [
        path
        for path in sorted(folder.rglob(LIBRARY))
        if PLACEBO not in path.relative_to(folder).parts
    ]
    if not files:
        raise SystemExit(f"no home is in {folder}")
    found = {(row["id"], row["answer"]): row for file in files for row in _of_home(file)}
    return [found[key] for key in sorted(found)]


def _of_home(file: Path) -> list[dict[str, str]]:
    library = Library(file, read_only=True)
    try:
        return [_row(question, library) for question in library.questions()]
    finally:
        library.close()


def _row(question: Mapping[str, Any], library: Library) -> dict[str, str]:
    ids = question.get("passages") or [question["passage"]]
    shown = [f"{headline(one)}\n{one.text}" for one in library.passages(ids)]
    texts = (question["id"], question.get("kind", ""), question["question"], question["answer"])
    return dict(zip(COLUMNS, (*texts, "\n\n".join(shown), ""), strict=True))


def draw(rows: Sequence[dict[str, str]], count: int, seed: int) -> list[dict[str, str]]:
    """Return so many rows at random, or all in random order if there are fewer."""
    return random.Random(seed).sample(rows, min(count, len(rows)))


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write rows for the reader."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".jsonl":
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            return
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows({name: _inert(text) for name, text in row.items()} for row in rows)


def _inert(text: str) -> str:
    """Return a text that a spreadsheet shows and does not compute."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a file, as text."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        if path.suffix == ".jsonl":
            return [json.loads(line) for line in file if line.strip()]
        return list(csv.DictReader(file))


def score(path: Path, kept: Path) -> None:
    """Print how many are right, and keep the verdicts."""
    rows = read_rows(path)
    told = verdicts(rows)
    if not told:
        raise SystemExit(f"no question of {path} is judged")
    show(shares(told), f"right, of {len(told)} judged of {len(rows)}")
    keep(told, kept)
    print(kept)


def verdicts(rows: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """Return what the reader said; questions that are not judged yet are left out."""
    return [
        Verdict(id=row["id"], kind=row["kind"], right=_right(row), answer=digest(row["answer"]))
        for row in rows
        if _told(row)
    ]


def digest(answer: str) -> str:
    """Return a short hash of an answer; a hash stays what it is."""
    if answer.startswith(_HASHED):
        return answer
    return _HASHED + sha256(answer.removeprefix("'"))[:12]


def _told(row: Mapping[str, Any]) -> str:
    return "" if row["right"] is None else str(row["right"]).strip().casefold()


def _right(row: Mapping[str, Any]) -> bool:
    told = _told(row)
    if told not in VERDICTS:
        raise SystemExit(f"question {row['id']}: right must be yes or no, not {row['right']!r}")
    return VERDICTS[told]


def shares(told: Sequence[Verdict]) -> dict[str, Figure]:
    """Return the share that is right, of all and of each kind."""
    kinds = sorted({one.kind for one in told})
    by_kind = {kind: [one.right for one in told if one.kind == kind] for kind in kinds}
    every = [one.right for one in told]
    return {f"{label} ({len(of)})": wilson(of) for label, of in {"all": every, **by_kind}.items()}


def wilson(right: Sequence[bool]) -> Figure:
    """Return the share that is right, with Wilson's 95 % interval; there must be one at least."""
    from scipy.stats import binomtest

    value = sum(right) / len(right)
    ends = binomtest(sum(right), len(right)).proportion_ci(0.95, method="wilson")
    low, high = min(float(ends.low), value), max(float(ends.high), value)
    return Figure(value=value, low=low, high=high, unit="share")


def keep(told: Iterable[Verdict], path: Path) -> None:
    """Write ids, kinds and verdicts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, KEPT, lineterminator="\n")
        writer.writeheader()
        writer.writerows({**vars(one), "right": _said(one)} for one in told)


def _said(one: Verdict) -> str:
    return "yes" if one.right else "no"


def read_figures(path: Path, homes: Sequence[Path]) -> dict[str, Figure]:
    """Return the share that is right, of all and of the questions in the model's own words.

    Gaps are right by construction, so the first alone says little. Verdicts on questions that none
    of the homes accepted are left out.

    Args:
        path: What was judged; nothing is returned where nothing was.
        homes: Of the studies that are measured.
    """
    if not path.is_file():
        return {}
    held = {(row["id"], digest(row["answer"])) for home in homes for row in accepted(home)}
    told = [one for one in verdicts(read_rows(path)) if (one.id, one.answer) in held]
    worded = [one for one in told if one.kind != CLOZE]
    return {**_read(told, ""), **_read(worded, "_worded")}


def _read(told: Sequence[Verdict], label: str) -> dict[str, Figure]:
    if not told:
        return {}
    return {
        f"accepted_right_share{label}": wilson([one.right for one in told]),
        f"accepted_read{label}": Figure(value=len(told), unit="questions"),
    }


if __name__ == "__main__":
    main()
