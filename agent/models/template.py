"""From LangChain messages to the token ids of a prompt, through the model's own chat template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jinja2 import TemplateError
from langchain_core.messages import BaseMessage
from transformers import PreTrainedTokenizerBase

from ingrained.errors import ModelError

_ROLES = {"system": "system", "human": "user", "ai": "assistant"}
_PLAIN = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}"
"""For models without a template of their own: base models."""


class ChatTemplate:
    """Renders messages the way a model was trained on.

    Many templates put in a system message of their own when none is given ("You are Qwen, created
    by …"). This one never does so silently: then `system` stands in its place.

    A message's text is data. Where it spells out one of the model's special tokens, such as the
    one that ends a turn, a space is put after the first character, so it cannot end the turn.

    Args:
        tokenizer: The model's.
        system: The system message for conversations that bring none; None leaves it to the model.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, system: str | None) -> None:
        self._tokenizer = tokenizer
        self._template = tokenizer.chat_template or _PLAIN
        self._special = sorted(map(str, tokenizer.all_special_tokens), key=len, reverse=True)
        self._special += [
            str(token)
            for token in tokenizer.added_tokens_decoder.values()
            if token.special and str(token) not in self._special
        ]
        self._system = system if self._adds_system() else None

    def render(self, messages: Sequence[BaseMessage]) -> str:
        """Return the prompt's text, ready for the assistant's turn.

        A last message by the assistant is taken as the beginning of the reply and continued.

        Raises:
            ModelError: no messages, a kind of message or of content that is not text, or a
                conversation that the template refuses.
        """
        turns = [self._turn(message) for message in messages]
        if not turns:
            raise ModelError("There is no message.", hint="Give at least one.")
        if self._system is not None and turns[0]["role"] != "system":
            turns.insert(0, {"role": "system", "content": self._system})
        return self._apply(turns)

    def ids(self, messages: Sequence[BaseMessage]) -> list[int]:
        """Return the prompt's token ids; see `render`."""
        return list(self._tokenizer.encode(self.render(messages), add_special_tokens=False))

    def parted(self, messages: Sequence[BaseMessage], text: str) -> tuple[list[int], list[int]]:
        """Return the token ids of a prompt before a stretch of its last message, and of that.

        It is the last one that is `text`, but for space around it, which some templates leave out.

        Raises:
            ModelError: there is nothing before it, or it is not in the message.
        """
        rendered, wanted = self.render(messages), self._disarm(text).strip()
        last = self._disarm(str(messages[-1].text)).strip()
        within = last.rfind(wanted) if wanted else -1
        start = rendered.rfind(last) + within if within >= 0 and last in rendered else -1
        encoded = self._tokenizer(rendered, add_special_tokens=False, return_offsets_mapping=True)
        spans = encoded["offset_mapping"]
        inside = [n for n, (a, b) in enumerate(spans) if b > start and a < start + len(wanted)]
        if start < 1 or not inside or not inside[0]:
            raise ModelError(
                "The text does not stand inside the prompt.",
                hint="It must be a part of a message, and not the beginning of the prompt.",
            )
        ids = list(encoded["input_ids"])
        return ids[: inside[0]], ids[inside[0] : inside[-1] + 1]

    def _turn(self, message: BaseMessage) -> dict[str, str]:
        role = _ROLES.get(message.type)
        if role is None:
            raise ModelError(
                f"A message of type {message.type!r} cannot be given to this model.",
                hint="Use system, human and ai messages.",
            )
        return {"role": role, "content": self._disarm(str(message.text))}

    def _disarm(self, text: str) -> str:
        for token in self._special:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def _apply(self, turns: list[dict[str, str]]) -> str:
        continued = turns[-1]["role"] == "assistant"
        try:
            text: Any = self._tokenizer.apply_chat_template(
                turns,
                chat_template=self._template,
                tokenize=False,
                add_generation_prompt=not continued,
                continue_final_message=continued,
            )
        except (TemplateError, ValueError) as error:
            raise ModelError(
                f"The model's chat template refuses these messages: {error}",
                hint="Begin with at most one system message, then let user and assistant alternate.",
            ) from error
        return str(text)

    def _adds_system(self) -> bool:
        """Say whether the template writes a system turn that nobody asked for."""
        return "system" in self._apply([{"role": "user", "content": "."}])
