"""The divergence from a teacher of which the likeliest tokens are kept."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ingrained.trainer.divergence import Teacher


def log_probabilities(seed: int, *, places: int = 3, words: int = 20) -> torch.Tensor:
    draws = torch.Generator().manual_seed(seed)
    return (3 * torch.randn(places, words, generator=draws)).log_softmax(-1)


@given(seeds=st.tuples(st.integers(0, 999), st.integers(0, 999)), k=st.integers(1, 20))
def test_it_is_never_below_zero_and_never_above_that_of_the_whole_vocabulary(
    seeds: tuple[int, int], k: int
) -> None:
    teacher, student = map(log_probabilities, seeds)
    whole = (teacher.exp() * (teacher - student)).sum(-1)
    kept = Teacher.of(teacher, k).divergence(student)
    assert (kept >= -1e-5).all()
    assert (kept <= whole + 1e-4).all()


def test_with_all_tokens_kept_it_is_that_of_the_whole_vocabulary() -> None:
    teacher, student = log_probabilities(0), log_probabilities(1)
    whole = (teacher.exp() * (teacher - student)).sum(-1)
    told = Teacher.of(teacher, 20).divergence(student).tolist()
    assert told == pytest.approx(whole.tolist(), rel=1e-3, abs=1e-4)


def test_a_student_that_agrees_is_at_zero() -> None:
    same = log_probabilities(5)
    assert Teacher.of(same, 4).divergence(same).abs().max() < 1e-5


def test_it_pulls_the_student_towards_the_teacher() -> None:
    teacher = Teacher.of(log_probabilities(0), 8)
    logits = torch.zeros(3, 20, requires_grad=True)
    optimizer = torch.optim.SGD([logits], lr=2.0)
    values = []
    for _ in range(50):
        loss = teacher.divergence(logits.log_softmax(-1)).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        values.append(loss.item())
    assert values[-1] < 0.1 * values[0]
