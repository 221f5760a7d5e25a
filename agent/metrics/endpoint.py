"""The endpoint: `/metrics` and `/health` over HTTP, until it is stopped."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from ingrained.errors import InputError

from .health import Finding

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_JSON, _TEXT = "application/json", "text/plain; charset=utf-8"
_PORTS = range(1, 65536)


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of `HOST:PORT`; a port alone is one of this machine.

    Raises:
        InputError: it is neither.
    """
    host, colon, port = text.rpartition(":")
    if not (port.isdecimal() and int(port) in _PORTS):
        raise InputError(
            f"--listen {text!r} is no address.", hint="Give HOST:PORT, such as 127.0.0.1:9464."
        )
    return host.removeprefix("[").removesuffix("]") if colon and host else "127.0.0.1", int(port)


def application(collector: Collector, examine: Callable[[], Sequence[Finding]]) -> WSGIApplication:
    """Return what answers requests.

    Args:
        collector: Gives the figures.
        examine: Says how each part is.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    metrics = make_wsgi_app(registry)

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            figures: Iterable[bytes] = metrics(environ, start_response)
            return figures
        if path == "/health":
            status, body = _health(examine())
            return _reply(start_response, status, _JSON, body)
        return _reply(start_response, "404 Not Found", _TEXT, "There are /metrics and /health.\n")

    return answer


def _health(findings: Sequence[Finding]) -> tuple[str, str]:
    faults = [one for one in findings if one.fault]
    body = {
        "status": "failing" if faults else "ok",
        "parts": {one.part: one.fault or "ok" for one in findings},
    }
    return "503 Service Unavailable" if faults else "200 OK", json.dumps(body) + "\n"


def _reply(start_response: StartResponse, status: str, kind: str, body: str) -> list[bytes]:
    data = body.encode()
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(data)))])
    return [data]


class _Server(ThreadingMixIn, WSGIServer):
    """Answers several at a time; one that never ends its request holds up nobody, nor the end."""

    daemon_threads = True


class _IPv6Server(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = 30

    def log_message(self, *_: Any) -> None:
        """Leave no line for each request."""


def listen(host: str, port: int, answers: WSGIApplication) -> WSGIServer:
    """Return a server that listens; `serve` lets it answer.

    Raises:
        InputError: nothing can listen there.
    """
    kind = _IPv6Server if ":" in host else _Server
    try:
        return make_server(host, port, answers, server_class=kind, handler_class=_Handler)
    except OSError as error:
        raise InputError(
            f"Nothing can listen at {host}, port {port}: {error.strerror or error}.",
            hint="Choose another address with --listen.",
        ) from error


def serve(server: WSGIServer) -> None:
    """Answer until Ctrl-C."""
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()
