"""What is still known of the first of many documents: `python benchmarks/sequence.py --work FOLDER`.

Documents are learnt one sleep after another, and people's questions about them asked with nothing in
view. Three ways, from the same memory of one study:

`ours` trains each sleep's adapter from the untouched base over all that is remembered by then.
`chained` trains on the new document alone, merges the adapter into the weights and goes on from there,
as SEAL's continual self-edits do (arXiv 2506.10943, section 4.3; ours are its rows and its recipe, but
for replay and the limit of the drift, which it has none of).
`merged` trains on the last documents alone, from the base as `ours` does, and merges that adapter by TIES
with a cold one of all the documents before (`HOT` says how often the cold one is made anew).

The exam is sat after 1, 2, 4, … documents and after the last. An adapter of ours or a merged one does not
depend on the ones before it, so only those are made that sit. The same command goes on where it was cut short.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import bench_figures
import consolidation
from consolidation import contained, digest, kept
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.asking import Asker
from ingrained.agent.bench.benchmark import Benchmark
from ingrained.agent.bench.loading import load
from ingrained.agent.bench.sitting import sit_cell
from ingrained.agent.bench.statistics import SHARE, interval
from ingrained.agent.commands.bench_job import close_model
from ingrained.agent.commands.opening import load_settings
from ingrained.agent.models.factory import load_chat_model
from ingrained.graphs.consolidate import replay_rows, study_rows
from ingrained.graphs.context import StudyContext
from ingrained.memory.records import Memory, sha256
from ingrained.trainer.curriculum import data_sha256
from ingrained.trainer.lora import train
from ingrained.trainer.merging import merge as merge_adapters
from ingrained.trainer.probes import probes
from ingrained.trainer.recipe import default_recipe
from ingrained.trainer.saving import CONFIG_FILE

WAYS = ("ours", "chained", "merged")
HOT = 4
"""Documents at most in the hot adapter of `merged`; with one more they are cold, all of them. While
none is cold, it is the adapter of `ours`."""
Scores = Mapping[str, float]
"""Item id → contained."""


def main() -> None:
    """Study, learn document by document, sit; print the table, write `results/sequence.json`."""
    options = consolidation.study_parser(__doc__).parse_args()
    bench_figures.bench(consolidation.bench_arguments(options))
    measured = bench_figures.read_bench(options.work)
    benchmark = load(options.source, options.data).limited(options.documents)
    home = options.work / measured.studies[0]["home"]
    with consolidation.opened(home, options) as context:
        found = learn(context, benchmark, options.work / "sequence")
    figures = {**bench_figures.cell_figures(measured), **figures_of(found, benchmark)}
    show(figures, list(found["ours"]))
    command = consolidation.study_command("sequence", options)
    bench_figures.keep("sequence", figures, measured, command=command, folder=options.folder)


def stops(documents: int) -> list[int]:
    """Return after how many documents the exam is sat: the powers of two, and all."""
    powers = [2**n for n in range(documents.bit_length()) if 2**n < documents]
    return [*powers, documents]


def learn(
    context: StudyContext, benchmark: Benchmark, folder: Path
) -> dict[str, dict[int, Scores]]:
    """Return what is answered in each way after so many documents, of the questions on those."""
    found: dict[str, dict[int, Scores]] = {way: {} for way in WAYS}
    held = [_memories(context, one.key) for one in benchmark.documents]
    recipe = default_recipe(_base(context), context.policy.seed)
    rows = [study_rows(context, memories, recipe) for memories in held]
    made_of = [sha256(json.dumps([data_sha256(one) for one in rows])), benchmark.sha256]
    folder = folder / sha256(json.dumps([*made_of, digest(context, [], recipe)]))[:12]
    for count in range(1, len(held) + 1):
        part, sat = benchmark.limited(count), count in stops(len(held))
        if sat:
            found["ours"][count] = kept(
                folder / f"ours-{count}.json",
                lambda count=count, part=part: _ours(  # type: ignore[misc]
                    context, _together(held[:count]), part, folder / f"ours-{count}"
                ),
            )
            found["merged"][count] = found["ours"][count] if count <= HOT else kept(
                folder / f"merged-{count}-hot-{HOT}.json",
                lambda count=count, part=part: _merged(  # type: ignore[misc]
                    context, held[:count], part, folder
                ),
            )  # fmt: skip
        scores = kept(
            folder / f"chained-{count}.json",
            lambda count=count, part=part, sat=sat: _chained(  # type: ignore[misc]
                context, held[count - 1], part if sat else None, folder, count
            ),
        )
        if sat:
            found["chained"][count] = scores
    return found


def _memories(context: StudyContext, document: str) -> list[Memory]:
    return context.store.list(namespace=context.namespace, document=document)


def _together(held: Sequence[list[Memory]]) -> list[Memory]:
    return [one for some in held for one in some]


def _ours(
    context: StudyContext, memories: list[Memory], benchmark: Benchmark, out: Path
) -> dict[str, float]:
    trained = _train(context, memories, _base(context), out)
    return _sit_adapted(context, benchmark, out if trained else None)


def _merged(
    context: StudyContext, held: Sequence[list[Memory]], benchmark: Benchmark, folder: Path
) -> dict[str, float]:
    """Sit with what is merged of a hot adapter and a cold one, which is that of ours over its documents."""
    count = len(held)
    cold = (count - 1) // HOT * HOT
    parts = {
        folder / f"ours-{cold}": held[:cold],
        folder / f"hot-{count}-of-{count - cold}": held[cold:],
    }
    made = [
        out
        for out, documents in parts.items()
        if _train(context, _together(documents), _base(context), out)
    ]
    if len(made) < 2:
        return _sit_adapted(context, benchmark, made[0] if made else None)
    out = folder / f"ties-{count}-hot-{HOT}"
    if not (out / CONFIG_FILE).exists():
        merge_adapters(made, out, weights=(0.5, 0.5))
    return _sit_adapted(context, benchmark, out)


def _sit_adapted(
    context: StudyContext, benchmark: Benchmark, adapter: Path | None
) -> dict[str, float]:
    if adapter is None:
        return _sit(context.asker, benchmark, "base", None)
    context.asker.load_adapter(adapter.name, adapter)
    return _sit(context.asker, benchmark, "adapter", adapter.name)


def _chained(
    context: StudyContext,
    memories: list[Memory],
    benchmark: Benchmark | None,
    folder: Path,
    count: int,
) -> dict[str, float]:
    """Train on top of what was merged before, merge, and sit if there is something to sit."""
    before, merged = folder / f"merged-{count - 1}", folder / f"merged-{count}"
    adapter = folder / f"chained-{count}"
    if not merged.exists():
        base = before if count > 1 else _base(context)
        _train(context, memories, base, adapter, replay=0, max_drift=None)
        merge(base, adapter, merged)
    shutil.rmtree(before, ignore_errors=True)
    if benchmark is None:
        return {}
    model = load_chat_model(str(merged), load_settings())
    try:
        return _sit(Asker(model), benchmark, "base", None)
    finally:
        close_model(model)


def _base(context: StudyContext) -> Path:
    assert context.base_path is not None
    return context.base_path


def _train(
    context: StudyContext, memories: list[Memory], base: Path, out: Path, **changed: Any
) -> bool:
    """Train an adapter unless it is finished; return False if there is nothing to train on."""
    recipe = default_recipe(base, context.policy.seed)
    recipe = dataclasses.replace(recipe, **changed)
    rows = study_rows(context, memories, recipe)
    if not rows or (out / CONFIG_FILE).exists():
        return bool(rows)
    Console(stderr=True).print(f"{out.name}: training on {len(rows):,} rows …", markup=False)
    train(
        [*rows, *replay_rows(context, recipe)], base=base, out=out, recipe=recipe, probes=probes(),
        base_name=context.asker.name,
    )  # fmt: skip
    return True


def merge(base: Path, adapter: Path, out: Path) -> None:
    """Write a model folder with an adapter added to its weights; without one, a copy."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    new = out.with_name(out.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    shutil.copytree(base, new, ignore=shutil.ignore_patterns("*.safetensors*"))
    model: Any = AutoModelForCausalLM.from_pretrained(base, dtype="auto", local_files_only=True)
    if (adapter / CONFIG_FILE).exists():
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    model.save_pretrained(new, safe_serialization=True)
    new.rename(out)


