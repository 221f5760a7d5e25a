"""Test doubles for the model, shipped so that users can test their own graphs offline."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field

Script = Callable[[str], str] | Mapping[str, str]


class ScriptedModel(BaseChatModel):
    """A chat model that answers from a script and records what it was asked.

    The script is a function of the whole prompt text, or a mapping from a substring of the prompt
    to the reply (first match wins; no match answers "I don't know.").
    """

    script: Any
    asked: list[str] = Field(default_factory=list)
    options: list[dict[str, Any]] = Field(default_factory=list)
    model_name: str = "scripted"

    @property
    def _llm_type(self) -> str:
        return "scripted"

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
        used = len(prompt.split()), len(reply.split())
        message = AIMessage(
            content=reply,
            usage_metadata={
                "input_tokens": used[0], "output_tokens": used[1], "total_tokens": sum(used),
            },
        )  # fmt: skip
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _reply(self, prompt: str) -> str:
        if callable(self.script):
            return str(self.script(prompt))
        found = (reply for part, reply in self.script.items() if part in prompt)
        return next(found, "I don't know.")
