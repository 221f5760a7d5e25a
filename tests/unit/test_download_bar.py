"""What a person sees of a fetch."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cli_student import doors, studied
from rich.console import Console

from ingrained.agent.cli import run
from ingrained.agent.ui.download import DownloadBar


def fetched(*, terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with DownloadBar(console) as bar:
        bar.start("[b]qwen[/b] weights", 2_000_000)
        bar.advance(500_000)
        if terminal and bar._bar:
            bar._bar.refresh()
        bar.done()
    return out.getvalue()


def test_in_a_terminal_a_fetch_is_a_bar_with_its_size() -> None:
    shown = fetched(terminal=True)
    assert "[b]qwen[/b] weights" in shown
    assert "0.5/2.0 MB" in shown


def test_elsewhere_it_is_one_line() -> None:
    assert fetched(terminal=False) == "Fetching [b]qwen[/b] weights: 2 MB.\n"


def test_without_a_transfer_nothing_is_shown() -> None:
    out = io.StringIO()
    with DownloadBar(Console(file=out, force_terminal=True)):
        pass
    assert out.getvalue() == ""


def waited(*, terminal: bool) -> str:
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=100)
    with DownloadBar(console) as bar, bar.waiting("Loading [b]qwen[/b] …"):
        pass
    return out.getvalue()


def test_while_a_model_is_loaded_a_terminal_shows_life_and_a_file_gets_nothing() -> None:
    assert "Loading [b]qwen[/b] …" in waited(terminal=True)
    assert waited(terminal=False) == ""


def test_a_transfer_takes_the_place_of_the_spinner_and_gives_it_back() -> None:
    out = io.StringIO()
    with DownloadBar(Console(file=out, force_terminal=True, width=100)) as bar:
        with bar.waiting("Loading qwen …"):
            bar.start("weights", 2_000_000)
            begun = out.tell()
            bar.done()
            bar.start("vocabulary", 3_000)
            bar.done()
        assert "weights" in out.getvalue()[:begun]
        assert "Loading qwen" in out.getvalue()[begun:]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_program_that_reads_json_is_shown_no_spinner(tmp_path, monkeypatch, options) -> None:
    shown = []

    @contextmanager
    def waiting(_bar: DownloadBar, what: str) -> Iterator[None]:
        shown.append(what)
        yield

    behind = doors()
    home = studied(tmp_path / "home", behind)
    monkeypatch.setattr(DownloadBar, "waiting", waiting)
    assert run(["ask", "Who?", "--home", str(home), *options], behind) == 0
    assert bool(shown) is not bool(options)
