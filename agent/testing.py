"""Test doubles for the model, shipped so that users can test their own graphs offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables.config import RunnableConfig, get_config_list
from pydantic import Field

Reply = str | AIMessage
Script = Callable[[str], Reply] | Mapping[str, Reply]


class ScriptedModel(BaseChatModel):
    """A chat model that answers from a script and records what it was asked.

    The script is a function of the whole prompt text, or a mapping from a substring of the prompt
    to the reply (first match wins; no match answers "I don't know."). A reply that is an `AIMessage`
    can call tools. A batch is answered one prompt after the other, so that `asked` is in the order of
    the prompts.
    """

    script: Any
    asked: list[str] = Field(default_factory=list)
    options: list[dict[str, Any]] = Field(default_factory=list)
    model_name: str = "scripted"

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **_options: Any) -> Self:  # noqa: ARG002 likewise
        """Return this model: which tools are called is up to the script."""
        return self

    def batch(
        self,
        inputs: list[LanguageModelInput],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        **kwargs: Any,
    ) -> list[AIMessage]:
        """Answer each of `inputs` in turn, whatever `max_concurrency` the config allows."""
        in_turn: list[RunnableConfig] = [
            {**one, "max_concurrency": 1} for one in get_config_list(config, len(inputs))
        ]
        return super().batch(inputs, in_turn, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,  # noqa: ARG002 the base class names it
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 likewise
        **kwargs: Any,
    ) -> ChatResult:
        prompt = "\n".join(str(message.content) for message in messages)
        self.asked.append(prompt)
        self.options.append(kwargs)
        reply = self._reply(prompt)
        used = len(prompt.split()), len(reply.text.split())
        usage = {"input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used)}
        message = reply.model_copy(update={"usage_metadata": usage})
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _reply(self, prompt: str) -> AIMessage:
        if callable(self.script):
            said = self.script(prompt)
        else:
            found = (reply for part, reply in self.script.items() if part in prompt)
            said = next(found, "I don't know.")
        return said if isinstance(said, AIMessage) else AIMessage(str(said))
