"""A small HTTP server that speaks the part of vLLM's API (0.32) that Ingrained asks for."""

from __future__ import annotations

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PIECES = re.compile(r"<\|im_start\|>|<\|im_end\|>|\s?\w+|[^\w]")
_ALREADY = "The lora adapter '{}' has already been loaded."

Answer = tuple[int, Any]


def says(status: int, message: str) -> Answer:
    return status, {"error": {"message": message, "type": "Error", "param": None, "code": status}}


@dataclass
class Double:
    """What a test sets up, and what it looks at afterwards."""

    reply: Callable[[dict[str, Any]], str] = lambda asked: "Drennoway"
    base: str = "tiny"
    root: str = "/models/tiny"
    api_key: str | None = None
    lora: bool = True
    updating: bool = True
    scoring: int = 200
    """How log-probabilities are told: a status of HTTP, and 0 to leave them out."""
    details: bool = True
    max_rank: int = 16
    seconds: float = 0.0
    """How long a reply takes."""
    at_once: int = 1000
    """Replies under way beyond which the server says that it is overloaded."""
    overloaded: int = 429
    failures: list[int] = field(default_factory=list)
    """What the next replies are instead."""
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    adapters: dict[str, str] = field(default_factory=dict)
    hung_up: int = 0
    most: int = 0
    """Replies that were under way together."""
    address: str = ""
    _under_way: int = 0
    _words: list[str] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for at, body in self.asked if at == path]

    def tokens(self, text: str) -> list[int]:
        with self._lock:
            return [self._number(word) for word in _PIECES.findall(text)]

    def text(self, tokens: list[int]) -> str:
        return "".join(self._words[token] for token in tokens)

    def _number(self, word: str) -> int:
        if word not in self._numbers:
            self._numbers[word] = len(self._words)
            self._words.append(word)
        return self._numbers[word]

    def rendered(self, asked: dict[str, Any]) -> str:
        """A ChatML template that, like Qwen's, puts in a system message of its own."""
        messages = list(asked["messages"])
        if messages[0]["role"] != "system":
            messages.insert(0, {"role": "system", "content": "You are Tiny."})
        turns = [f"<|im_start|>{m['role']}\n{m['content']}<|im_end|>\n" for m in messages]
        if asked.get("continue_final_message"):
            turns[-1] = turns[-1].removesuffix("<|im_end|>\n")
            return "".join(turns)
        return "".join([*turns, "<|im_start|>assistant\n"])

    def handle(self, method: str, path: str, asked: dict[str, Any]) -> Answer:
        if method == "GET":
            return self._get(path)
        self.asked.append((path, asked))
        do = {
            "/tokenize": self._tokenize, "/detokenize": self._detokenize,
            "/v1/completions": self._completion, "/v1/chat/completions": self._chat,
            "/v1/load_lora_adapter": self._load, "/v1/unload_lora_adapter": self._unload,
        }[path]  # fmt: skip
        return do(asked)

    def _get(self, path: str) -> Answer:
        cards = [{"id": self.base, "root": self.root, "parent": None, "max_model_len": 512}]
        cards += [
            {"id": name, "root": at, "parent": self.base} for name, at in self.adapters.items()
        ]
        told: dict[str, Any] = {
            "/health": "",
            "/version": {"version": "0.32.0"},
            "/v1/models": {"object": "list", "data": cards},
            "/metrics": METRICS,
        }
        return (200, told[path]) if path in told else says(404, "Not Found")

    def _tokenize(self, asked: dict[str, Any]) -> Answer:
        tokens = self.tokens(asked["prompt"] if "prompt" in asked else self.rendered(asked))
        return 200, {"tokens": tokens, "count": len(tokens), "max_model_len": 512}

    def _detokenize(self, asked: dict[str, Any]) -> Answer:
        return 200, {"prompt": self.text(asked["tokens"])}

    def _load(self, asked: dict[str, Any]) -> Answer:
        name, folder = asked["lora_name"], Path(asked["lora_path"])
        if not self.updating:
            return says(404, "Not Found")
        if not self.lora:
            return says(500, "LoRA is not enabled. Use --enable-lora to enable LoRA.")
        if name in self.adapters:
            return says(400, _ALREADY.format(name))
        if not (folder / "adapter_config.json").is_file():
            return says(404, f"Loading lora {name} failed: No adapter found for {folder}")
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > self.max_rank:
            return says(500, f"LoRA rank {rank} is greater than max_lora_rank {self.max_rank}.")
        self.adapters[name] = str(folder)
        return 200, f"Success: LoRA adapter '{name}' added successfully."

    def _unload(self, asked: dict[str, Any]) -> Answer:
        if not self.updating:
            return says(404, "Not Found")
        if self.adapters.pop(asked["lora_name"], None) is None:
            return says(404, f"The lora adapter '{asked['lora_name']}' cannot be found.")
        return 200, "Success"

    def _completion(self, asked: dict[str, Any]) -> Answer:
        if self.scoring >= 400:
            return says(self.scoring, "prompt_logprobs are not supported here")
        if asked["model"] not in (self.base, *self.adapters):
            return says(404, f"The model `{asked['model']}` does not exist.")
        scale = 1.0 if asked["model"] == self.base else 2.0
        scored = [
            {str(token): {"logprob": -len(self._words[token].strip()) * scale, "rank": 1}}
            for token in asked["prompt"]
        ]
        choice = {"index": 0, "text": "x", "finish_reason": "length",
                  "prompt_logprobs": [None, *scored[1:]] if self.scoring else None}  # fmt: skip
        return 200, {"id": "c", "object": "text_completion", "created": 0, "model": asked["model"],
                     "choices": [choice], "usage": _usage(len(asked["prompt"]), 1, 0)}  # fmt: skip

    def _chat(self, asked: dict[str, Any]) -> Answer:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
            crowded = self._under_way > self.at_once
            failure = self.failures.pop(0) if self.failures else self.overloaded if crowded else 0
        try:
            time.sleep(0.0 if failure else self.seconds)
            return says(failure, "not now") if failure else self._replied(asked)
        finally:
            with self._lock:
                self._under_way -= 1

    def _replied(self, asked: dict[str, Any]) -> Answer:
        if asked["model"] not in (self.base, *self.adapters):
            return says(404, f"The model `{asked['model']}` does not exist.")
        prompt = self.tokens(self.rendered(asked))
        if len(prompt) > 512:
            return says(400, "This model's maximum context length is 512 tokens.")
        text, ended = self.reply(asked), None
        for stop in asked.get("stop") or []:
            text, found, _ = text.partition(stop)
            ended = stop if found else ended
        choice = {"index": 0, "message": {"role": "assistant", "content": text},
                  "finish_reason": "stop", "stop_reason": ended}  # fmt: skip
        usage = _usage(len(prompt), len(self.tokens(text)), 4 if self.details else None)
        return 200, {"id": "c", "object": "chat.completion", "created": 0, "model": asked["model"],
                     "choices": [choice], "usage": usage}  # fmt: skip


