"""A `vllm serve` without a model: vLLM's endpoints, options, log lines and ways to fail.

Tokens are bytes. The base finds every byte e**-2 likely, an adapter as likely as its weights file says. The
variable FAKE_VLLM holds what goes wrong, as JSON: `dies` (a key of DEATHS), `deaf` (SIGTERM is ignored), `ill`
(it is never ready). FAKE_VLLM_NOTES is a file in which it notes what it was started with and what it started.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

BASE = -2.0
DEATHS = {
    "memory": "ValueError: Free memory on device (3.1/79.1 GiB) on startup is less than desired GPU "
    "memory utilization (0.3, 23.7 GiB). Decrease GPU memory utilization.",
    "model": "ValueError: Model architectures ['OddForCausalLM'] are not supported for now.",
    "odd": "RuntimeError: the moon is in the wrong house",
    "killed": "INFO 12-01 10:00:02 [gpu_worker.py:7] Loading weights",
}
WRONG: dict[str, Any] = json.loads(os.environ.get("FAKE_VLLM", "{}"))


def log(text: str) -> None:
    sys.stdout.write(f"\x1b[0;36m(APIServer pid={os.getpid()})\x1b[0;0m {text}\n")
    sys.stdout.flush()


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("command", choices=["serve"])
    parser.add_argument("model")
    for name in ("served-model-name", "host", "structured-outputs-config", "max-model-len"):
        parser.add_argument(f"--{name}")
    for name in ("port", "max-lora-rank", "max-loras", "max-cpu-loras"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--gpu-memory-utilization", type=float)
    parser.add_argument("--generation-config")
    for name in (
        "enable-lora", "enable-prefix-caching", "enforce-eager", "disable-uvicorn-access-log",
        "enable-prompt-tokens-details",
    ):  # fmt: skip
        parser.add_argument(f"--{name}", action="store_true")
    return parser.parse_args()


class Handler(BaseHTTPRequestHandler):
    asked: argparse.Namespace
    adapters: dict[str, str]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            if WRONG.get("ill"):
                log("INFO 12-01 10:00:03 [api_server.py:43] Somebody asks how I am")
            self.answer({}, 503 if WRONG.get("ill") else 200)

        elif self.path == "/version":
            self.answer({"version": "0.33.0"})
        elif self.refused():
            return
        elif self.path == "/v1/models":
            base = self.asked.served_model_name
            cards = [{"id": base, "root": self.asked.model, "parent": None, "max_model_len": 512}]
            for name, path in self.adapters.items():
                cards.append({"id": name, "root": path, "parent": base, "max_model_len": None})
            self.answer({"data": cards})
        else:
            self.fail(404, "Not Found")

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.refused():
            return
        match self.path:
            case "/tokenize":
                text = body["prompt"] if "prompt" in body else json.dumps(body["messages"])
                self.answer({"tokens": list(text.encode())})
            case "/v1/load_lora_adapter":
                self.load(body["lora_name"], Path(body["lora_path"]))
            case "/v1/unload_lora_adapter" if body["lora_name"] in self.adapters:
                del self.adapters[body["lora_name"]]
                self.answer({})
            case "/v1/completions":
                self.complete(body["model"], body["prompt"])
            case _:
                self.fail(404, f"The lora adapter '{body.get('lora_name')}' cannot be found.")

    def load(self, name: str, folder: Path) -> None:
        rank = json.loads((folder / "adapter_config.json").read_text())["r"]
        if rank > self.asked.max_lora_rank:
            limit = self.asked.max_lora_rank
            self.fail(500, f"LoRA rank {rank} is greater than max_lora_rank {limit}.")
        elif name in self.adapters:
            self.fail(400, f"The lora adapter '{name}' has already been loaded.")
        else:
            self.adapters[name] = str(folder)
            self.answer({})

    def complete(self, model: str, tokens: list[int]) -> None:
        likely = BASE
        if model in self.adapters:
            folder = Path(self.adapters[model])
            likely = float((folder / "adapter_model.safetensors").read_text())
        told = [None, *({str(token): {"logprob": likely}} for token in tokens[1:])]
        self.answer({"choices": [{"text": "x", "prompt_logprobs": told}]})

    def refused(self) -> bool:
        key = os.environ.get("VLLM_API_KEY")
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            self.fail(401, "Unauthorized")
            return True
        return False

    def fail(self, status: int, message: str) -> None:
        self.answer({"error": {"message": message, "code": status}}, status)

    def answer(self, content: Any, status: int = 200) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def main() -> None:
    asked = options()
    if WRONG.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    if noted := os.environ.get("FAKE_VLLM_NOTES"):
        shown = {name: value for name, value in os.environ.items() if name in SHOWN}
        notes = {"words": sys.argv[1:], "variables": shown, "pids": [os.getpid(), engine.pid]}
        Path(noted).write_text(json.dumps(notes))
    log("INFO 12-01 10:00:01 [api_server.py:42] Loading weights took 0.10 seconds")
    if death := WRONG.get("dies"):
        log(
            f"ERROR 12-01 10:00:02 [core.py:9] {DEATHS[death]}"
            if death != "killed"
            else DEATHS[death]
        )
        if death == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        sys.exit(1)
    Handler.asked, Handler.adapters = asked, {}
    ThreadingHTTPServer((asked.host, asked.port), Handler).serve_forever()


SHOWN = (
    "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK", "VLLM_API_KEY",
    "VLLM_CPU_KVCACHE_SPACE", "PYTHONPATH",
)  # fmt: skip

if __name__ == "__main__":
    main()
