"""What an adapter knows of documents with nothing in view, by what and how it was trained.

    python benchmarks/consolidation.py --data FOLDER --work FOLDER

The first passages of SQuAD are studied once; base, open book and memory sit their questions. Then an
adapter is trained in each of several ways (`VARIANTS`), all from the same base and memory, and sits
the same questions closed-book at full strength; `ours` sits them beside the memory too. `seal` is the
recipe of SEAL's continued pretraining (arXiv 2506.10943: LoRA of rank 32 on q and v, learning rate
1e-3, 3 epochs of batches of 8, passages and what the model says follows from them), put through our
loop; `seal_equal_tokens` is that with as many lists of what follows as make it train on as many tokens,
prompts included, as ours; `placebo` is ours with the answers dealt out at random over the questions.

Shares have the cluster bootstrap's 95 % interval over documents. `adapter`, `both` and `kl_to_base` are of
ours, `seal_recipe_...` of `seal_equal_tokens`, other scores carry the name of their variant; costs always do.
`..._seconds` is what it took to make the rows and the adapter, with the seconds that replies from the cache took
once, so that variants that share some compare; `..._training_seconds` is the part of the training loops, and
`..._tokens_generated` what the model said for it. Of an adapter that was cut short, the trainings before that are in
the training seconds alone.

`kl_to_base` is the drift, in nats a token on everyday questions (docs/concepts.md). The base and ours are also asked
what has nothing to do with the documents (`controls_...`, see control_questions.py). The same command goes on where
it was cut short.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bench_figures
import control_questions
import results_file
from consolidation_figures import Trained, figures_of, gain_figures, show
from results_file import Figure
from rich.console import Console

from ingrained.agent.asking import Asker, Meter
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.sitting import Sitting, sit_cell
from ingrained.agent.commands.opening import load_settings
from ingrained.agent.exam import Recall
from ingrained.agent.report.records import write_text
from ingrained.agent.stating import implication_prompt, lines
from ingrained.graphs.consolidate import (
    STRENGTH_BESIDE_NOTES,
    replay_rows,
    study_rows,
)
from ingrained.graphs.context import StudyContext, StudyPolicy
from ingrained.graphs.methods import Lesson, learn
from ingrained.graphs.methods.lesson import PHASE
from ingrained.graphs.questions import question_rows
from ingrained.graphs.session import open_study
from ingrained.graphs.statements import statement_rows
from ingrained.memory.records import sha256
from ingrained.trainer.curriculum import data_sha256, text_row
from ingrained.trainer.encode import trained_tokens
from ingrained.trainer.methods import SUPERVISED, TRAINING_METHODS
from ingrained.trainer.recipe import LoraRecipe, default_recipe
from ingrained.trainer.rows import StudyRow
from ingrained.trainer.saving import weights_sha256

SOURCE = "squad"
EDITS, EDIT_TOKENS = 5, 200
"""Lists of implications for each passage, and the most tokens of one."""

BUDGET = "budget"
"""Phase of a meter for what is reckoned to compare, and no part of making an adapter."""

Made = tuple[list[StudyRow], LoraRecipe]


def ours(context: StudyContext, **changed: Any) -> Made:
    """Return the rows and recipe of `ingrained study --consolidate`, or of one with other settings."""
    assert context.base_path is not None
    recipe = default_recipe(context.base_path, context.policy.seed)
    recipe = dataclasses.replace(recipe, **changed)
    memories = context.store.list(namespace=context.namespace)
    asked = question_rows(context, memories, recipe)
    stated = statement_rows(context, memories, recipe)
    return [*study_rows(context, memories, recipe), *asked.rows, *stated.rows], recipe


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
    return [text_row(one.title, one.text) for one in passages]


def with_texts(context: StudyContext, *, alone: bool = False) -> Made:
    """Return ours with the passages themselves beside the questions, or instead of them."""
    rows, recipe = ours(context)
    return [*([] if alone else rows), *texts(context)], recipe


def seal(context: StudyContext) -> Made:
    """Return SEAL's rows and recipe: passages, and statements that follow, each after its title."""
    said = [row for number in range(EDITS) for row in edits(context, number)]
    return [*texts(context), *said], _seal_recipe(context)


