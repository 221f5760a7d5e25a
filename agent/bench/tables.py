"""The results of a benchmark as tables of text, and these as Markdown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .cells import PLACEBO
from .statistics import ALIKE

LEAST_SECONDS = 0.5
"""A phase that took less and asked nothing is not shown."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKUP = re.compile(r"([\\`*_\[\]<>|])")
_SCORES = {
    "contained": "answers contained in the reply",
    "f1": "token F1",
    "choice": "choices that are right",
    "judged": "replies that the judge calls right",
}


_MORE = {
    "abstained_rightly": ("abstained", "share of the questions without an answer that it declines"),
    "unknown": (
        "new",
        "the first score, over the questions that the untouched model does not answer",
    ),
    "hit": ("hit", "the right document was among what was recalled"),
}
"""Figure → its column, and what the note says of it."""
_COSTS = ("tokens", "seconds")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A titled table of text; all columns but the first hold figures."""

    title: str
    note: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(results: Mapping[str, Any]) -> list[Table]:
    """Return the tables that have something to show; that of the cells is the first."""
    made = [
        _cells(results), _tests(results), _topics(results), _studies(results), _phases(results),
    ]  # fmt: skip
    return [made[0], *(table for table in made[1:] if table.rows)]


def notes(results: Mapping[str, Any]) -> list[str]:
    """Return what must be known beside the tables, a sentence or two each."""
    lines = [
        _once(results), *_skipped(results), *_left_out(results), _contamination(results),
        _placebo(results), _audit(results), _judge(results), _not_judged(results),
    ]  # fmt: skip
    return [line for line in lines if line]


def heading(results: Mapping[str, Any]) -> str:
    """Return in one line what was measured."""
    return (
        f"{results['name']}: {results['documents']} documents, {results['items']} questions, "
        f"{results['model']}, {_count(len(results['seeds']), 'seed')}"
    )


def provenance(results: Mapping[str, Any]) -> str:
    """Return in one line what the figures can be tied to."""
    machine = results["machine"]
    return (
        f"{results['origin']}. SHA-256 {results['sha256']}, taken before the first question. "
        f"{results['date']}, {machine['cpu']}, {machine['cores']} cores, "
        f"{machine['gpu'] or 'no GPU'}, Ingrained {results['versions']['ingrained']}."
    )


def to_markdown(results: Mapping[str, Any]) -> str:
    """Return the report as Markdown; names out of the data cannot act as markup."""
    parts = [f"# {_escaped(heading(results))}", _escaped(provenance(results))]
    for table in tables(results):
        parts += [f"## {table.title}", _lines(table)]
        if table.note:
            parts.append(table.note)
    parts += ["## Notes", "\n".join(f"- {_escaped(line)}" for line in notes(results))]
    return "\n\n".join(parts) + "\n"


def _lines(table: Table) -> str:
    head = [table.header, ["---", *["---:" for _ in table.header[1:]]]]
    cells = [[_escaped(cell) for cell in row] for row in table.rows]
    return "\n".join("| " + " | ".join(row) + " |" for row in [*head, *cells])


def _escaped(text: str) -> str:
    return _MARKUP.sub(r"\\\1", clean(text))


def clean(text: str) -> str:
    """Return text on one line without characters that a terminal or an editor would obey."""
    return _CONTROL.sub(" ", text)


def _cells(results: Mapping[str, Any]) -> Table:
    cells = results["cells"]
    main = results["main"]
    extra = [
        name for name in ("choice", "judged")
        if name != main and any(of[name]["n"] for of in cells.values())
    ]  # fmt: skip
    second = "f1" if main != "f1" else "contained"
    more = [name for name in _MORE if _is_shown(name, results)]
    header = ("cell", "n", main, second, *extra, *(_MORE[name][0] for name in more), *_COSTS)
    rows = tuple(
        (
            cell, str(of["main"]["n"]), _ranged(of["main"]), _value(of[second]),
            *(_value(of[name]) for name in (*extra, *more)),
            f"{of['tokens_per_question']:,.0f}", f"{of['seconds']:,.0f}",
        )
        for cell, of in cells.items()
    )  # fmt: skip
    told = (
        f"n: questions; {main}: {_SCORES[main]}, in brackets the 95 % interval over documents "
        "and seeds",
        *(f"{_MORE[name][0]}: {_MORE[name][1]}" for name in more),
        "tokens: in and out, a question",
        "seconds: of one sitting",
    )
    return Table(title="Cells", note="; ".join(told) + ".", header=header, rows=rows)


def _is_shown(name: str, results: Mapping[str, Any]) -> bool:
    """Return whether a column of `_MORE` has something to say."""
    if name == "unknown":
        return results["contamination"] is not None
    return name == "hit" or any(of[name]["n"] for of in results["cells"].values())


def _tests(results: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            f"{test['cell']} - {test['other']}", str(test["difference"]["n"]),
            _ranged(test["difference"], signed=True),
            _p(test["mcnemar"]), _p(test["mcnemar_holm"]), _p(test["permutation"]),
            _p(test["permutation_holm"]),
        )
        for test in results["tests"]
    )  # fmt: skip
    note = (
        "Paired, on the n questions that both have. McNemar: exact, on right or wrong; "
        f"right: {results['main']} is {ALIKE:g} or more, in most seeds; permutation: whole documents "
        "swapped, on the score itself; Holm: corrected for the number of pairs."
    )
    header = ("pair", "n", "difference", "McNemar p", "Holm", "permutation p", "Holm")
    return Table(title="Paired tests", note=note, header=header, rows=rows)


def _topics(results: Mapping[str, Any]) -> Table:
    cells = results["cells"]
    names = list(dict.fromkeys(topic for of in cells.values() for topic in of["topics"]))
    rows = tuple(
        (
            name,
            str(max(of["topics"][name]["n"] for of in cells.values() if name in of["topics"])),
            *(_value(of["topics"].get(name, {"n": 0})) for of in cells.values()),
        )
        for name in names
    )
    note = f"{results['main']}, by topic."
    return Table(title="Topics", note=note, header=("topic", "n", *cells), rows=rows)


def _studies(results: Mapping[str, Any]) -> Table:
    rows = tuple(
        (
            study["name"], str(study["passages"]), str(study["accepted"]),
            _ratio(study["accepted"], study["passages"]), str(study["memories"]),
            f"{study['tokens']:,}", _ratio(study["tokens"], study["accepted"]),
            f"{study['seconds']:,.0f}", _ratio(1000 * study["seconds"], study["words"]),
        )
        for study in results["studies"]
    )  # fmt: skip
    header = (
        "study", "passages", "accepted", "/passage", "kept", "tokens", "/accepted", "seconds",
        "/1k words",
    )  # fmt: skip
    note = (
        "accepted: questions that passed verification, and how many for a passage; kept: memories; "
        "tokens, and how many for an accepted question; seconds, and how many for 1,000 words."
    )
    return Table(title="Studies", note=note, header=header, rows=rows)


def _phases(results: Mapping[str, Any]) -> Table:
    studies = results["studies"]
    names = list(dict.fromkeys(
        phase for study in studies for phase, cost in study["phases"].items()
        if cost["calls"] or cost["seconds"] >= LEAST_SECONDS
    ))  # fmt: skip
    costs = {name: [s["phases"][name] for s in studies if name in s["phases"]] for name in names}

    def mean(name: str, *fields: str) -> str:
        return f"{sum(cost[field] for cost in costs[name] for field in fields) / len(studies):,.0f}"

    rows = tuple(
        (
            name, mean(name, "seconds"), mean(name, "calls"), mean(name, "tokens_in"),
            mean(name, "tokens_cached"), mean(name, "tokens_out"),
        )
        for name in names
    )  # fmt: skip
    header = ("phase", "seconds", "calls", "tokens in", "of them reused", "tokens out")
    return Table(title="Study by phase", note="Mean of the studies.", header=header, rows=rows)


def _once(results: Mapping[str, Any]) -> str:
    cells = [cell for cell, of in results["cells"].items() if of["seeds"] == [None]]
    told = f"Greedy and without a study, so sat once: {', '.join(cells)}." if cells else ""
    partial = [
        f"{cell} rests on seeds {', '.join(map(str, of['seeds']))} only."
        for cell, of in results["cells"].items()
        if of["seeds"] != [None] and cell != PLACEBO and len(of["seeds"]) < len(results["seeds"])
    ]
    return " ".join([told, *partial]).strip()


def _skipped(results: Mapping[str, Any]) -> list[str]:
    told = []
    for one in results["skipped"]:
        seed = "" if one["seed"] is None else f", seed {one['seed']}"
        told.append(f"{one['cell']}{seed}: not sat, {one['reason']}.")
    return told


def _left_out(results: Mapping[str, Any]) -> list[str]:
    return [
        f"{cell}: {_count(of['left_out'], 'question')} on no one document left out; what is "
        "compared with it is compared over the others."
        for cell, of in results["cells"].items()
        if of["left_out"]
    ]


def _contamination(results: Mapping[str, Any]) -> str:
    found = results["contamination"]
    if found is None:
        return "Contamination: not known, the cell base was not sat."
    known = found["known"]
    listed = f": {', '.join(known)}" if known else ""
    return (
        f"Contamination: closed-book the untouched model reaches {_ranged(found['closed_book'])}; "
        f"{_count(len(known), 'question')} known beforehand{listed}."
    )


def _placebo(results: Mapping[str, Any]) -> str:
    if PLACEBO not in results["cells"]:
        return ""
    told = results["placebo"]
    if told is None:
        return "Placebo: nothing to compare it with in the cell base."
    return (
        f"Placebo against base: {_ranged(told['difference'], signed=True)}, {told['verdict']} "
        f"(flat: all of the interval within ±{told['margin']:g}); the smallest difference that "
        f"four of five such exams would show is {told['smallest_seen']:.2f}."
    )


def _audit(results: Mapping[str, Any]) -> str:
    audit = results["audit"]
    told = (
        f"Leak audit: {audit['exam_prompts']:,} closed-book prompts of the exam and "
        f"{audit['study_prompts']:,} different ones of the studies held against all documents: "
        f"{_count(audit['leaks'], 'leak')}."
    )
    if audit["cloze_prompts"]:
        told += (
            f" {audit['cloze_prompts']:,} of them are cloze questions, which show words around a "
            f"gap: at most {audit['cloze_longest_run']} of a document in a row."
        )
    if audit["quoting"]:
        told += (
            f" {_count(len(audit['quoting']), 'exam question')} quote eight words or more of a "
            f"document: {', '.join(audit['quoting'])}."
        )
    return told


def _judge(results: Mapping[str, Any]) -> str:
    if not results["judge"]:
        return ""
    agreed = [
        f"{cell} {of['kappa']:.2f}"
        for cell, of in results["cells"].items()
        if of["kappa"] is not None
    ]
    return (
        f"Judge {results['judge']}, a second opinion; Cohen's kappa with the string score: "
        f"{', '.join(agreed) or 'not defined'}."
    )


def _not_judged(results: Mapping[str, Any]) -> str:
    found = results["not_judged"]
    if found is None:
        return ""
    return (
        f"Not judged: {_count(len(found['ids']), 'question')}, {found['reason']}: "
        f"{', '.join(found['ids'])}."
    )


def _ranged(of: Mapping[str, Any], *, signed: bool = False) -> str:
    """Return a mean with its interval: `0.62 [0.50, 0.73]`."""
    if not of["n"]:
        return "-"
    form = "+.2f" if signed else ".2f"
    return f"{of['value']:{form}} [{of['low']:{form}}, {of['high']:{form}}]"


def _value(of: Mapping[str, Any]) -> str:
    return f"{of['value']:.2f}" if of["n"] else "-"


def _p(value: float) -> str:
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _ratio(part: float, whole: float) -> str:
    return f"{part / whole:,.1f}" if whole else "-"


def _count(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"
