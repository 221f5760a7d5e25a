"""What a vLLM server tells and does beside replying: its models, adapters, tokens and counters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from ingrained.errors import ModelError, NotFoundError, UnknownModelError

_LOAD, _UNLOAD = "/v1/load_lora_adapter", "/v1/unload_lora_adapter"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
"""What this machine calls itself."""
_REFUSED_KEY = (401, 403)
_WAYS_OUT = {
    "max_lora_rank": "Start the server with a --max-lora-rank of at least the adapter's rank.",
    "LoRA is not enabled": "Start the server with --enable-lora.",
    "already been loaded": "Adapters never change: load it under another name.",
    "conflicts with a served": "That is the name of the base: load the adapter under another.",
    "No adapter found": "The server reads the folder itself: put it on a disk that both see.",
    "maximum context length": "Give shorter prompts, or start it with a larger --max-model-len.",
}
"""What to do, by what the server's message holds."""
_ELSE = "See the server's log, and whether INGRAINED_VLLM names the server that you mean."


class RefusedError(ModelError):
    """A server answered, but not with what was asked for.

    Args:
        status: Of HTTP.
        message: What happened.
        hint: What the user can do.
    """

    def __init__(self, status: int, message: str, *, hint: str) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, kw_only=True)
class ServedModel:
    """A base or an adapter that a server has."""

    name: str
    """What requests call it."""
    root: str
    """Where its weights are: a folder as the server sees it, or a repository of the hub."""
    parent: str | None = None
    """The base of an adapter; None for a base."""
    max_model_len: int | None = None
    """Tokens of prompt and reply together; unknown of adapters."""