def seal_equal_tokens(context: StudyContext) -> Made:
    """Return the same with as many lists a passage as make at least as many trained tokens as ours.

    With one list a passage fewer there are less; a model that says nothing in one is asked no more.
    """
    assert context.base_path is not None
    wanted = _tokens_of_ours(context)
    recipe, numbers = _seal_recipe(context), itertools.count()
    learnt: list[StudyRow] = []
    more = texts(context)
    while more:
        learnt += more
        wanted -= trained_tokens(more, context.base_path, recipe)
        more = edits(context, next(numbers)) if wanted > 0 else []
    return learnt, recipe


def _tokens_of_ours(context: StudyContext) -> int:
    assert context.base_path is not None
    with context.asker.meter.phase(BUDGET):
        apart = metered_apart(context)
        rows, recipe = ours(apart)
        return trained_tokens([*rows, *replay_rows(apart, recipe)], context.base_path, recipe)


def metered_apart(context: StudyContext) -> StudyContext:
    """Return the same run, with what it asks added up anew."""
    return dataclasses.replace(context, asker=context.asker.metered_by(Meter()))


def edits(context: StudyContext, number: int) -> list[StudyRow]:
    """Return the statements of one list for each passage, each after its title, as SEAL has them: unchecked.

    Args:
        context: The run.
        number: Which lists: they are sampled, and the same number gives the same ones.
    """
    passages = context.library.passages(context.library.passage_ids())
    replies = context.asker.ask(
        [implication_prompt(one.title, one.text) for one in passages],
        phase="consolidate", max_tokens=EDIT_TOKENS, temperature=1.0, seed=number,
    )  # fmt: skip
    return [
        text_row(one.title, line)
        for one, reply in zip(passages, replies, strict=True)
        for line in lines(reply)
    ]


def _seal_recipe(context: StudyContext) -> LoraRecipe:
    return LoraRecipe(
        rank=32, alpha=64, targets=("q_proj", "v_proj"), learning_rate=1e-3, epochs=3, batch_rows=8,
        seed=context.policy.seed,
    )  # fmt: skip


VARIANTS: Mapping[str, Callable[[StudyContext], Made]] = {
    "ours": ours,
    "without_replay": lambda context: ours(context, replay=0, max_drift=None),
    "distilled": lambda context: ours(context, distil=0.5),
    "preferring": lambda context: ours(context, dpo=0.5),
    "all_layers": lambda context: ours(context, first_layer=None),
    "with_questions": lambda context: ours(context, questions_per_memory=8),
    "with_rewrites": lambda context: ours(context, statements=("rewrite",)),
    "with_implications": lambda context: ours(context, statements=("implication",)),
    "with_links": lambda context: ours(context, statements=("link",)),
    "with_strategy": lambda context: ours(context, statements=("strategy",)),
    "with_texts": with_texts,
    "texts_alone": lambda context: with_texts(context, alone=True),
    "seal": seal,
    "seal_equal_tokens": seal_equal_tokens,
    "placebo": placebo,
    **{name: ours for name in TRAINING_METHODS if name != SUPERVISED},
}
"""Name → what to train; a variant called by a training method is trained by it."""


def main() -> None:
    """Study, train and sit; print the table, write `results/consolidation.json`."""
    options = _options()
    others = control_questions.samples(options.controls, options.data)
    bench_figures.bench(bench_arguments(options))
    measured = bench_figures.read_bench(options.work)
    home, folder = options.work / measured.studies[0]["home"], options.work / "adapters"
    benchmark = load(options.source, options.data).limited(options.documents)
    with opened(home, options) as context:
        found = {name: trained(context, benchmark, name, folder) for name in options.variants}
        asked = controls(context, others, found["ours"], folder) if "ours" in found else {}
    base = contained({"rows": [row for row in measured.rows if row["cell"] == "base"]})
    figures = {
        **bench_figures.cell_figures(measured), **figures_of(found, benchmark),
        **gain_figures(found, base, benchmark), **asked,
    }  # fmt: skip
    show(figures, options.variants)
    bench_figures.keep(
        "consolidation", figures, measured, command=command(options), folder=options.folder
    )


