"""From LangChain messages to what a vLLM server puts into the model's chat template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage

from ingrained.errors import ModelError

from .vllm_server import VllmServer

_SPECIAL = re.compile(
    r"<[|\uff5c][^<>|\uff5c]{1,40}[|\uff5c]>|</?(?:s|bos|eos|pad|unk|\w+_of_turn)>|\[/?INST\]|<</?SYS>>"
)
"""What special tokens look like in the templates of most models; a server does not tell its own."""


class Turns:
    """Makes of a conversation what `ChatTemplate` would, as far as the server lets it.

    A message's text is data: where it spells out what looks like a special token, a space is put
    after the first character, so it cannot end the turn.

    Args:
        server: Asked what its template does.
        system: The system message for conversations that bring none, where the template would put
            in its own; None leaves it to the template.
        options: For the template.
    """

    def __init__(self, server: VllmServer, system: str | None, options: dict[str, Any]) -> None:
        self._server = server
        self._system = system
        self._options = options

    def disarmed(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Return the messages to send.

        Raises:
            ModelError: there is none, or the server is not there.
        """
        if not messages:
            raise ModelError("There is no message.", hint="Give at least one.")
        turns = [_disarmed(each) for each in messages]
        if messages[0].type != "system" and self._added is not None:
            turns.insert(0, SystemMessage(self._added))
        return turns

    def fields(self, messages: Sequence[BaseMessage]) -> dict[str, Any]:
        """Return what is to be said to the server about the template.

        A last message by the assistant is taken as the beginning of the reply and continued.
        """
        continued = messages[-1].type == "ai" and not getattr(messages[-1], "tool_calls", None)
        fields: dict[str, Any] = (
            {"add_generation_prompt": False, "continue_final_message": True} if continued else {}
        )
        return fields | ({"chat_template_kwargs": self._options} if self._options else {})

    @cached_property
    def _added(self) -> str | None:
        """The system message to add, if the template would write a turn that nobody asked for."""
        if self._system is None:
            return None
        lone = self._server.chat_tokens([{"role": "user", "content": "."}])
        return self._system if "system" in self._server.text(lone) else None


def disarm(text: str) -> str:
    """Return a text in which nothing is a special token any more."""
    return _SPECIAL.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def _disarmed(message: BaseMessage) -> BaseMessage:
    return message.model_copy(update={"content": _content(message.content)})


def _content(content: Any) -> Any:
    if isinstance(content, str):
        return disarm(content)
    return [
        part | {"text": disarm(str(part["text"]))}
        if isinstance(part, dict) and "text" in part
        else _content(part)
        if isinstance(part, str)
        else part
        for part in content
    ]