class VllmServer:
    """A client of what a vLLM server offers beside replies; holds connections until it is closed.

    Args:
        address: Where it listens, such as `http://127.0.0.1:8000`; a `/v1` at the end is dropped.
        api_key: What it was started with as --api-key, if with any.
        timeout: Seconds to wait for an answer. To load an adapter may take ten times as long.
    """

    def __init__(self, address: str, api_key: str | None = None, *, timeout: float = 30.0) -> None:
        self.address = address.rstrip("/").removesuffix("/v1")
        self._timeout = timeout
        try:
            self._client = httpx.Client(
                base_url=self.address,
                headers={"Authorization": f"Bearer {api_key}"} if api_key else {},
                timeout=timeout,
                trust_env=not is_here(self.address),
            )
        except (httpx.InvalidURL, ValueError) as error:
            raise ModelError(f"{address!r} is no address of a server: {error}") from error

    def __enter__(self) -> VllmServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def health(self) -> bool:
        """Say whether there is a server, ready to reply; a server that is there but ill is not."""
        try:
            return self._client.get("/health").is_success
        except httpx.HTTPError:
            return False

    def version(self) -> str:
        """Return the version of vLLM.

        Raises:
            ModelError: no vLLM server answers.
        """
        return str(self._get("/version").get("version", "unknown"))

    def models(self) -> tuple[ServedModel, ...]:
        """Return what it serves, the bases first.

        Raises:
            ModelError: no vLLM server answers, or it refuses the key.
        """
        return tuple(
            ServedModel(
                name=one["id"],
                root=one.get("root") or one["id"],
                parent=one.get("parent"),
                max_model_len=one.get("max_model_len"),
            )
            for one in self._get("/v1/models")["data"]
        )

    def base(self, name: str = "") -> ServedModel:
        """Return the base of that name; without a name, the first.

        Raises:
            UnknownModelError: it serves no such base.
            ModelError: no vLLM server answers, or it refuses the key.
        """
        bases = [one for one in self.models() if one.parent is None]
        for one in bases:
            if name in ("", one.name):
                return one
        raise UnknownModelError(
            f"The vLLM server at {self.address} does not serve {name!r}.",
            hint=f"It serves {', '.join(f'`vllm:{one.name}`' for one in bases) or 'nothing'}.",
        )

    def load_adapter(self, name: str, path: Path) -> None:
        """Have it read a LoRA adapter in PEFT format.

        Never give a name to other weights later: the server's prefix cache goes by names.

        Args:
            name: What requests will call it. It must be new.
            path: Its folder, as the server sees it.

        Raises:
            ModelError: it allows no loading, the name is taken, the adapter does not fit.
        """
        asked = {"lora_name": name, "lora_path": str(path)}
        self._change(_LOAD, asked, timeout=10 * self._timeout)

    def unload_adapter(self, name: str) -> None:
        """Have it forget an adapter.

        Raises:
            NotFoundError: it has none of that name.
            ModelError: it allows no unloading.
        """
        try:
            self._change(_UNLOAD, {"lora_name": name}, timeout=self._timeout)
        except RefusedError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            raise NotFoundError(str(error), hint="Nothing is left to do.") from error

    def metrics(self) -> dict[str, float]:
        """Return its counters and gauges by name, each summed over engines and other labels.

        Of a histogram there are `NAME_sum` and `NAME_count`.

        Raises:
            ModelError: no vLLM server answers.
        """
        summed: Counter[str] = Counter()
        for line in self._asked("GET", "/metrics").text.splitlines():
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            if name and not name.startswith("#") and not name.endswith("_bucket"):
                summed[name] += float(value)  # type: ignore[assignment]  # Counter counts floats too
        return dict(summed)

    def tokens(self, text: str) -> list[int]:
        """Return the token ids of a text, without any that the tokenizer would put around it.

        Raises:
            ModelError: no vLLM server answers.
        """
        return self._tokenized({"prompt": text, "add_special_tokens": False})

    def chat_tokens(self, messages: Sequence[Mapping[str, Any]], **options: Any) -> list[int]:
        """Return the token ids of a conversation in the model's chat template.

        Args:
            messages: With role and content.
            options: Fields of the request, such as `continue_final_message`.

        Raises:
            ModelError: no vLLM server answers, or the template refuses the conversation.
        """
        return self._tokenized({"messages": list(messages), **options})

    def text(self, tokens: Sequence[int]) -> str:
        """Return the text that some tokens spell.

        Raises:
            ModelError: no vLLM server answers.
        """
        told = self._asked("POST", "/detokenize", json={"tokens": list(tokens)})
        return str(_object(told)["prompt"])

    def completed(self, model: str, tokens: Sequence[int], *, timeout: float) -> dict[str, Any]:
        """Return what it says of a prompt: one token more, and the log-probability of each.

        Args:
            model: The base or an adapter, by name.
            tokens: The prompt's.
            timeout: Seconds to wait.

        Raises:
            ModelError: no vLLM server answers, or it refuses the prompt.
        """
        asked = {"model": model, "prompt": list(tokens), "max_tokens": 1, "prompt_logprobs": 0}
        return _object(self._asked("POST", "/v1/completions", json=asked, timeout=timeout))

    def _tokenized(self, asked: dict[str, Any]) -> list[int]:
        return list(_object(self._asked("POST", "/tokenize", json=asked))["tokens"])

    def _get(self, path: str) -> dict[str, Any]:
        return _object(self._asked("GET", path))

    def _change(self, path: str, asked: dict[str, str], *, timeout: float) -> None:
        try:
            self._asked("POST", path, json=asked, timeout=timeout)
        except RefusedError as error:
            if error.status != httpx.codes.NOT_FOUND or asked["lora_name"] in str(error):
                raise
            raise ModelError(
                f"The vLLM server at {self.address} does not let adapters be loaded while it runs.",
                hint="Start it with --enable-lora and VLLM_ALLOW_RUNTIME_LORA_UPDATING=True.",
            ) from error

    def _asked(self, method: str, path: str, **options: Any) -> httpx.Response:
        try:
            told = self._client.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(self.address, error) from error
        if not told.is_success:
            raise refused(self.address, told.status_code, message_of(told))
        return told


def is_here(address: str) -> bool:
    """Say whether an address is of this machine: then no proxy stands between."""
    return httpx.URL(address).host in LOOPBACK


def unreachable(address: str, error: BaseException) -> ModelError:
    """Return the error for a server that does not answer."""
    return ModelError(
        f"No vLLM server answers at {address}: {error or type(error).__name__}",
        hint="Start it with `vllm serve MODEL`, or give its address as INGRAINED_VLLM.",
    )


def refused(address: str, status: int, message: str) -> RefusedError:
    """Return the error for a request that a server does not grant."""
    if status in _REFUSED_KEY:
        return RefusedError(
            status,
            f"The vLLM server at {address} refuses the key.",
            hint="Give the key it was started with (--api-key) as INGRAINED_VLLM_KEY.",
        )
    said = f"The vLLM server at {address} says: {message} (HTTP {status})"
    hints = (way for part, way in _WAYS_OUT.items() if part in message)
    return RefusedError(status, said, hint=next(hints, _ELSE))


def message_of(told: httpx.Response) -> str:
    """Return what a server says is wrong, in any of the forms in which it says so."""
    try:
        said = told.json()
    except ValueError:
        return told.text.strip()[:200] or told.reason_phrase
    error = said.get("error", said.get("detail", said)) if isinstance(said, dict) else said
    return str(error.get("message", error) if isinstance(error, dict) else error)


def _object(told: httpx.Response) -> dict[str, Any]:
    try:
        said = told.json()
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ModelError(
            f"What answers at {told.url} is no vLLM server.", hint="Check INGRAINED_VLLM."
        )
    return said
