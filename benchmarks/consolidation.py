"""What an adapter knows of documents with nothing in view, by what and how it was trained.

    python benchmarks/consolidation.py --data FOLDER --work FOLDER

The first passages of SQuAD are studied once; base, open book and memory sit their questions. Then an
adapter is trained in each of several ways (`VARIANTS`), all from the same base and memory, and sits
the same questions closed-book at full strength; `ours` sits them beside the memory too. `seal` is the
recipe of SEAL's continued pretraining (arXiv 2506.10943: LoRA of rank 32 on q and v, learning rate
1e-3, 3 epochs of batches of 8, passages and what the model says follows from them), put through our
loop; `placebo` is ours with the answers dealt out at random over the questions.

Shares have the cluster bootstrap's 95 % interval over documents. `drift` is in nats a token on everyday
questions (docs/concepts.md). The same command goes on where it was cut short.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bench_figures
import results_file
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.sitting import Sitting, sit_cell
from ingrained.agent.bench.statistics import SHARE, interval
from ingrained.agent.commands.opening import load_settings
from ingrained.agent.exam import Recall
from ingrained.agent.report.records import write_text
from ingrained.graphs.consolidate import (
    STRENGTH_BESIDE_NOTES,
    replay_rows,
    study_rows,
)
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.session import open_study
from ingrained.memory.records import sha256
from ingrained.trainer.curriculum import data_sha256
from ingrained.trainer.lora import CONFIG_FILE, train
from ingrained.trainer.probes import probes
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.resume import RESUME_FILE
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.saving import weights_sha256

SOURCE = "squad"
EDITS, EDIT_TOKENS = 5, 200
"""Lists of implications for each passage, and the most tokens of one."""
_FOLLOWS = (
    "Text on {title}:\n{text}\n\nList what follows from this text, one statement on each line."
)

Made = tuple[list[StudyRow], LoraRecipe]


def ours(context: StudyContext, **changed: Any) -> Made:
    """Return the rows and recipe of `ingrained study --consolidate`, or of one with other settings."""
    assert context.base_path is not None
    recipe = default_recipe(context.base_path, context.policy.seed)
    recipe = dataclasses.replace(recipe, **changed)
    rows = study_rows(context, context.store.list(namespace=context.namespace), recipe)
    return rows, recipe


def placebo(context: StudyContext) -> Made:
    """Return ours with the answers dealt out over the questions."""
    rows, recipe = ours(context)
    answers = [row.answer for row in rows]
    random.Random(context.policy.seed).shuffle(answers)
    dealt = [dataclasses.replace(r, answer=a) for r, a in zip(rows, answers, strict=True)]
    return dealt, recipe


def texts(context: StudyContext) -> list[StudyRow]:
    """Return the passages as they stand, each after its title."""
    passages = context.library.passages(context.library.passage_ids())
    return [
        StudyRow(messages=(), answer=f"{one.title}\n{one.text}", kind="text") for one in passages
    ]


def with_texts(context: StudyContext, *, alone: bool = False) -> Made:
    """Return ours with the passages themselves beside the questions, or instead of them."""
    rows, recipe = ours(context)
    return [*([] if alone else rows), *texts(context)], recipe


def seal(context: StudyContext) -> Made:
    """Return SEAL's rows and recipe: passages, and statements that follow, each after its title."""
    passages = context.library.passages(context.library.passage_ids())
    prompts = [
        (("user", _FOLLOWS.format(title=one.title, text=one.text)),)
        for one in passages
        for _ in range(EDITS)
    ]
    replies = context.asker.ask(
        prompts, phase="consolidate", max_tokens=EDIT_TOKENS, temperature=1.0, seed=0
    )
    titles = [one.title for one in passages for _ in range(EDITS)]
    said = [
        StudyRow(messages=(), answer=f"{title}\n{line.strip()}", kind="text")
        for title, reply in zip(titles, replies, strict=True)
        for line in reply.splitlines()
        if line.strip()
    ]
    recipe = LoraRecipe(
        rank=32, alpha=64, targets=("q_proj", "v_proj"), learning_rate=1e-3, epochs=3, batch_rows=8,
        seed=context.policy.seed,
    )  # fmt: skip
    return [*texts(context), *said], recipe


