"""What a person sees of a fetch."""

from __future__ import annotations

import io

from rich.console import Console

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
