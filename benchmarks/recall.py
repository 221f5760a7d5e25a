"""How often the right passage is recalled, in each way we have, beside other memories.

    python benchmarks/recall.py --data FOLDER

Every passage is one memory, every question a query; the passage the question was written about is the
only right one. All get the same texts and, but for BM25, the same embedder; nothing calls a language
model and nothing is cut off by a confidence floor, whose effect is measured apart.

The folder holds `documents.jsonl` (`id`, `title`, `text`) and `exam.jsonl` (`document`, `topic`,
`question`, `answers`): the first 400 passages of SQuAD 1.1's development set (Rajpurkar et al. 2016,
CC BY-SA 4.0) and their questions, in the order of the knowledge-incorporation set in the repository
Continual-Intelligence/SEAL. They are not part of this project: fetch that file from there and write its
passages and questions in these two forms.

The peers run in an environment of their own (`make peers`): mem0, LangMem and rank-bm25.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import results_file
from bare_chroma import BareChroma
from precomputed import PrecomputedEmbedder, cached_vectors
from resampling import SEED, mean_figure
from results_file import Figure
from rich.console import Console
from rich.table import Table

from ingrained.agent.reranking import open_reranker
from ingrained.agent.weights.resolve import resolve_local
from ingrained.graphs.session import open_embedder
from ingrained.memory import Embedder, Memory, MemoryStore
from ingrained.memory.recalling import RecallOptions
from ingrained.memory.reranking import Reranker
from ingrained.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
WORKER = Path(__file__).with_name("peers") / "worker.py"
PEERS = ("rank_bm25", "langmem", "mem0")
K = 10
"""Found at most; a right one behind them counts as not found."""
NO_FLOOR = -1.0
RERANKER = "smollm2-135m"
OURS: dict[str, RecallOptions] = {
    "bm25": {"search": "words"},
    "dense": {"search": "meaning"},
    "fused": {"search": "both"},
}
WHO = {"who": "benchmark", "why": "measured"}

Ranks = Sequence[int | None]
"""Of each question: the place of the right passage from 1, None when it is not among the `K`."""


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What is remembered and asked."""

    texts: Sequence[str]
    topics: Sequence[str]
    """Of each text: the article it is from."""
    questions: Sequence[str]
    right: Sequence[int]
    """Of each question: the place in `texts` of the passage it is about."""

    def sample(self, count: int) -> Exam:
        """Return the same texts with so many of the questions, drawn at random."""
        every = range(len(self.questions))
        rows = sorted(random.Random(SEED).sample(every, min(count, len(every))))
        return dataclasses.replace(
            self,
            questions=[self.questions[row] for row in rows],
            right=[self.right[row] for row in rows],
        )