METRICS = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="tiny"} 3.0
vllm:num_requests_running{engine="1",model_name="tiny"} 2.0
vllm:prefix_cache_hits_total{engine="0",model_name="tiny"} 640.0
vllm:time_to_first_token_seconds_bucket{engine="0",le="0.1",model_name="tiny"} 7.0
vllm:time_to_first_token_seconds_count{engine="0",model_name="tiny"} 9.0
"""


def _usage(prompt: int, reply: int, cached: int | None) -> dict[str, Any]:
    details = None if cached is None else {"cached_tokens": cached}
    return {"prompt_tokens": prompt, "completion_tokens": reply, "total_tokens": prompt + reply,
            "prompt_tokens_details": details}  # fmt: skip


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    double: Double

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output clean."""

    def do_GET(self) -> None:
        self._answer("GET", {})

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length", 0))
        self._answer("POST", json.loads(self.rfile.read(size)))

    def _answer(self, method: str, asked: dict[str, Any]) -> None:
        wanted = self.double.api_key
        given = self.headers.get("Authorization")
        if wanted and self.path.startswith("/v1") and given != f"Bearer {wanted}":
            self._send(401, {"error": "Unauthorized"})
            return
        status, said = self.double.handle(method, self.path, asked)
        if status == 200 and asked.get("stream"):
            self._stream(said)
        else:
            self._send(status, said)

    def _gone(self) -> bool:
        """Whether who asked has hung up."""
        ready, _, _ = select.select([self.connection], [], [], 0)
        return bool(ready) and not self.connection.recv(1, socket.MSG_PEEK)

    def _send(self, status: int, said: Any) -> None:
        if self._gone():
            self.double.hung_up += 1
            self.close_connection = True
            return
        body = (said if isinstance(said, str) else json.dumps(said)).encode()
        kind = "text/plain" if isinstance(said, str) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, said: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        (choice,) = said["choices"]
        head = {**said, "object": "chat.completion.chunk", "usage": None}
        for piece in _PIECES.findall(choice["message"]["content"]):
            part = {"index": 0, "delta": {"content": piece}, "finish_reason": None}
            self._event({**head, "choices": [part]})
        ended = {"index": 0, "delta": {}, "finish_reason": "stop",
                 "stop_reason": choice["stop_reason"]}  # fmt: skip
        self._event({**head, "choices": [ended]})
        self._event({**head, "choices": [], "usage": said["usage"]})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def _event(self, said: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(said)}\n\n".encode())


@contextmanager
def serving(double: Double) -> Iterator[Double]:
    """Let a double answer on a free port until the block ends."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"double": double}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    double.address = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield double
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
