"""Intervals and paired tests, against values known from elsewhere."""

from __future__ import annotations

import random
import tracemalloc

import pytest
from scipy.stats import binomtest, permutation_test

from ingrained.agent.bench import statistics
from ingrained.agent.bench.statistics import (
    GAP,
    SHARE,
    holm,
    interval,
    kappa,
    mcnemar,
    sign_flip,
)


def test_an_interval_has_the_mean_in_it_and_is_the_same_every_time() -> None:
    values = [[1.0, 0.0, 1.0, 1.0]]
    got = interval(values, ["a", "b", "c", "d"])
    assert got.value == 0.75
    assert got.n == 4
    assert got.low < 0.75 < got.high
    assert interval(values, ["a", "b", "c", "d"]) == got


def test_questions_of_one_document_count_as_little_more_than_one() -> None:
    """Eight documents of ten questions, right or wrong as a whole, are eight observations."""
    values = [[float(document % 2) for document in range(8) for _ in range(10)]]
    clustered = interval(values, [f"d{n // 10}" for n in range(80)])
    alone = interval(values, [""] * 80)
    assert clustered.high - clustered.low > 2 * (alone.high - alone.low)


def test_the_cluster_bootstrap_is_that_of_field_and_welsh() -> None:
    """Of documents of unequal size, whole ones are drawn, with all their questions."""
    sizes, rng = [1, 5, 9, 2, 3], random.Random(1)
    by_document = [[float(rng.random() < 0.5) for _ in range(size)] for size in sizes]
    means = []
    for _ in range(20000):
        drawn = [value for part in rng.choices(by_document, k=5) for value in part]
        means.append(sum(drawn) / len(drawn))
    means.sort()
    got = interval(
        [[v for part in by_document for v in part]],
        [f"d{n}" for n, size in enumerate(sizes) for _ in range(size)],
    )
    assert got.low == pytest.approx(means[500], abs=0.03)
    assert got.high == pytest.approx(means[19499], abs=0.03)


def test_questions_on_one_document_only_are_resampled_one_by_one() -> None:
    got = interval([[1.0, 0.0] * 20], ["only"] * 40)
    assert 0.3 < got.low < 0.5 < got.high < 0.7


def test_seeds_that_differ_widen_the_interval() -> None:
    items = ["a", "b", "c", "d"]
    even = interval([[0.5] * 4] * 3, items)
    uneven = interval([[0.2] * 4, [0.5] * 4, [0.8] * 4], items)
    assert (even.low, even.high) == (pytest.approx(0.5), pytest.approx(0.5))
    assert uneven.value == pytest.approx(0.5)
    assert uneven.low == pytest.approx(0.2)
    assert uneven.high == pytest.approx(0.8)


@pytest.mark.parametrize("documents", [1, 5, 20, 200])
def test_all_right_and_all_wrong_have_wilsons_interval_over_documents(documents: int) -> None:
    clusters = [f"d{n}" for n in range(documents) for _ in range(3 if documents > 1 else 1)]
    right = interval([[1.0] * len(clusters)] * 2, clusters, within=SHARE)
    known = binomtest(documents, documents).proportion_ci(method="wilson")
    assert (right.value, right.low, right.high) == (1, pytest.approx(known.low), 1)
    wrong = interval([[0.0] * len(clusters)], clusters, within=SHARE)
    assert (wrong.low, wrong.high) == (0, pytest.approx(1 - known.low))


def test_where_nothing_differs_the_difference_has_a_width_to_both_sides() -> None:
    gap = interval([[0.0] * 16], [""] * 16, within=GAP)
    assert gap.low == -gap.high
    assert gap.high == pytest.approx(binomtest(0, 16).proportion_ci(method="wilson").high)
    won = interval([[1.0] * 16], [""] * 16, within=GAP)
    assert (won.high, won.low) == (1, pytest.approx(1 - 2 * gap.high))


def test_an_interval_that_resampling_gives_is_left_alone() -> None:
    values, clusters = [[1.0, 0.0, 1.0, 1.0]], ["a", "b", "c", "d"]
    assert interval(values, clusters, within=SHARE) == interval(values, clusters)


def test_without_questions_there_is_no_interval() -> None:
    assert interval([], []).n == 0
    assert interval([[]], []).n == 0


def test_mcnemar_is_the_binomial_test_on_the_questions_that_differ() -> None:
    first = [True] * 9 + [False] * 1 + [True] * 5
    other = [False] * 9 + [True] * 1 + [True] * 5
    assert mcnemar(first, other) == pytest.approx(22 / 1024)
    assert mcnemar(first, other) == pytest.approx(binomtest(9, 10).pvalue)
    assert mcnemar(other, first) == mcnemar(first, other)
    assert mcnemar([True, False], [True, False]) == 1.0


def test_the_permutation_test_tries_all_swaps_of_few_documents() -> None:
    first, other = [0.9, 0.8, 0.7, 0.9], [0.1, 0.2, 0.3, 0.1]
    assert sign_flip(first, other, ["a", "b", "c", "d"]) == pytest.approx(2 / 16)
    assert sign_flip(first, other, ["a", "a", "b", "b"]) == pytest.approx(2 / 4)


def test_the_permutation_test_agrees_with_scipy_on_single_questions() -> None:
    rng = random.Random(3)
    first = [rng.random() for _ in range(9)]
    other = [rng.random() * 0.6 for _ in range(9)]
    known = permutation_test(
        (first, other),
        lambda a, b: sum(a) - sum(b),
        permutation_type="samples",
        vectorized=False,
    )
    assert sign_flip(first, other, [""] * 9) == pytest.approx(known.pvalue)


def test_the_permutation_test_draws_swaps_of_many_documents() -> None:
    rng = random.Random(5)
    first = [rng.random() for _ in range(60)]
    other = [value + rng.gauss(-0.06, 0.3) for value in first]
    known = flipped_one_by_one(first, other)
    assert sign_flip(first, other, [""] * 60) == pytest.approx(known, abs=0.02)
    assert sign_flip(first, [value - 1 for value in first], [""] * 60) == pytest.approx(2 / 10000)


def flipped_one_by_one(first: list[float], other: list[float]) -> float:
    """The two-sided p-value of random sign flips, one by one."""
    rng, gaps = random.Random(7), [a - b for a, b in zip(first, other, strict=True)]
    seen = abs(sum(gaps))
    flipped = (sum(rng.choice((gap, -gap)) for gap in gaps) for _ in range(4000))
    return sum(abs(total) >= seen for total in flipped) / 4000


@pytest.mark.parametrize("documents", [500, 4000])
def test_the_swaps_that_are_held_at_once_are_bounded(
    monkeypatch: pytest.MonkeyPatch, documents: int
) -> None:
    monkeypatch.setattr(statistics, "PERMUTATIONS", 2000)
    monkeypatch.setattr(statistics, "SWAP_BYTES", 2**20)
    first, other = [1.0, 0.0] * (documents // 2), [0.0, 1.0] * (documents // 2)
    sign_flip(first[:20], other[:20], [""] * 20)
    tracemalloc.start()
    value = sign_flip(first, other, [""] * documents)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert value > 0.9
    assert peak < 2 * 2**20


def test_holm_multiplies_the_smallest_most_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_kappa_is_agreement_beyond_chance() -> None:
    """Cohen's own kind of table: 20 yes-yes, 15 no-no, 5 and 10 apart."""
    first = [True] * 25 + [False] * 25
    other = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    assert kappa(first, other) == pytest.approx(0.4)
    assert kappa([True, False], [True, False]) == 1.0
    assert kappa([True], [True]) is None
    assert kappa([], []) is None
