"""A hub of our own on the loopback interface, and tiny models that nobody has to download."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingrained.agent.weights import CatalogueEntry, PinnedFile, WheelPart

REPO = "org/tiny"


@dataclass
class Hub:
    """What the server has, how it misbehaves, and what it was asked."""

    endpoint: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    cut_next_after: int | None = None
    """Drop the next connection after so many bytes of the body."""
    status: int | None = None
    """Answer everything with this status."""
    knows_ranges: bool = True
    gate: threading.Event | None = None
    """Answers wait for this event."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """File and Range header of every request."""

    @property
    def asked_for(self) -> list[str]:
        return [name for name, _ in self.requests]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        name = handler.path.removeprefix(f"/{REPO}/resolve/main/")
        wanted = handler.headers.get("Range")
        self.requests.append((name, wanted))
        if self.gate is not None:
            self.gate.wait(10)
        if self.status is not None or name not in self.files:
            handler.send_response(self.status or 404)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = self.files[name]
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        if not self.knows_ranges:
            start = 0
        handler.send_response(206 if start else 200)
        handler.send_header("Content-Length", str(len(body) - start))
        handler.end_headers()
        end, self.cut_next_after = self.cut_next_after, None
        handler.wfile.write(body[start:end])


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    state = Hub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.endpoint = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("HF_ENDPOINT", state.endpoint)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    server.shutdown()
    thread.join()
    server.server_close()


class Notes:
    """A progress that remembers."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.bytes = 0

    def start(self, label: str, total_bytes: int) -> None:
        self.bytes = 0

    def advance(self, n: int) -> None:
        self.bytes += n

    def note(self, text: str) -> None:
        self.notes.append(text)

    def done(self) -> None:
        pass


@pytest.fixture
def notes() -> Notes:
    return Notes()


Row = tuple[str, bytes] | tuple[str, bytes, tuple[tuple[str, str], ...]]
"""Name and content of a file, and the (distribution, member) pairs that give it."""


def pin(name: str, content: bytes, wheels: tuple[tuple[str, str], ...] = ()) -> PinnedFile:
    return PinnedFile(
        name=name,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        hub_repo=REPO,
        hub_file=name,
        wheels=tuple(
            WheelPart(distribution=distribution, version="1.0", member=member)
            for distribution, member in wheels
        ),
    )


@pytest.fixture
def make_catalogue() -> Callable[..., dict[str, CatalogueEntry]]:
    """Make a catalogue of one embedder, `tiny`, with the given files."""

    def make(*rows: Row) -> dict[str, CatalogueEntry]:
        files = tuple(pin(*row) for row in rows)
        entry = CatalogueEntry(
            name="tiny",
            kind="embedder",
            licence="Apache-2.0",
            description="For tests.",
            files=files,
            ready_bytes=sum(file.size for file in files),
        )
        return {"tiny": entry}

    return make


class WheelShelf:
    """A wheel downloader with wheels made on the spot."""

    def __init__(self) -> None:
        self.wheels: dict[str, dict[str, bytes]] = {}
        self.asked_for: list[str] = []
        self.error: dict[str, BaseException] = {}

    def __call__(self, requirement: str, folder: Path) -> None:
        self.asked_for.append(requirement)
        if requirement in self.error:
            raise self.error[requirement]
        with zipfile.ZipFile(folder / "some-1.0-py3-none-any.whl", "w") as archive:
            for member, content in self.wheels[requirement].items():
                archive.writestr(member, content)


@pytest.fixture
def shelf() -> WheelShelf:
    return WheelShelf()