def _sit(asker: Asker, benchmark: Benchmark, cell: str, adapter: str | None) -> dict[str, float]:
    sat = sit_cell(
        benchmark, cell, asker, adapter=adapter, recall=lambda _: lambda asked: [[] for _ in asked]
    )
    return contained(sat)


def figures_of(
    found: Mapping[str, Mapping[int, Scores]], benchmark: Benchmark
) -> dict[str, Figure]:
    """Return the shares of the first document's questions and of all, after so many documents."""
    documents = {item.id: item.document for item in benchmark.items}
    first = benchmark.documents[0].key
    figures = {}
    for way, stages in found.items():
        for count, scores in stages.items():
            asked = {
                "first": [id_ for id_ in scores if documents[id_] == first],
                "all": list(scores),
            }
            for label, ids in asked.items():
                told = interval(
                    [[scores[id_] for id_ in ids]], [documents[id_] for id_ in ids], within=SHARE
                )
                figures[f"{label}_after_{count}_{way}"] = Figure(
                    value=told.value, low=told.low, high=told.high, unit="share"
                )
    return figures


def show(figures: Mapping[str, Figure], counts: Sequence[int]) -> None:
    """Print a row for each number of documents."""
    columns = [f"{label}, {way}" for label in ("first", "all") for way in WAYS]
    table = Table("documents", *columns)
    for count in counts:
        labels = (f"{label}_after_{count}_{way}" for label in ("first", "all") for way in WAYS)
        table.add_row(str(count), *(f"{figures[label].value:.3f}" for label in labels))
    Console().print(table)


if __name__ == "__main__":
    main()
