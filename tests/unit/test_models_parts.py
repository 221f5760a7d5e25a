"""The parts of the engine by themselves: prefix tree, passes, text, choices, packed weights."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
import torch
from models_tiny import tiny_engine, tiny_model, tiny_tokenizer, write_adapter
from torch import nn

from ingrained.agent.models.choosing import choose, row_seeds
from ingrained.agent.models.engine import Engine
from ingrained.agent.models.limits import MAX_INTEGER, MAX_ITEMS, MAX_STRING, bounded
from ingrained.agent.models.packing import PackedLinear, free, pack
from ingrained.agent.models.prefill import _groups, _missing
from ingrained.agent.models.prefixes import MIN_SHARED, Node, PrefixCache
from ingrained.agent.models.sampling import Sampling
from ingrained.agent.models.text import ReplyText

LONG = 10_000
START = list(range(MIN_SHARED))


def filled(cache: PrefixCache, *prompts: list[int], adapter: str | None = None) -> list[Node]:
    """Insert prompts and pretend to compute them: the keys are the tokens themselves."""
    ends = [end for end in cache.insert(adapter, prompts) if end is not None]
    for end in ends:
        for node in end.path():
            node.kv = torch.tensor(node.tokens).view(1, 1, 1, -1, 1)
    return ends


def held(end: Node) -> list[int]:
    return [int(key) for node in end.path() if node.kv is not None for key in node.kv.flatten()]


class TestPrefixes:
    def test_a_shared_beginning_is_one_node(self) -> None:
        cache = PrefixCache(LONG, LONG)
        one, two = cache.insert(None, [[*START, 1], [*START, 2]])
        assert one is not None
        assert two is not None
        assert one.path()[0] is two.path()[0]
        assert [len(node.tokens) for node in two.path()] == [MIN_SHARED, 1]

    def test_a_short_shared_beginning_is_not_worth_a_node(self) -> None:
        one, two = PrefixCache(LONG, LONG).insert(None, [[*START[1:], 98], [*START[1:], 99]])
        assert one is not None
        assert two is not None
        assert len(one.path()) == len(two.path()) == 1

    def test_splitting_keeps_what_was_computed(self) -> None:
        cache = PrefixCache(LONG, LONG)
        (whole,) = filled(cache, [*START, 7, 8, 9])
        (branch,) = cache.insert(None, [[*START, 7, 1]])
        assert held(whole) == [*START, 7, 8, 9]
        assert branch is not None
        assert held(branch) == [*START, 7]

    def test_a_prompt_that_ends_within_another_and_one_that_goes_on(self) -> None:
        cache = PrefixCache(LONG, LONG)
        filled(cache, [*START, *START])
        inner, same, longer = cache.insert(None, [START, START * 2, [*START * 2, 5]])
        assert inner is not None
        assert longer is not None
        assert held(inner) == START
        assert longer.parent is same
        assert held(longer) == START * 2

    def test_nothing_is_at_the_root(self) -> None:
        assert PrefixCache(LONG, LONG).insert(None, [[]]) == [None]

    def test_a_long_stretch_becomes_a_chain(self) -> None:
        (end,) = PrefixCache(LONG, 40).insert(None, [list(range(100))])
        assert end is not None
        assert [len(node.tokens) for node in end.path()] == [40, 40, 20]

    def test_adapters_share_nothing(self) -> None:
        cache = PrefixCache(LONG, LONG)
        filled(cache, START, adapter="v001")
        (base,) = cache.insert(None, [START])
        assert base is not None
        assert held(base) == []

    def test_a_forgotten_adapter_starts_anew(self) -> None:
        cache = PrefixCache(LONG, LONG)
        filled(cache, START, adapter="v001")
        cache.forget("v001")
        assert cache.size == 0

    def test_the_least_recently_used_goes_first_and_ends_before_beginnings(self) -> None:
        old, used, new = ([*START, *[start] * 8] for start in (100, 101, 102))
        cache = PrefixCache(8 * (MIN_SHARED + 16), LONG)
        filled(cache, old)
        filled(cache, used)
        filled(cache, new)
        filled(cache, used)
        cache.trim()
        assert cache.size == 8 * (MIN_SHARED + 16)
        kept = [held(end) for end in cache.insert(None, [old, used, new]) if end is not None]
        assert kept == [START, used, new]

    def test_trimming_to_nothing_leaves_nothing(self) -> None:
        cache = PrefixCache(0, 40)
        filled(cache, list(range(100)), [*START, 1])
        cache.trim()
        assert cache.size == 0


class TestPasses:
    def test_a_node_comes_after_those_above_it_and_once(self) -> None:
        start = tuple(range(MIN_SHARED))
        ends = PrefixCache(LONG, LONG).insert(None, [[*start, 1], [*start, 2], [200]])
        assert [node.tokens for node in _missing(ends)] == [start, (1,), (2,), (200,)]

    def test_what_is_computed_needs_no_pass(self) -> None:
        cache = PrefixCache(LONG, LONG)
        assert _missing(filled(cache, [1, 2, 3])) == []

    def test_a_pass_is_bounded_in_tokens(self) -> None:
        nodes = [Node(tuple(range(size)), None) for size in (5, 4, 3, 20, 1)]
        sizes = [[len(node.tokens) for node in group] for group in _groups(nodes, 10, LONG)]
        assert sizes == [[5, 4], [3], [20], [1]]

    def test_a_pass_is_bounded_in_what_it_compares_in_vain(self) -> None:
        above = [Node(tuple(range(1500)), None) for _ in range(2)]
        nodes = [Node((1, 2), above[row // 2]) for row in range(4)]
        assert [len(group) for group in _groups(nodes, 100, LONG)] == [4]
        assert [len(group) for group in _groups(nodes, 100, 5000)] == [2, 2]
        assert [len(group) for group in _groups(nodes, 100, 0)] == [1, 1, 1, 1]


class TestText:
    def test_characters_come_whole(self) -> None:
        tokenizer = tiny_tokenizer()
        text = ReplyText(tokenizer.backend_tokenizer)
        pieces = []
        for token in tokenizer.encode("a\u00e9\u20ac!", add_special_tokens=False):
            text.add(token)
            pieces.append(text.take())
        assert [piece for piece in pieces if piece] == ["a", "\u00e9", "\u20ac", "!"]

    def test_half_a_character_at_the_end_is_shown_as_such(self) -> None:
        tokenizer = tiny_tokenizer()
        text = ReplyText(tokenizer.backend_tokenizer)
        for token in tokenizer.encode("a\u20ac", add_special_tokens=False)[:-1]:
            text.add(token)
        assert text.take() == "a"
        assert text.finish().startswith("a\ufffd")
        assert text.rest() == text.finish()[1:]

    def test_the_beginning_of_a_stop_text_is_held_back(self) -> None:
        tokenizer = tiny_tokenizer()
        text = ReplyText(tokenizer.backend_tokenizer, ["END"])
        shown = []
        for letter in "xENyEND":
            text.add(tokenizer.encode(letter, add_special_tokens=False)[0])
            shown.append(text.take())
        assert shown == ["x", "", "", "ENy", "", "", ""]
        assert text.stopped
        assert text.finish() == "xENy"

    def test_the_first_of_several_stop_texts_counts(self) -> None:
        tokenizer = tiny_tokenizer()
        text = ReplyText(tokenizer.backend_tokenizer, ["late", "a"])
        for token in tokenizer.encode("bla", add_special_tokens=False):
            text.add(token)
        assert text.finish() == "bl"


class TestChoices:
    def test_the_likeliest_token_is_taken_and_the_first_of_equals(self) -> None:
        scores = torch.tensor([[0.0, 3.0, 3.0], [9.0, 1.0, 2.0]])
        assert choose(scores, Sampling(), []) == [1, 0]

    @pytest.mark.parametrize(
        ("top_p", "possible"), [(1.0, {0, 1, 2, 3}), (0.9, {1, 2, 3}), (0.5, {3})]
    )
    def test_top_p_cuts_the_tail(self, top_p: float, possible: set[int]) -> None:
        scores = torch.tensor([0.05, 0.15, 0.2, 0.6]).log().repeat(200, 1)
        draws = [random.Random(row) for row in range(200)]
        assert set(choose(scores, Sampling(temperature=1.0, top_p=top_p), draws)) == possible

    def test_tokens_come_as_often_as_they_are_likely(self) -> None:
        scores = torch.tensor([0.25, 0.75]).log().repeat(2000, 1)
        draws = [random.Random(row) for row in range(2000)]
        chosen = choose(scores, Sampling(temperature=1.0), draws)
        assert sum(chosen) / 2000 == pytest.approx(0.75, abs=0.03)

    def test_a_flat_distribution_over_many_tokens_reaches_them_all(self) -> None:
        scores = torch.zeros(300, 5000)
        draws = [random.Random(row) for row in range(300)]
        chosen = choose(scores, Sampling(temperature=1.0, top_p=0.99), draws)
        assert len({token // 1000 for token in chosen}) == 5

    def test_a_rows_seed_follows_its_prompt(self) -> None:
        assert row_seeds([[1], [2]], 0) == row_seeds([[2], [1]], 0)[::-1]
        assert len(set(row_seeds([[1], [1], [2]], 0) + row_seeds([[1]], 1))) == 4


PACKABLE = [torch.float32, torch.bfloat16]
if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
    PACKABLE.remove(torch.bfloat16)


class TestPacked:
    @pytest.mark.parametrize("dtype", PACKABLE)
    @pytest.mark.parametrize("rows", [1, 5, 16, 130])
    @pytest.mark.parametrize("bias", [True, False])
    def test_a_packed_layer_says_what_the_layer_says(
        self, rows: int, bias: bool, dtype: torch.dtype
    ) -> None:
        layer = nn.Linear(96, 64, bias=bias, dtype=dtype)
        given = torch.randn(2, rows, 96, dtype=dtype)
        near = 0.02 if dtype == torch.bfloat16 else 1e-5
        with torch.no_grad():
            assert torch.allclose(PackedLinear(layer)(given), layer(given), rtol=near, atol=near)

    @pytest.mark.parametrize("dtype", PACKABLE)
    def test_it_takes_no_second_copy(self, dtype: torch.dtype) -> None:
        packed = PackedLinear(nn.Linear(96, 64, dtype=dtype))
        assert packed.weight.shape == (64, 96)
        assert packed.weight.untyped_storage().nbytes() == dtype.itemsize

    @pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
    def test_a_model_is_packed_where_the_processor_gains(self, dtype: torch.dtype) -> None:
        model = tiny_model().to(dtype)
        pack(model)
        packed = [module for module in model.modules() if isinstance(module, PackedLinear)]
        assert bool(packed) == (dtype in PACKABLE)

    def test_a_freed_model_holds_nothing(self) -> None:
        model = tiny_model().to(torch.bfloat16)
        pack(model)
        free(model)
        assert all(weight.is_meta for weight in model.parameters())

    def test_a_bfloat16_engine_runs_with_and_without_an_adapter(self, tmp_path: Path) -> None:
        engine = Engine(tiny_model().to(torch.bfloat16), tiny_tokenizer())
        prompts = [[*range(60), row] for row in range(3)]
        base = engine.generate(prompts, Sampling(max_tokens=12))
        engine.load_adapter("v001", write_adapter(tmp_path, 1))
        assert engine.generate(prompts, Sampling(max_tokens=12)) != []
        engine.use("v001")
        adapted = engine.generate(prompts, Sampling(max_tokens=12))
        engine.use(None)
        again = engine.generate(prompts, Sampling(max_tokens=12))
        assert [reply.token_ids for reply in again] == [reply.token_ids for reply in base]
        assert [reply.token_ids for reply in adapted] != [reply.token_ids for reply in base]


class TestBounds:
    def test_open_lengths_get_limits(self) -> None:
        schema = {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "short": {"type": "string", "maxLength": 3},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "all": {"type": "array", "items": {"type": "integer"}},
            },
        }
        limited = bounded(schema)["properties"]
        assert limited["name"]["maxLength"] == MAX_STRING
        assert limited["short"]["maxLength"] == 3
        assert "maxLength" not in limited["kind"]
        assert limited["all"]["maxItems"] == MAX_ITEMS
        assert limited["all"]["items"]["maximum"] == MAX_INTEGER

    def test_limits_never_contradict_those_given(self) -> None:
        assert bounded({"type": "integer", "minimum": 10**12})["maximum"] >= 10**12
        assert bounded({"type": "array", "minItems": 50})["maxItems"] == 50
        assert bounded({"type": "string", "minLength": 500})["maxLength"] == 500

    def test_a_recursive_schema_is_bounded_once(self) -> None:
        node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
        assert bounded({"$defs": {"node": node}, "$ref": "#/$defs/node"})["$defs"]["node"] == node


def test_the_tiny_engine_is_what_the_other_tests_think() -> None:
    assert tiny_engine().shape.bytes_per_token == 2 * 2 * 2 * 8 * 4