def main() -> None:
    """Measure every way, print the table, write `results/recall.json`."""
    options = _options()
    settings = Settings()
    real = open_embedder(settings)
    exam = read_exam(options.data)
    with tempfile.TemporaryDirectory() as scratch:
        figures = measure(exam, real, options, settings, Path(scratch))
    show(figures)
    command = (
        f"python benchmarks/recall.py --data FOLDER --reranker {options.reranker} "
        f"--reranked {options.reranked}"
    )
    print(
        results_file.write("recall", figures, seeds=[SEED], command=command, folder=options.folder)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of the two JSONL files")
    parser.add_argument(
        "--reranker", default=Settings().reranker or RERANKER, help="a name or folder of weights"
    )
    parser.add_argument(
        "--reranked", type=int, default=200, help="questions that the slow reranker is asked"
    )
    parser.add_argument("--peers-python", type=Path, default=ROOT / ".venv-peers/bin/python")
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    return parser.parse_args()


def read_exam(folder: Path) -> Exam:
    """Return the passages and the questions about them."""
    documents = _lines(folder / "documents.jsonl")
    items = _lines(folder / "exam.jsonl")
    place = {row["id"]: number for number, row in enumerate(documents)}
    return Exam(
        texts=[row["text"] for row in documents],
        topics=[row["title"] for row in documents],
        questions=[item["question"] for item in items],
        right=[place[item["document"]] for item in items],
    )


def _lines(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def measure(
    exam: Exam, real: Embedder, options: argparse.Namespace, settings: Settings, scratch: Path
) -> dict[str, Figure]:
    """Return the figures of all ways."""
    embedder = embedded(exam, real, settings.cache / "benchmarks")
    reranker = open_reranker(settings.model_copy(update={"reranker": options.reranker}))
    figures: dict[str, Figure] = {}
    with MemoryStore.open(scratch / "ours", embedder) as store:
        ids = _remember(store, exam)
        for way, asked in OURS.items():
            figures |= quality(way, our_ranks(store, ids, exam, asked))
        figures |= reranked_figures(store, ids, exam.sample(options.reranked), reranker)
        figures |= floor_figures(store, ids, exam)
    figures |= quality("chroma", chroma_ranks(exam, embedder, scratch / "chroma"))
    if options.peers_python.is_file():
        folder = resolve_local(settings.embedder, settings)
        for peer in PEERS:
            found = peer_found(peer, exam, options.peers_python, folder, scratch / peer)
            figures |= quality(peer, ranks_of(found, exam))
    return figures


def embedded(exam: Exam, real: Embedder, cache: Path) -> PrecomputedEmbedder:
    """Return an embedder that knows all texts and questions."""
    texts = list(dict.fromkeys([*exam.texts, *exam.questions]))
    vectors = cached_vectors(texts, real, cache)
    return PrecomputedEmbedder(
        dict(zip(texts, vectors, strict=True)), name=real.name, fingerprint=real.fingerprint
    )


def _remember(store: MemoryStore, exam: Exam) -> list[str]:
    memories = [Memory(id="", text=text) for text in exam.texts]
    return [one.id for one in store.insert(memories, **WHO)]


def our_ranks(store: MemoryStore, ids: Sequence[str], exam: Exam, asked: RecallOptions) -> Ranks:
    """Return the ranks of one way of ours."""
    found = store.recall_many(list(exam.questions), k=K, floor=NO_FLOOR, **asked)
    place = {id_: number for number, id_ in enumerate(ids)}
    return ranks_of([[place[one.memory.id] for one in row] for row in found], exam)


def reranked_figures(
    store: MemoryStore, ids: Sequence[str], sample: Exam, reranker: Reranker | None
) -> dict[str, Figure]:
    """Return the quality with a reranker, and without one on the same sample of questions."""
    before = our_ranks(store, ids, sample, OURS["fused"])
    after = our_ranks(store, ids, sample, {"search": "both", "reranker": reranker})
    return {
        **quality("reranked", after),
        **quality("fused_of_those_reranked", before),
        "questions_reranked": Figure(value=len(sample.questions), unit="questions"),
    }


def chroma_ranks(exam: Exam, embedder: PrecomputedEmbedder, folder: Path) -> Ranks:
    """Return the ranks of a bare Chroma collection."""
    import numpy as np

    bare = BareChroma(folder, texts=True)
    vectors = np.asarray(embedder.embed(exam.texts), dtype=np.float32)
    bare.upsert([str(row) for row in range(len(exam.texts))], vectors, list(exam.texts))
    found = [bare.query(vector, K) for vector in embedder.embed(exam.questions)]
    bare.close()
    return ranks_of([[int(id_) for id_ in row] for row in found], exam)


def peer_found(
    peer: str, exam: Exam, python: Path, embedder: Path | None, scratch: Path
) -> list[list[int]]:
    """Run a peer in its own environment and return what it found for each question."""
    scratch.mkdir()
    task = {
        "peer": peer,
        "embedder": str(embedder),
        "texts": exam.texts,
        "queries": exam.questions,
        "k": K,
        "scratch": str(scratch),
    }
    done = subprocess.run(
        [str(python), str(WORKER)], input=json.dumps(task), stdout=subprocess.PIPE,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{peer} failed in its environment {python}")
    told = json.loads(done.stdout)
    Console(stderr=True).print(f"{peer} {told['version']}: done")
    return list(told["found"])


def ranks_of(found: Sequence[Sequence[int]], exam: Exam) -> Ranks:
    """Return the rank of the right passage in what was found for each question."""
    return [
        row.index(right) + 1 if right in row else None
        for row, right in zip(found, exam.right, strict=True)
    ]


def quality(way: str, ranks: Ranks) -> dict[str, Figure]:
    """Return recall at 1 and 5, and the mean reciprocal rank, with their intervals."""
    return {
        f"recall_at_1_{way}": mean_figure([float(rank == 1) for rank in ranks], "share"),
        f"recall_at_5_{way}": mean_figure([float((rank or K + 1) <= 5) for rank in ranks], "share"),
        f"mrr_{way}": mean_figure([1 / rank if rank else 0.0 for rank in ranks], "share"),
    }


def floor_figures(store: MemoryStore, ids: Sequence[str], exam: Exam) -> dict[str, Figure]:
    """Return what the confidence floor costs and what it keeps out.

    Questions about an article are asked while its passages are forgotten, and all others are there:
    whatever is recalled then is junk.
    """
    found = store.recall_many(list(exam.questions), k=5)
    kept = [
        ids[right] in [one.memory.id for one in row]
        for row, right in zip(found, exam.right, strict=True)
    ]
    strange = [len(row) for row in _strange(store, ids, exam)]
    return {
        "recall_at_5_fused_with_floor": mean_figure(list(map(float, kept)), "share"),
        "recalled_with_floor": mean_figure([float(len(row)) for row in found], "memories"),
        "nothing_recalled_of_other_articles": mean_figure(
            [float(many == 0) for many in strange], "share"
        ),
        "junk_recalled_of_other_articles": mean_figure(list(map(float, strange)), "memories"),
    }


def _strange(store: MemoryStore, ids: Sequence[str], exam: Exam) -> Iterator[Sequence[object]]:
    for topic in dict.fromkeys(exam.topics):
        own = [id_ for id_, one in zip(ids, exam.topics, strict=True) if one == topic]
        about = [
            question
            for question, right in zip(exam.questions, exam.right, strict=True)
            if exam.topics[right] == topic
        ]
        store.forget(own, **WHO)
        yield from store.recall_many(about, k=5)
        store.restore(own, **WHO)


def show(figures: Mapping[str, Figure]) -> None:
    """Print the figures."""
    table = Table("figure", "value", "95 % interval", "unit")
    for label, one in figures.items():
        ends = "" if one.low is None else f"{one.low:.3f} to {one.high:.3f}"
        table.add_row(label, f"{one.value:.3f}", ends, one.unit)
    Console().print(table)


if __name__ == "__main__":
    main()
