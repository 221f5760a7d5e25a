"""The scripted model that users test their own graphs with."""

from __future__ import annotations

import time

from langchain_core.runnables import RunnableConfig

from ingrained.agent.testing import ScriptedModel


def slow_at_first(prompt: str) -> str:
    if prompt == "one":
        time.sleep(0.05)
    return prompt.upper()


def test_a_batch_is_answered_in_the_order_of_the_prompts() -> None:
    model = ScriptedModel(script=slow_at_first)
    many_at_once = RunnableConfig(max_concurrency=3)
    replies = model.batch(["one", "two", "three"], many_at_once)
    assert [reply.content for reply in replies] == ["ONE", "TWO", "THREE"]
    assert model.asked == ["one", "two", "three"]


def test_options_bound_to_the_model_reach_each_prompt_of_a_batch() -> None:
    model = ScriptedModel(script=str.upper)
    model.bind(max_tokens=3).batch(["one", "two"])
    assert model.options == [{"max_tokens": 3}, {"max_tokens": 3}]
