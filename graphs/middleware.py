"""Memory for an agent of LangChain's `create_agent`: what it recalls, its tools, what it may keep."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, Unpack

from langchain.agents.middleware import AgentMiddleware, ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.config import get_config
from langgraph.runtime import Runtime

from ingrained.errors import SettingsError
from ingrained.graphs.calls import Caller
from ingrained.graphs.listing import CountTokens, about_tokens, beside_prompt, recalled
from ingrained.graphs.tools import ToolOptions, memory_tools, most_shown, namespaces_read
from ingrained.memory.store import MemoryStore

Request = ModelRequest[Any]
Response = ModelResponse[Any]


class MiddlewareOptions(ToolOptions, total=False):
    """What may be said of the middleware beside the store; see `IngrainedMiddleware`."""

    max_tokens: int
    count_tokens: CountTokens | None
    keep: Callable[[str], Iterable[str]] | None


class IngrainedMiddleware(AgentMiddleware[Any, Any, Any]):
    """Shows the model what memory has on what the user said, and gives it the tools of memory.

    The notes stand in the system message of each model call and nowhere else: not in the state, nor
    in a checkpoint. They are numbered quotations with their sources; see `graphs.listing`.

    Args:
        store: The memory; it has to stay open while the agent is used.
        max_tokens: Most tokens of all that is added to the system message.
        count_tokens: Counts the tokens of a text; four characters are taken for one when None.
        keep: Given what the user said, tells what of it to remember when the agent is done, each as
            one sentence that can be understood by itself. None keeps nothing. It may be called again
            with the same, and from another thread in an async run.
        **options: Of the tools; see `tools.ToolOptions`.

    Raises:
        SettingsError: a number is out of range; see `memory_tools` too.
    """

    def __init__(
        self,
        store: MemoryStore,
        *,
        max_tokens: int = 800,
        count_tokens: CountTokens | None = None,
        keep: Callable[[str], Iterable[str]] | None = None,
        **options: Unpack[ToolOptions],
    ) -> None:
        super().__init__()
        if max_tokens < 1:
            raise SettingsError(f"max_tokens must be at least 1, got {max_tokens}")
        self.tools = memory_tools(store, **options)
        self._store = store
        self._max_tokens = max_tokens
        self._count_tokens = count_tokens or about_tokens
        self._keep = keep
        self._options = options

    def wrap_model_call(self, request: Request, handler: Callable[[Request], Response]) -> Response:
        """Call the model with what is recalled for what the user said last."""
        return handler(self._with_notes(request))

    async def awrap_model_call(
        self, request: Request, handler: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        """Do what `wrap_model_call` does, with the store in a thread."""
        return await handler(await asyncio.to_thread(self._with_notes, request))

    def after_agent(self, state: Any, runtime: Runtime[Any]) -> None:
        """Keep what `keep` makes of what the user said, if it was given."""
        told = said(state["messages"])
        if self._keep is None or not told:
            return
        config = get_config()
        own, *_ = namespaces_read(runtime.context, config, self._options)
        why = f"said in thread {config.get('configurable', {}).get('thread_id')}"
        caller = Caller(store=self._store, own=own, who="IngrainedMiddleware", why=why)
        for text in self._keep(told):
            caller.remember(text)

    async def aafter_agent(self, state: Any, runtime: Runtime[Any]) -> None:
        """Do what `after_agent` does, in a thread."""
        await asyncio.to_thread(self.after_agent, state, runtime)

    def _with_notes(self, request: Request) -> Request:
        told = said(request.messages)
        if not told:
            return request
        namespaces = namespaces_read(request.runtime.context, get_config(), self._options)
        found = recalled(self._store, told, namespaces, most_shown(self._options))
        notes = beside_prompt(found, self._max_tokens, self._count_tokens)
        if not notes:
            return request
        return request.override(system_message=_added(request.system_message, notes))


def said(messages: Sequence[AnyMessage]) -> str:
    """Return what the user said last: the messages of theirs that no reply stands between.

    What another middleware put in as a human message, such as a summary, is not the user's.
    """
    told: list[str] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            if "lc_source" not in message.additional_kwargs:
                told.insert(0, message.text)
        elif told and isinstance(message, AIMessage | ToolMessage):
            break
    return "\n".join(told).strip()


def _added(system: SystemMessage | None, text: str) -> SystemMessage:
    """Return a system message with a text at its end, in the form its content has."""
    if system is None:
        return SystemMessage(text)
    if isinstance(system.content, str):
        content: Any = f"{system.content}\n\n{text}"
    else:
        content = [*system.content, {"type": "text", "text": text}]
    return system.model_copy(update={"content": content})
