"""The benchmark of a chat's speed: what it compares, and what it makes of the clocks."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from models_tiny import tiny_model, tiny_tokenizer

from ingrained.memory.testing import HashEmbedder

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import chat

    return chat


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny network that says letters only, so that each token is a piece, with its tokenizer."""
    model, tokenizer = tiny_model(), tiny_tokenizer()
    letters = set(tokenizer.convert_tokens_to_ids(list("abcdefghijklmnopqrstuvwxyz")))
    others = [number for number in range(model.config.vocab_size) if number not in letters]
    model.lm_head.weight.data[others] = 0
    model.save_pretrained(tmp_path / "tiny")
    tokenizer.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_bare_transformers_get_the_very_prompt_of_the_chat(chat, folder, tmp_path, monkeypatch):
    prompts: list[list[int]] = []
    generate = chat._generate

    def heard(model: Any, ids: list[int], tokens: int) -> Any:
        prompts.append(ids)
        return generate(model, ids, tokens)

    monkeypatch.setattr(chat, "_generate", heard)
    with chat.prepare(folder, HashEmbedder(), tmp_path / "home", 4) as bench:
        turns = chat.measure(bench, 2)
        decode = bench.ours.engine.tokenizer.decode

    assert len(turns) == 2 < len(prompts), "the first one warms up"
    for turn, ids in zip(turns, prompts[1:], strict=True):
        assert "Answer in a few words, from the notes." in decode(ids)
        assert turn.prompt_tokens == len(ids)
        assert len(turn.bare.tokens) == 4
        assert len(turn.ours.tokens) == 4
        assert turn.whole > 0


def test_the_reply_alone_is_measured_with_nothing_kept_from_before(chat, folder, tmp_path):
    with chat.prepare(folder, HashEmbedder(), tmp_path / "home", 2) as bench:
        chat._ask(bench, "Who built the lighthouse?")
        seen: list[int] = []
        forget = bench.ours.engine.forget
        bench.ours.engine.forget = lambda: (forget(), seen.append(bench.ours.engine.cached_bytes))
        chat._stream(bench.ours, bench.ours.asked[-1])
    assert seen == [0]


def test_ratios_are_taken_question_by_question(chat):
    def turn(whole: float, ours: tuple[float, ...], bare: tuple[float, ...]) -> Any:
        clocks = (chat.Clock(began=0.0, tokens=list(tokens)) for tokens in (ours, bare))
        return chat.Turn(prompt_tokens=9, whole=whole, ours=next(clocks), bare=next(clocks))

    slow, fast = turn(6.0, (4.0, 5.0, 6.0), (2.0, 4.0, 6.0)), turn(1.0, (1.0, 1.5), (1.0, 1.5))
    found = chat.figures([slow, fast, fast])
    first = found["first_token_over_bare_without_recall"]
    assert (first.value, first.low, first.high, first.unit) == (1.0, 1.0, 2.0, "times")
    assert found["first_token_over_bare"].high == 3.0, "the whole turn, recall included"
    assert found["first_token"].high == 6.0
    assert found["tokens_per_second_over_bare"].high == 2.0
    assert found["tokens_per_second"].value == 2.0
    assert found["prompt_tokens"].value == 9


def test_the_result_is_written(chat, folder, tmp_path, monkeypatch):
    monkeypatch.setattr(chat, "resolve_local", lambda *_: folder)
    monkeypatch.setattr(chat, "open_embedder", lambda _: HashEmbedder())
    words = f"chat.py --prompts 2 --tokens 3 --folder {tmp_path}"
    monkeypatch.setattr("sys.argv", words.split())
    chat.main()

    written = json.loads((tmp_path / "chat.json").read_text())
    assert {"first_token_over_bare", "tokens_per_second_over_bare"} <= written["figures"].keys()
    assert written["command"] == (
        f"python benchmarks/chat.py --model {chat.DEFAULT_MODEL} --prompts 2 --tokens 3"
    )