VARIANTS: Mapping[str, Callable[[StudyContext], Made]] = {
    "ours": ours,
    "without_replay": lambda context: ours(context, replay=0, max_drift=None),
    "distilled": lambda context: ours(context, distil=0.5),
    "preferring": lambda context: ours(context, dpo=0.5),
    "all_layers": lambda context: ours(context, first_layer=None),
    "with_texts": with_texts,
    "texts_alone": lambda context: with_texts(context, alone=True),
    "seal": seal,
    "placebo": placebo,
}


@dataclass(frozen=True, kw_only=True)
class Trained:
    """One adapter, and how it did."""

    rows: int
    tokens: int
    seconds: float
    drift: float
    strength: float
    scores: Mapping[str, Mapping[str, float]]
    """Cell → item id → contained."""


def main() -> None:
    """Study, train and sit; print the table, write `results/consolidation.json`."""
    options = _options()
    bench_figures.bench(bench_arguments(options))
    measured = bench_figures.read_bench(options.work)
    home = options.work / measured.studies[0]["home"]
    benchmark = load(options.source, options.data).limited(options.documents)
    with opened(home, options) as context:
        found = {
            name: trained(context, benchmark, name, options.work / "adapters")
            for name in options.variants
        }
    figures = {**bench_figures.cell_figures(measured), **figures_of(found, benchmark)}
    show(figures, options.variants)
    bench_figures.keep(
        "consolidation", figures, measured, command=command(options), folder=options.folder
    )


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    return parser.parse_args()


def study_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser of the options for one study, and adapters of it."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    bench_figures.add_data_option(parser)
    parser.add_argument("--work", type=Path, required=True, help="for the study and the adapters")
    parser.add_argument("--source", default=SOURCE, help="the data set")
    parser.add_argument("--documents", type=int, default=20, help="how many of its documents")
    parser.add_argument("--model", help="to train and to ask; default as everywhere")
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser


def bench_arguments(options: argparse.Namespace) -> list[str]:
    """Return the arguments of the study and of the cells that need no adapter."""
    return [
        options.source, *bench_figures.data_arguments(options.data), "--work", str(options.work),
        "--documents", str(options.documents), "--seeds", "1", "--cells", "base,open,memory",
        *(["--model", options.model] if options.model else []),
    ]  # fmt: skip


def command(options: argparse.Namespace) -> str:
    """Return what to type to measure it again."""
    chosen = [] if options.variants == list(VARIANTS) else ["--variants", *options.variants]
    return " ".join([study_command("consolidation", options), *chosen])


def study_command(script: str, options: argparse.Namespace) -> str:
    """Return what to type for a script with the options of `study_parser`."""
    words = [
        f"python benchmarks/{script}.py",
        *bench_figures.data_arguments(options.data and "FOLDER"), "--work FOLDER",
        *([] if options.source == SOURCE else [f"--source {options.source}"]),
        f"--documents {options.documents}",
        *([f"--model {options.model}"] if options.model else []),
    ]  # fmt: skip
    return " ".join(words)


@contextmanager
def opened(home: Path, options: argparse.Namespace) -> Iterator[StudyContext]:
    """Give what the study left, with the model that was asked for."""
    settings = load_settings(home=home, model=options.model)
    with open_study(settings, (), StudyPolicy(consolidate=True)) as context:
        yield context


def trained(context: StudyContext, benchmark: Benchmark, name: str, folder: Path) -> Trained:
    """Train one adapter and let it sit, as far as that was not done before."""
    rows, recipe = VARIANTS[name](context)
    out = folder / f"{name}-{digest(context, rows, recipe)}"
    cost = kept(out.with_name(out.name + "-cost.json"), lambda: _train(context, rows, recipe, out))
    context.asker.load_adapter(out.name, out, strength_beside_notes=STRENGTH_BESIDE_NOTES)
    cells = ["adapter", "both"] if name == "ours" else ["adapter"]
    scores = {
        cell: kept(
            out.with_name(f"{out.name}-{benchmark.sha256[:12]}-{cell}.json"),
            lambda cell=cell: _sit(context, benchmark, cell, out.name),  # type: ignore[misc]
        )
        for cell in cells
    }
    return Trained(rows=len(rows), scores=scores, **cost)


