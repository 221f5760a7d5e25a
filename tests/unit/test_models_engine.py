"""The generation engine on tiny random models: what it computes must not depend on how."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from models_tiny import tiny_engine, tiny_model, tiny_tokenizer, write_adapter

from ingrained.agent.models.engine import Engine
from ingrained.agent.models.sampling import Generated, Sampling
from ingrained.errors import ModelError, NotFoundError

PROMPTS = 12
SHARED = 70
"""Well above the length from which a shared beginning is computed once."""


def some_prompts() -> list[list[int]]:
    """Return prompts of many lengths; most begin alike, some with two levels of sharing."""
    draw = random.Random(5)
    common = [draw.randrange(256) for _ in range(SHARED)]
    deeper = common + [draw.randrange(256) for _ in range(SHARED)]
    starts = itertools.cycle([common, deeper, []])
    return [
        start + [draw.randrange(256) for _ in range(draw.randrange(1, 30))]
        for start, _ in zip(starts, range(PROMPTS), strict=False)
    ]


def texts(replies: list[Generated]) -> list[tuple[int, ...]]:
    return [reply.token_ids for reply in replies]


def transformers_says(engine: Engine, prompt: list[int], tokens: int) -> tuple[int, ...]:
    """Return the greedy reply of transformers' own loop."""
    ends = sorted(engine.ends)
    made = engine.model.generate(
        torch.tensor([prompt]), max_new_tokens=tokens, do_sample=False, eos_token_id=ends
    )
    return tuple(token for token in made[0, len(prompt) :].tolist() if token not in ends)


@pytest.fixture
def engine() -> Engine:
    return tiny_engine()


@pytest.mark.parametrize("kind", ["qwen2", "llama"])
def test_a_batch_says_what_transformers_says_for_each_prompt(kind: str) -> None:
    engine = tiny_engine(kind)
    replies = engine.generate(some_prompts(), Sampling(max_tokens=16))
    expected = [transformers_says(engine, prompt, 16) for prompt in some_prompts()]
    assert texts(replies) == expected


def test_a_batch_says_what_each_prompt_says_alone(engine: Engine) -> None:
    together = engine.generate(some_prompts(), Sampling(max_tokens=16))
    alone = [
        tiny_engine().generate([prompt], Sampling(max_tokens=16))[0] for prompt in some_prompts()
    ]
    assert texts(together) == texts(alone)


def test_replies_come_in_the_order_of_the_prompts_and_do_not_depend_on_it(engine: Engine) -> None:
    prompts = some_prompts()
    sampling = Sampling(max_tokens=12, temperature=1.0, seed=3)
    forwards = engine.generate(prompts, sampling)
    backwards = tiny_engine().generate(prompts[::-1], sampling)
    assert texts(forwards) == texts(backwards)[::-1]


def test_a_shared_beginning_is_computed_once(engine: Engine) -> None:
    computed: list[int] = []
    engine.model.get_decoder().register_forward_pre_hook(
        lambda _, __, given: computed.append(given["input_ids"].numel()), with_kwargs=True
    )
    shared = list(range(100))
    prompts = [[*shared, 200 + row, 7] for row in range(5)]
    engine.generate(prompts, Sampling(max_tokens=1))
    # The shared tokens and one more per row, and the step that reads each prompt's last token.
    assert computed == [105, 5]


def test_a_row_that_is_alone_needs_one_pass_for_its_prompt(engine: Engine) -> None:
    computed: list[int] = []
    engine.model.get_decoder().register_forward_pre_hook(
        lambda _, __, given: computed.append(given["input_ids"].numel()), with_kwargs=True
    )
    for prompt in ([*range(100)], [*range(100)], [*range(90), 7, 8]):
        engine.generate([prompt], Sampling(max_tokens=2))
    # What was computed before is not again, but for the last token; then the step of the second one.
    assert computed == [100, 1, 1, 1, 2, 1]