def _options() -> argparse.Namespace:
    parser = study_parser(__doc__)
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    parser.add_argument(
        "--controls", type=int, default=control_questions.COUNT,
        help="how many questions on other things; 0 for none",
    )  # fmt: skip
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
    if options.controls != control_questions.COUNT:
        chosen += ["--controls", str(options.controls)]
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
    making = metered_apart(context)
    with making.asker.meter.phase(PHASE):
        rows, recipe = VARIANTS[name](making)
    method = name if name in TRAINING_METHODS else SUPERVISED
    out = folder / f"{name}-{digest(context, rows, recipe)}"
    cost = kept(
        out.with_name(out.name + "-spent.json"), lambda: _train(making, rows, recipe, out, method)
    )
    context.asker.load_adapter(out.name, out, strength_beside_notes=STRENGTH_BESIDE_NOTES)
    cells = ["adapter", "both"] if name == "ours" else ["adapter"]
    scores = {
        cell: kept(
            out.with_name(f"{out.name}-{benchmark.sha256[:12]}-{cell}.json"),
            lambda cell=cell: _sit(context, benchmark, cell, out.name),  # type: ignore[misc]
        )
        for cell in cells
    }
    told = {key: value for key, value in cost.items() if key != "stages"}
    return Trained(version=out.name, scores=scores, **told)


def controls(
    context: StudyContext, others: Mapping[str, Benchmark], adapter: Trained, folder: Path
) -> dict[str, Figure]:
    """Return what the base and an adapter answer of other things, as far as it has to be asked.

    Args:
        context: The run, with the adapter loaded.
        others: Set → its questions.
        adapter: To be compared with the base.
        folder: Where the scores are kept.
    """
    assert context.base_path is not None
    base = f"base-{weights_sha256(context.base_path)[:12]}"
    before, after = (
        {
            name: kept(
                folder / f"{who}-{one.sha256[:12]}-controls.json",
                lambda one=one, version=version: control_questions.sit(  # type: ignore[misc]
                    one, context.asker, version
                ),
            )
            for name, one in others.items()
        }
        for who, version in ((base, None), (adapter.version, adapter.version))
    )
    return control_questions.figures_of(before, after) if others else {}


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
    context: StudyContext, rows: Sequence[StudyRow], recipe: LoraRecipe, out: Path, method: str
) -> dict[str, Any]:
    """Train, and return what it cost, with what the context's meter has of making the rows.

    An adapter whose cost is not known is made again.
    """
    Console(stderr=True).print(f"{out.name}: training on {len(rows):,} rows …", markup=False)
    with context.asker.meter.phase(PHASE):
        lesson = Lesson(
            context=context, version=out.name, out=out, base_sha256=weights_sha256(context.base_path),
        recipe=recipe, rows=rows,
            replayed=replay_rows(context, recipe),
        )  # fmt: skip
        learned = learn(lesson, method)
    return {
        "rows": learned.rows, "tokens": learned.result.tokens, **spent(context.asker.meter),
        "training_seconds": learned.result.seconds,
        "drift": learned.result.drift, "strength": learned.result.strength,
        "stages": [stage.to_dict() for stage in learned.stages],
    }  # fmt: skip


def spent(meter: Meter) -> dict[str, Any]:
    """Return the seconds of a meter, as if no reply had come from a cache, and what was generated."""
    costs = [cost for name, cost in meter.phases.items() if name != BUDGET]
    return {
        "seconds": sum(cost.seconds + cost.seconds_saved for cost in costs),
        "tokens_generated": sum(cost.tokens_out for cost in costs),
    }


def _sit(context: StudyContext, benchmark: Benchmark, cell: str, name: str) -> dict[str, float]:
    def recall(asker: Asker) -> Recall:
        return context.recaller(asker, phase="exam").recall

    return contained(sit_cell(benchmark, cell, context.asker, adapter=name, recall=recall))


def contained(sitting: Sitting) -> dict[str, float]:
    """Return item id → whether an accepted answer stands in the reply, of what has one."""
    return {row["id"]: float(row["contained"]) for row in sitting["rows"] if row["answers"]}


if __name__ == "__main__":
    main()