def digest(context: StudyContext, rows: Sequence[StudyRow], recipe: LoraRecipe) -> str:
    """Return what tells an adapter from one of other rows, by another recipe, for another base."""
    assert context.base_path is not None
    parts = [data_sha256(rows), recipe.to_dict(), weights_sha256(context.base_path)]
    return sha256(json.dumps(parts))[:12]


def kept(path: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Return what is in a JSON file, made now if it is not there."""
    if not path.exists():
        write_text(path, json.dumps(make()))
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _train(
    context: StudyContext, rows: Sequence[StudyRow], recipe: LoraRecipe, out: Path
) -> dict[str, Any]:
    """Train, and return what it cost; an adapter whose cost is not known is made again."""
    assert context.base_path is not None
    if (out / CONFIG_FILE).exists() and not (out / RESUME_FILE).exists():
        shutil.rmtree(out)
    Console(stderr=True).print(f"{out.name}: training on {len(rows):,} rows …", markup=False)
    result = train(
        [*rows, *replay_rows(context, recipe)], base=context.base_path, out=out, recipe=recipe,
        probes=probes(), base_name=context.asker.name,
    )  # fmt: skip
    return {
        "tokens": result.tokens, "seconds": result.seconds, "drift": result.drift,
        "strength": result.strength,
    }  # fmt: skip


def _sit(context: StudyContext, benchmark: Benchmark, cell: str, name: str) -> dict[str, float]:
    def recall(asker: Asker) -> Recall:
        return context.recaller(asker, phase="exam").recall

    return contained(sit_cell(benchmark, cell, context.asker, adapter=name, recall=recall))


def contained(sitting: Sitting) -> dict[str, float]:
    """Return item id → whether an accepted answer stands in the reply, of what has one."""
    return {row["id"]: float(row["contained"]) for row in sitting["rows"] if row["answers"]}


def figures_of(found: Mapping[str, Trained], benchmark: Benchmark) -> dict[str, Figure]:
    """Return what each adapter answers, how far it drifts and what it cost."""
    documents = {item.id: item.document for item in benchmark.items}
    figures = {}
    for name, one in found.items():
        for cell, scores in one.scores.items():
            told = interval(
                [list(scores.values())], [documents[id_] for id_ in scores], within=SHARE
            )
            label = cell if name == "ours" else f"{name}_{cell}"
            figures[label] = Figure(value=told.value, low=told.low, high=told.high, unit="share")
        figures[f"{name}_drift"] = Figure(value=one.drift, unit="nats/token")
        figures[f"{name}_strength"] = Figure(value=one.strength, unit="share")
        figures[f"{name}_rows"] = Figure(value=one.rows, unit="rows")
        figures[f"{name}_tokens"] = Figure(value=one.tokens, unit="tokens")
        figures[f"{name}_seconds"] = Figure(value=one.seconds, unit="s")
    return figures


def show(figures: Mapping[str, Figure], variants: Sequence[str]) -> None:
    """Print a row for each adapter, under those of the cells without one."""
    table = Table("trained", "contained", "drift", "rows", "tokens", "seconds")
    for cell in ("base", "open", "memory", "both"):
        if cell in figures:
            table.add_row(cell, _told(figures[cell]), *[""] * 4)
    for name in variants:
        costs = (figures[f"{name}_{what}"].value for what in ("rows", "tokens", "seconds"))
        table.add_row(
            name,
            _told(figures["adapter" if name == "ours" else f"{name}_adapter"]),
            f"{figures[f'{name}_drift'].value:.2f}",
            *(f"{cost:,.0f}" for cost in costs),
        )
    Console().print(table)


def _told(figure: Figure) -> str:
    return f"{figure.value:.3f} ({figure.low:.3f} to {figure.high:.3f})"


if __name__ == "__main__":
    main()