def test_few_slots_do_not_mean_a_pass_for_each_prompt() -> None:
    shared = list(range(100))
    prompts = [[*shared, *range(100 + row, 120 + row), 7] for row in range(12)]
    computed: list[int] = []
    narrow = tiny_engine(max_rows=2)
    narrow.model.get_decoder().register_forward_pre_hook(
        lambda _, __, given: computed.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    few = narrow.generate(prompts, Sampling(max_tokens=4))
    passes = [tokens for tokens in computed if tokens > 1]
    assert sum(passes) == 100 + 12 * 20
    assert len(passes) == 2
    assert texts(few) == texts(tiny_engine().generate(prompts, Sampling(max_tokens=4)))


def test_no_more_is_computed_ahead_than_takes_little_room() -> None:
    prompts = [[row, *(step % 250 for step in range(900)), 7] for row in range(6)]
    narrow = tiny_engine(max_rows=1, cache_bytes=1)
    held: list[int] = []
    narrow.model.register_forward_pre_hook(
        lambda _, __, given: held.append(narrow.cached_bytes), with_kwargs=True
    )
    narrow.generate(prompts, Sampling(max_tokens=1))
    assert max(held) <= 2 * 902 * narrow.shape.bytes_per_token


@pytest.mark.parametrize("max_rows", [2, 64])
def test_samples_of_one_prompt_compute_it_once(max_rows: int) -> None:
    engine = tiny_engine(max_rows=max_rows)
    computed: list[tuple[int, int]] = []
    engine.model.get_decoder().register_forward_pre_hook(
        lambda _, __, given: computed.append(tuple(given["input_ids"].shape)), with_kwargs=True
    )
    short, long = [5, 6, 7], list(range(100))
    replies = engine.generate([long, short] * 5, Sampling(max_tokens=2, temperature=1.0))
    prefilled = sum(tokens for _, tokens in computed if tokens > 1)
    # All but the last token of each prompt, which is the input of the row's first step.
    assert prefilled == 99 + 2
    assert sum(rows for rows, tokens in computed if tokens == 1) == 10 * 2
    assert sorted(reply.cached_tokens for reply in replies) == [0, 0, 2, 2, 2, 2, 99, 99, 99, 99]


def test_cached_tokens_count_what_was_not_computed(engine: Engine) -> None:
    prompts = [[*range(100), 200 + row, 7] for row in range(3)]
    first = engine.generate(prompts, Sampling(max_tokens=1))
    again = engine.generate(prompts, Sampling(max_tokens=1))
    assert sorted(reply.cached_tokens for reply in first) == [0, 100, 100]
    assert [reply.cached_tokens for reply in again] == [101, 101, 101]
    assert [reply.prompt_tokens for reply in again] == [102, 102, 102]


def test_a_later_call_reuses_a_beginning_and_says_the_same(engine: Engine) -> None:
    prompt = [*range(90), 5, 6]
    engine.generate([[*range(90), 1, 2, 3]], Sampling(max_tokens=4))
    warm = engine.generate([prompt], Sampling(max_tokens=12))[0]
    cold = tiny_engine().generate([prompt], Sampling(max_tokens=12))[0]
    assert warm.cached_tokens == 90
    assert warm.token_ids == cold.token_ids


def test_kept_keys_and_values_stay_below_their_limit() -> None:
    engine = tiny_engine(cache_bytes=40_000)
    for start in range(6):
        engine.generate([[(start * 31 + i) % 256 for i in range(80)]], Sampling(max_tokens=1))
    assert 0 < engine.cached_bytes <= 40_000


def test_a_long_prompt_is_computed_in_several_passes() -> None:
    prompt = [random.Random(1).randrange(256) for _ in range(150)]
    pieces = tiny_engine(pass_tokens=16).generate([prompt], Sampling(max_tokens=8))
    whole = tiny_engine().generate([prompt], Sampling(max_tokens=8))
    assert texts(pieces) == texts(whole)


def test_more_prompts_than_rows_take_turns() -> None:
    few = tiny_engine(max_rows=3)
    widths: list[int] = []
    few.model.register_forward_pre_hook(
        lambda _, __, given: widths.append(len(given["input_ids"])), with_kwargs=True
    )
    replies = few.generate(some_prompts(), Sampling(max_tokens=8))
    assert texts(replies) == texts(tiny_engine().generate(some_prompts(), Sampling(max_tokens=8)))
    assert max(widths) == 3


def test_memory_for_rows_bounds_how_many_run_side_by_side() -> None:
    narrow = tiny_engine(slot_bytes=1)
    assert texts(narrow.generate(some_prompts(), Sampling(max_tokens=4))) == texts(
        tiny_engine().generate(some_prompts(), Sampling(max_tokens=4))
    )


def stop_at(engine: Engine, prompt: list[int], place: int) -> str:
    """Return a character of the reply such that nothing before it stops there."""
    text = engine.generate([prompt], Sampling(max_tokens=24))[0].text
    return next(letter for letter in text[place:] if letter not in text[:place])


def test_a_finished_row_leaves_the_batch(engine: Engine) -> None:
    prompts = some_prompts()
    stop = stop_at(engine, prompts[0], 2)
    widths: list[int] = []
    engine.model.register_forward_pre_hook(
        lambda _, __, given: widths.append(len(given["input_ids"])), with_kwargs=True
    )
    replies = engine.generate(prompts, Sampling(max_tokens=24, stop=(stop,)))
    lengths = [reply.completion_tokens for reply in replies]
    assert widths == [sum(length > step for length in lengths) for step in range(max(lengths))]
    assert min(lengths) < max(lengths)


def test_a_stop_text_ends_the_reply_and_is_not_part_of_it(engine: Engine) -> None:
    prompt = some_prompts()[0]
    whole = engine.generate([prompt], Sampling(max_tokens=24))[0]
    stop = whole.text[3:5]
    (cut,) = engine.generate([prompt], Sampling(max_tokens=24, stop=("never said", stop)))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert (whole.finish_reason, cut.finish_reason) == ("length", "stop")
    assert cut.completion_tokens < whole.completion_tokens == 24


def test_the_token_that_ends_a_turn_ends_the_reply() -> None:
    model, tokenizer = tiny_model(), tiny_tokenizer()
    (end,) = tokenizer.encode("<|im_end|>")
    with torch.no_grad():
        model.lm_head.weight[end] = 9 * model.lm_head.weight.abs().sum(0)
        model.model.norm.weight.fill_(1)
    model.model.norm.register_forward_hook(lambda _, __, out: out.abs())
    engine = Engine(model, tokenizer)
    (reply,) = engine.generate([[1, 2, 3]], Sampling(max_tokens=9))
    assert (reply.text, reply.token_ids, reply.completion_tokens) == ("", (), 1)
    assert reply.finish_reason == "stop"


def test_the_same_seed_says_the_same_and_another_something_else(engine: Engine) -> None:
    prompts = some_prompts()

    def said(seed: int) -> list[tuple[int, ...]]:
        return texts(
            engine.generate(prompts, Sampling(max_tokens=8, temperature=1.5, seed=seed, top_p=0.9))
        )

    assert said(1) == said(1)
    assert said(1) != said(2)


def test_equal_prompts_are_sampled_apart(engine: Engine) -> None:
    twins = engine.generate([[1, 2, 3]] * 4, Sampling(max_tokens=12, temperature=2.0))
    assert len(set(texts(twins))) > 1


def test_a_small_top_p_leaves_the_likeliest_token_only(engine: Engine) -> None:
    greedy = engine.generate(some_prompts(), Sampling(max_tokens=8))
    nearly = engine.generate(some_prompts(), Sampling(max_tokens=8, temperature=1.0, top_p=1e-6))
    assert texts(nearly) == texts(greedy)


def test_a_waiting_row_joins_as_soon_as_another_leaves() -> None:
    prompts = some_prompts()
    stop = stop_at(tiny_engine(), prompts[0], 2)
    few = tiny_engine(max_rows=3)
    widths: list[int] = []
    few.model.register_forward_pre_hook(
        lambda _, __, given: widths.append(len(given["input_ids"])), with_kwargs=True
    )
    replies = few.generate(prompts, Sampling(max_tokens=24, stop=(stop,)))
    lengths = [reply.completion_tokens for reply in replies]
    assert len(set(lengths)) > 1
    assert set(widths[: -max(lengths)]) == {3}


@pytest.mark.parametrize("stop", [(), ("e",), ("\u00e9\u00e9\u00e9",)])
def test_streaming_gives_the_text_of_a_batch(engine: Engine, stop: tuple[str, ...]) -> None:
    for prompt in some_prompts():
        sampling = Sampling(max_tokens=20, stop=stop)
        *pieces, last = engine.stream(prompt, sampling)
        (whole,) = engine.generate([prompt], sampling)
        assert "".join(map(str, pieces)) == whole.text
        assert isinstance(last, Generated)
        assert last.token_ids == whole.token_ids


def test_progress_is_told_as_each_row_finishes(engine: Engine) -> None:
    told: list[tuple[int, int]] = []
    engine.generate(
        some_prompts()[:3], Sampling(max_tokens=4), progress=lambda *counts: told.append(counts)
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_an_interrupted_engine_goes_on(engine: Engine) -> None:
    def interrupt(finished: int, asked: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.generate(some_prompts(), Sampling(max_tokens=4), progress=interrupt)
    assert texts(engine.generate(some_prompts(), Sampling(max_tokens=4))) == texts(
        tiny_engine().generate(some_prompts(), Sampling(max_tokens=4))
    )


def test_an_interrupted_prefill_is_made_up_for(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(engine.model.model.layers[1], "forward", interrupt)
        with pytest.raises(KeyboardInterrupt):
            engine.generate(some_prompts(), Sampling(max_tokens=4))
    assert texts(engine.generate(some_prompts(), Sampling(max_tokens=4))) == texts(
        tiny_engine().generate(some_prompts(), Sampling(max_tokens=4))
    )


@pytest.mark.parametrize(
    ("prompt", "problem"), [([], "empty"), ([1] * 1020, "1020 tokens and a reply of up to 8")]
)
def test_a_prompt_that_cannot_be_run_is_refused(
    engine: Engine, prompt: list[int], problem: str
) -> None:
    with pytest.raises(ModelError, match=problem):
        engine.generate([[1], prompt], Sampling(max_tokens=8))


def test_a_closed_engine_says_so(engine: Engine) -> None:
    engine.generate([[1, 2, 3]], Sampling(max_tokens=1))
    engine.close()
    assert engine.cached_bytes == 0
    with pytest.raises(ModelError, match="closed"):
        engine.generate([[1]], Sampling())


@pytest.mark.parametrize(
    "wrong", [{"max_tokens": 0}, {"temperature": -1.0}, {"top_p": 0.0}, {"stop": ("",)}]
)
def test_sampling_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sampling(**wrong)


def test_a_model_folder_is_loaded_in_the_fastest_type(tmp_path: Path) -> None:
    tiny_model().save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    engine = Engine.load(tmp_path, dtype=torch.float32)
    prompts = some_prompts()[:2]
    assert texts(engine.generate(prompts, Sampling(max_tokens=8))) == texts(
        tiny_engine().generate(prompts, Sampling(max_tokens=8))
    )
    assert Engine.load(tmp_path).shape.dtype in (torch.bfloat16, torch.float32)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="No model can be read"):
        Engine.load(tmp_path)


class TestAdapters:
    @pytest.fixture
    def say(self, tmp_path: Path) -> Callable[[str | None], list[tuple[int, ...]]]:
        engine = tiny_engine()
        engine.load_adapter("v001", write_adapter(tmp_path / "one", 1))
        engine.load_adapter("v002", write_adapter(tmp_path / "two", 2))

        def say(name: str | None) -> list[tuple[int, ...]]:
            engine.use(name)
            return texts(engine.generate(some_prompts(), Sampling(max_tokens=10)))

        return say

    def test_off_is_the_base_exactly(self, say: Callable[..., list[tuple[int, ...]]]) -> None:
        base = texts(tiny_engine().generate(some_prompts(), Sampling(max_tokens=10)))
        assert say(None) == base
        assert say("v001") != base
        assert say(None) == base

    def test_none_reads_what_another_computed(
        self, say: Callable[..., list[tuple[int, ...]]], tmp_path: Path
    ) -> None:
        first, second, first_again = say("v001"), say("v002"), say("v001")
        assert first == first_again != second
        for name, expected in (("one", first), ("two", second)):
            fresh = tiny_engine()
            fresh.load_adapter("only", tmp_path / name)
            fresh.use("only")
            assert texts(fresh.generate(some_prompts(), Sampling(max_tokens=10))) == expected

    def test_a_name_loaded_again_means_the_new_weights(self, tmp_path: Path) -> None:
        engine = tiny_engine()
        for seed in (1, 2):
            engine.load_adapter("v001", write_adapter(tmp_path / str(seed), seed))
            engine.use("v001")
            again = texts(engine.generate(some_prompts(), Sampling(max_tokens=10)))
        fresh = tiny_engine()
        fresh.load_adapter("v001", tmp_path / "2")
        fresh.use("v001")
        assert again == texts(fresh.generate(some_prompts(), Sampling(max_tokens=10)))

    def test_unloading_goes_back_to_the_base(self, tmp_path: Path) -> None:
        engine = tiny_engine()
        base = texts(engine.generate(some_prompts(), Sampling(max_tokens=10)))
        engine.load_adapter("v001", write_adapter(tmp_path, 1))
        engine.use("v001")
        engine.unload("v001")
        assert engine.adapters.names == ()
        assert texts(engine.generate(some_prompts(), Sampling(max_tokens=10))) == base
        with pytest.raises(NotFoundError, match="v001"):
            engine.use("v001")

    def test_pickled_weights_are_refused(self, tmp_path: Path) -> None:
        write_adapter(tmp_path, 1)
        (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
        with pytest.raises(ModelError, match="no adapter_model"):
            tiny_engine().load_adapter("v001", tmp_path)

    def test_other_kinds_of_adapter_are_refused(self, tmp_path: Path) -> None:
        write_adapter(tmp_path, 1)
        config = tmp_path / "adapter_config.json"
        config.write_text(config.read_text().replace('"use_dora": false', '"use_dora": true'))
        with pytest.raises(ModelError, match="not a plain LoRA"):
            tiny_engine().load_adapter("v001", tmp_path)

    def test_an_adapter_of_another_base_is_refused(self, tmp_path: Path) -> None:
        write_adapter(tmp_path, 1)
        config = tmp_path / "adapter_config.json"
        config.write_text(config.read_text().replace('"r": 4', '"r": 8'))
        with pytest.raises(ModelError, match="does not fit"):
            tiny_engine().load_adapter("v001", tmp_path)
