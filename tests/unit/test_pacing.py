"""Calls to a server: how many at a time, in which order they come back, what is tried again."""

from __future__ import annotations

import asyncio
import threading

import pytest

from ingrained.agent.models.pacing import Tries, Window, in_turn, run_here


class BusyError(Exception):
    pass


def tries(window: Window, most: int = 3) -> Tries:
    return Tries(
        window, most=most, wait=0.001,
        overload=(BusyError,), again=(BusyError,),
    )  # fmt: skip


def test_a_window_opens_by_one_for_each_success_until_the_first_overload():
    window = Window(most=100, start=4)
    for _ in range(4):
        window.succeeded()
    assert window.size == 8


def test_an_overload_halves_it_and_from_there_it_opens_by_one_a_round():
    window = Window(most=100, start=8)
    window.overloaded(window.begin())
    assert window.size == 4
    for _ in range(5):  # a little more than one round of four
        window.succeeded()
    assert window.size == 5


def test_calls_that_were_under_way_together_halve_it_once():
    window = Window(most=100, start=16)
    numbers = [window.begin() for _ in range(16)]
    for number in numbers:
        window.overloaded(number)
    assert window.size == 8
    window.overloaded(window.begin())
    assert window.size == 4


def test_a_window_never_closes_and_never_opens_beyond_its_most():
    window = Window(most=5, start=4)
    for _ in range(10):
        window.succeeded()
    assert window.size == 5
    for _ in range(10):
        window.overloaded(window.begin())
    assert window.size == 1


def test_results_are_in_the_order_asked_whatever_ends_first():
    async def call(number: int) -> int:
        await asyncio.sleep(0.01 * (5 - number))
        return number

    calls = [lambda n=n: call(n) for n in range(5)]
    assert run_here(in_turn(calls, Window(most=5, start=5))) == [0, 1, 2, 3, 4]


def test_no_more_are_under_way_than_the_server_bears():
    under_way, most = 0, 0

    async def call() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    window = Window(most=6)
    made = [lambda: tries(window).make(call)] * 50
    run_here(in_turn(made, window))
    assert most == 6


def test_what_may_help_is_tried_again_and_nothing_else():
    tried = []

    async def call() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise BusyError
        return "said"

    async def wrong() -> str:
        tried.append(1)
        raise ValueError("no")

    assert run_here(tries(Window(most=4)).make(call)) == "said"
    assert len(tried) == 3
    with pytest.raises(ValueError, match="no"):
        run_here(tries(Window(most=4)).make(wrong))
    assert len(tried) == 4


def test_an_error_cancels_what_is_under_way():
    cancelled = []

    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    async def wrong() -> None:
        await asyncio.sleep(0.01)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_here(in_turn([slow, slow, wrong], Window(most=4)))
    assert len(cancelled) == 2


def test_it_runs_inside_a_loop_too_and_leaves_no_thread_behind():
    async def notebook() -> list[int]:
        async def one() -> int:
            return 1

        return run_here(in_turn([one, one], Window(most=2)))

    before = threading.active_count()
    assert asyncio.run(notebook()) == [1, 1]
    assert threading.active_count() == before
