"""MemoryBank (Zhong et al. 2023): days of dialogue with a companion, and questions on them.

No answers are published with the questions, so only a judge model can score the replies. It goes by
the dialogues of the person who asks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from ingrained.agent.exam import Item
from ingrained.errors import ExamError

from .benchmark import BenchDocument, Benchmark
from .loading_parts import checked, document, read_json, read_json_lines

NAME = "memorybank"
LANGUAGES = ("en", "cn")
LAYOUT = "en/ or cn/, with memory_bank_LANGUAGE.json and probing_questions_LANGUAGE.jsonl"
WHERE = "the folder eval_data of github.com/zhongwanjun/MemoryBank-SiliconFriend"
_ORIGIN = "MemoryBank (zhongwanjun/MemoryBank-SiliconFriend); MIT"
_PARTS = f"Give {NAME}/en or {NAME}/cn, or one person of them such as {NAME}/en/NAME."


class _Exchange(BaseModel):
    query: str
    response: str


class _Person(BaseModel):
    history: dict[str, list[_Exchange]]


def from_folder(folder: Path, part: str = "") -> Benchmark:
    """Read the dialogues and questions of one language, or of one person.

    The people all say "I": together they are a test of telling them apart, too.

    Args:
        folder: With a folder for each language.
        part: `en` or `cn`; `en/NAME` for one person.

    Raises:
        ExamError: no such part, no file, or one of another form.
    """
    language, _, wanted = part.partition("/")
    if language not in LANGUAGES:
        raise ExamError(f"{NAME} has no part {part!r}", hint=_PARTS)
    people = _people(folder / language / f"memory_bank_{language}.json")
    path = folder / language / f"probing_questions_{language}.jsonl"
    if wanted and wanted not in people:
        raise ExamError(
            f"{NAME}/{language} has no person {wanted!r}", hint=f"There are {', '.join(people)}."
        )
    chosen = {name: person for name, person in people.items() if wanted in ("", name)}
    questions = _questions(path, people)
    days = {name: tuple(_days(name, person)) for name, person in chosen.items()}
    items = {name: tuple(_items(name, questions.get(name, []))) for name in chosen}
    return checked(
        Benchmark(
            name=f"{NAME}/{part}",
            documents=tuple(day for of in days.values() for day in of),
            items=tuple(item for of in items.values() for item in of),
            origin=_ORIGIN,
            gold=False,
            evidence=_evidence(days, items),
        )
    )


def _people(path: Path) -> dict[str, _Person]:
    """Return who talked; the names in the file have stray spaces."""
    return {
        name.strip(): person for name, person in read_json(path, dict[str, _Person], LAYOUT).items()
    }


def _days(name: str, person: _Person) -> Iterator[BenchDocument]:
    for day, exchanges in person.history.items():
        if exchanges:
            title = f"{name}, {day}"
            said = (f"{name}: {one.query}\nAI: {one.response}" for one in exchanges)
            yield document(f"{name}/{day}", title, "\n".join([title, "", *said]))


def _questions(path: Path, people: Mapping[str, _Person]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for number, row in enumerate(read_json_lines(path, dict[str, list[str]], LAYOUT), 1):
        for name, questions in row.items():
            if name.strip() not in people:
                raise ExamError(
                    f"{path}, entry {number}: no dialogues of {name!r}", hint=f"Expected: {LAYOUT}."
                )
            found.setdefault(name.strip(), []).extend(questions)
    return found


def _evidence(
    days: Mapping[str, Sequence[BenchDocument]], items: Mapping[str, Sequence[Item]]
) -> dict[str, tuple[str, ...]]:
    """Return for each item the days of the person who asks; nothing for who never talked."""
    keys = {name: tuple(day.key for day in of) for name, of in days.items() if of}
    return {item.id: keys[name] for name, of in items.items() if name in keys for item in of}


def _items(name: str, questions: Sequence[str]) -> Iterator[Item]:
    for number, question in enumerate(questions):
        yield Item(id=f"{name}-q{number}", question=question, answers=(), topic=name)
