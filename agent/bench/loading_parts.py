"""What all data sets share: documents and items in one form, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ingrained.agent.exam import Item
from ingrained.agent.reading.decoding import clean
from ingrained.errors import CorpusError, ExamError

from .benchmark import BenchDocument, Benchmark

Form = TypeVar("Form")
_ANEW = "Copy the file anew from where the data set comes from."


def document(id: str, title: str, text: str) -> BenchDocument:
    """Return a document as it comes out of the file that `Benchmark.write_documents` makes."""
    return BenchDocument(
        id=clean(id).replace("#", "/"), title=" ".join(clean(title).split()), text=clean(text)
    )


def main_score(items: Sequence[Item]) -> str:
    """Return which score to read first: `choice` where every item has choices."""
    return "choice" if items and all(item.choices for item in items) else "contained"


def checked(benchmark: Benchmark) -> Benchmark:
    """Return the benchmark unless it cannot be measured fairly.

    Raises:
        CorpusError: an id or a text that two documents share, or a document without text.
        ExamError: no items, an id that two items share, or an item on an unknown document.
    """
    name = benchmark.name
    if not benchmark.items:
        raise ExamError(f"the benchmark {name!r} has no questions")
    if twice := _first_repeated(item.id for item in benchmark.items):
        raise ExamError(
            f"the benchmark {name!r} has the question id {twice!r} more than once",
            hint="Give each question an id of its own.",
        )
    _check_documents(benchmark)
    keys = {one.key for one in benchmark.documents}
    for item in benchmark.items:
        if item.document and item.document not in keys:
            raise ExamError(
                f"the question {item.id!r} of {name!r} names the unknown document {item.document!r}",
                hint='Its "document" must be the id of one of the documents, or be left out.',
            )
    return benchmark


def _check_documents(benchmark: Benchmark) -> None:
    name = benchmark.name
    if twice := _first_repeated(one.id for one in benchmark.documents):
        raise CorpusError(
            f"the benchmark {name!r} has the document id {twice!r} more than once",
            hint="Give each document an id of its own.",
        )
    for one in benchmark.documents:
        if not one.text.strip():
            raise CorpusError(f"the document {one.id!r} of {name!r} has no text")
    if text := _first_repeated(one.text for one in benchmark.documents):
        ids = [one.id for one in benchmark.documents if one.text == text]
        raise CorpusError(
            f"the documents {ids[0]!r} and {ids[1]!r} of {name!r} have the same text",
            hint="Studying keeps only one of them: leave the other out.",
        )


def _first_repeated(values: Iterable[str]) -> str:
    return next((value for value, count in Counter(values).items() if count > 1), "")


def folder_in(data: Path, name: str, layout: str) -> Path:
    """Return the folder of a data set.

    Args:
        data: Where all data sets lie, one folder each.
        name: The data set.
        layout: What the folder must hold, for the hint.

    Raises:
        ExamError: There is no such folder.
    """
    folder = data / name
    if not folder.is_dir():
        raise ExamError(f"no such folder: {str(folder)!r}", hint=f"It must hold {layout}.")
    return folder


def read_json(path: Path, form: type[Form], layout: str) -> Form:
    """Read a JSON file of a known form.

    Raises:
        ExamError: It is not there, is no JSON, or has another form; the message says where.
    """
    return of_form(_parsed(path, read_text(path, layout), 0), form, str(path), layout)


def read_json_lines(path: Path, form: type[Form], layout: str) -> list[Form]:
    """Read a file with a JSON value of a known form in each line; empty lines are left out.

    Raises:
        ExamError: It is not there, or a line is no JSON or has another form; the message says where.
    """
    return [
        of_form(_parsed(path, line, number), form, f"{path}, line {number}", layout)
        for number, line in enumerate(read_text(path, layout).split("\n"), 1)
        if line.strip()
    ]


def of_form(value: Any, form: type[Form], where: str, layout: str) -> Form:
    """Return parsed JSON as a value of a known form.

    Raises:
        ExamError: It has another form.
    """
    try:
        return TypeAdapter(form).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ExamError(f"{where}: {place}: {first['msg']}", hint=f"Expected: {layout}.") from error


def _parsed(path: Path, text: str, number: int) -> Any:
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        line = number or getattr(error, "lineno", 1)
        raise ExamError(f"{path}, line {line}: not JSON ({error})", hint=_ANEW) from error


def read_text(path: Path, layout: str) -> str:
    """Return the text of a file.

    Raises:
        ExamError: It is not there or cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise ExamError(f"no such file: {str(path)!r}", hint=f"Expected: {layout}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ExamError(f"cannot read {str(path)!r}: {error}", hint=_ANEW) from error
