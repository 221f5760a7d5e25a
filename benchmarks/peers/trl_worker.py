"""The TRL side of training_speed.py, run by the Python of an environment of its own (`make peers`).

Reads one JSON object a line from stdin, trains an adapter by it, and answers on stdout with
{"version": v, "seconds": s, "loss": l}: seconds of all steps but the first, which warms up, and the mean
loss of all steps. What a task has is read in `_train`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Task = dict[str, Any]


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # The library prints; stdout is for the answers.
    for line in sys.stdin:
        answers.write(json.dumps({"version": version("trl"), **_train(json.loads(line))}) + "\n")
        answers.flush()


def _train(task: Task) -> dict[str, float]:
    import torch
    from datasets import Dataset, disable_progress_bars
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTTrainer

    torch.set_num_threads(task["threads"])
    disable_progress_bars()
    model = AutoModelForCausalLM.from_pretrained(
        task["base"], dtype=task["dtype"], attn_implementation=task["attention"]
    )
    with tempfile.TemporaryDirectory() as scratch:
        trainer = SFTTrainer(
            model,
            args=_config(task, scratch),
            # Tokens and labels as ours are: nothing is tokenised or masked anew.
            train_dataset=Dataset.from_list(task["rows"]),
            processing_class=AutoTokenizer.from_pretrained(task["base"]),
            peft_config=_lora(task),
        )
        marks: list[float] = []
        clock = time.process_time if task["clock"] == "cpu" else time.perf_counter
        trainer.add_callback(_marker(marks, clock))
        done = trainer.train()
    return {"seconds": marks[-1] - marks[0], "loss": done.training_loss}


def _config(task: Task, scratch: str) -> Any:
    from trl import SFTConfig

    return SFTConfig(
        output_dir=scratch,
        num_train_epochs=1,
        per_device_train_batch_size=task["batch"],
        learning_rate=task["learning_rate"],
        # Padding-free lays a batch into one sequence; it forbids a length that rows are cut to.
        padding_free=task["padding_free"],
        max_length=None,
        gradient_checkpointing=False,
        bf16=False,  # Mixed precision: the model is in the precision that is asked for already.
        use_cpu=True,
        train_sampling_strategy="sequential",
        dataloader_num_workers=0,
        dataloader_pin_memory=False,
        logging_strategy="no",
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=task["seed"],
    )


def _lora(task: Task) -> Any:
    from peft import LoraConfig

    return LoraConfig(
        r=task["rank"],
        lora_alpha=task["alpha"],
        target_modules=task["targets"],
        task_type="CAUSAL_LM",
    )


def _marker(marks: list[float], clock: Callable[[], float]) -> Any:
    from transformers import TrainerCallback

    class Marker(TrainerCallback):
        """Notes the time at the end of each step."""

        def on_step_end(self, *_: Any, **__: Any) -> None:
            marks.append(clock())

    return Marker()


if __name__ == "__main__":
    main()
