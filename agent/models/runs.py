"""Tells LangChain's callbacks of the rows of a batch that a model replies to as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from langchain_core.callbacks import CallbackManager, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig

from ingrained.errors import ModelError


def start_runs(
    model: BaseChatModel,
    prompts: Sequence[list[BaseMessage]],
    configs: Sequence[RunnableConfig],
    options: Mapping[str, Any],
) -> list[CallbackManagerForLLMRun]:
    """Tell each row's callbacks that it begins."""
    runs = []
    for messages, config in zip(prompts, configs, strict=True):
        manager = CallbackManager.configure(
            config.get("callbacks"),
            model.callbacks,
            model.verbose,
            config.get("tags"),
            model.tags,
            config.get("metadata"),
            model.metadata,
        )
        runs += manager.on_chat_model_start(
            model._serialized,
            [messages],
            invocation_params={**model._identifying_params, **options},
            name=config.get("run_name"),
            run_id=config.get("run_id"),
        )
    return runs


@contextmanager
def failing_together(runs: Sequence[CallbackManagerForLLMRun]) -> Iterator[None]:
    """Tell all rows' callbacks of what ends the block, and raise it."""
    try:
        yield
    except BaseException as error:
        for run in runs:
            run.on_llm_error(error)
        raise


def getting_on(runs: Sequence[CallbackManagerForLLMRun]) -> None:
    """Tell the callbacks that one more row has its reply: which one, and what it is, follows at the end.

    Who waits for signs of life, as LangGraph's idle time-outs do, hears them within a batch.
    """
    for run in runs[:1]:
        run.on_text("")


def end_run(run: CallbackManagerForLLMRun, reply: AIMessage | ModelError) -> AIMessage:
    """Tell a row's callbacks how it ended; LangChain's types hide that errors are returned."""
    if isinstance(reply, ModelError):
        run.on_llm_error(reply)
        return cast(AIMessage, reply)
    run.on_llm_end(LLMResult(generations=[[ChatGeneration(message=reply)]]))
    return reply
