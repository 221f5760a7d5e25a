"""`/sleep` in a chat: what was studied is trained, and answers come from it if the gate lets it pass."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from bridge import Adaptable, reader

from ingrained.agent.cli import run
from ingrained.agent.commands.mcp_home import ServedHome
from ingrained.agent.commands.opening import Doors
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

QUESTION = "Who built the Orlan Bridge?"
QUICK = {"rank": 2, "alpha": 4, "epochs": 1, "replay": 0, "batch_rows": 16}
Chat = Callable[..., tuple[str, str]]
Line = str | Callable[[], object]
"""What is typed, or what somebody else does then."""


class Typed(io.StringIO):
    """Lines as they are typed."""

    def __init__(self, lines: tuple[Line, ...]) -> None:
        super().__init__()
        self.lines = lines

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            if isinstance(line, str):
                yield f"{line}\n"
            else:
                line()


@pytest.fixture
def models() -> list[Adaptable]:
    """The models of the chats so far."""
    return []


@pytest.fixture
def chat(study, home: Path, tmp_path: Path, models, capsys, monkeypatch) -> Chat:
    """Type lines into a chat about a page that was studied; the tiny network can be trained."""
    study(sealed_share=0.9, mastered=1.0)
    base = make_tiny_model(tmp_path / "base")
    recipe = LoraRecipe().changed(QUICK)
    monkeypatch.setattr("ingrained.graphs.consolidate.default_recipe", lambda *_given: recipe)

    def typed(*lines: Line, learns: bool = True, options: tuple[str, ...] = ()) -> tuple[str, str]:
        model = Adaptable(script=reader, learns=learns)
        models.append(model)
        monkeypatch.setattr("ingrained.graphs.session.load_chat_model", lambda *_named: model)
        monkeypatch.setattr("sys.stdin", Typed(lines))
        command = ["chat", "--home", str(home), "--model", str(base), *options]
        assert run(command, Doors(embedder=HashEmbedder())) == 0
        out, err = capsys.readouterr()
        return " ".join(out.split()), " ".join(err.split())

    return typed


def test_what_passes_is_answered_with_from_then_on(chat: Chat, home: Path):
    out, err = chat(QUESTION, "/sleep", QUESTION, "/cell adapter", QUESTION)
    assert "answering from memory alone" in err
    assert "train step" in err, "it is seen how far it is"
    assert "gate v001 promoted" in err
    assert "Answering in the cell both: adapter v001 and what is recalled." in err
    assert "Answering in the cell adapter: adapter v001 alone." in err
    cells = [one.split(" Mara")[0] for one in out.split("cell ")[1:]]
    assert cells == ["memory", "both, adapter v001", "adapter, adapter v001"]
    assert AdapterRegistry(home).active() == "v001"


def test_a_purged_adapter_answers_no_question_more(chat: Chat, home: Path, models):
    def purge() -> None:
        command = ["memory", "purge", "--document", "bridge.md", "--yes", "--home", str(home)]
        assert run(command, Doors(embedder=HashEmbedder())) == 0
        assert AdapterRegistry(home).active() is None

    out, err = chat("/sleep", QUESTION, purge, QUESTION, "/cell", "/cell adapter", QUESTION)
    first, _, rest = out.partition("cell both, adapter v001")
    assert "Mara Vint" in first
    assert "cell both" not in rest
    assert rest.count("cell memory") == 2
    assert "The cell is memory (the untouched model and what is recalled)" in err
    assert "no adapter is promoted, so the cell 'adapter' cannot answer" in err
    assert models[-1].loaded == set(), "its memory is free"


def test_an_adapter_that_is_rolled_back_or_promoted_meanwhile_is_seen_at_once(
    chat: Chat, home: Path
):
    registry = AdapterRegistry(home)
    out, err = chat(
        "/sleep", QUESTION, registry.rollback, QUESTION, "/sleep",
        lambda: registry.promote("v001"), QUESTION,
    )  # fmt: skip
    cells = [one.split(" Mara")[0] for one in out.split("cell ")[1:]]
    assert cells == ["both, adapter v001", "memory", "both, adapter v001"]
    assert "Adapter v001 is not in use. Answering in the cell memory" in err


def test_who_asked_for_the_adapter_alone_is_told_that_it_is_gone(chat: Chat, home: Path):
    out, err = chat("/sleep", "/cell adapter", AdapterRegistry(home).rollback, QUESTION, "/cell")
    assert out == ""
    assert err.count("no adapter is promoted, so the cell 'adapter' cannot answer") == 2


def test_the_cell_that_was_chosen_is_kept(chat: Chat):
    _, err = chat("/cell memory", "/sleep")
    assert err.endswith("Answering in the cell memory: the untouched model and what is recalled.")


def test_what_the_gate_rejects_is_not_used_nor_made_again(chat: Chat, home: Path):
    _, err = chat("/sleep", "/sleep", QUESTION, learns=False)
    assert err.count("Adapter v001 is not in use.") == 2
    assert err.count("Answering in the cell memory") == 2
    assert AdapterRegistry(home).active() is None
    assert [one.version for one in AdapterRegistry(home).list()] == ["v001"]


def test_a_training_that_is_cut_short_ends_no_conversation(chat: Chat, monkeypatch):
    def cut(*_given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("ingrained.graphs.session.run_consolidation", cut)
        out, err = chat("/sleep", QUESTION)
    assert "Cut short: /sleep goes on where it was." in err
    assert "Mara Vint" in out
    assert "promoted" in chat("/sleep")[1]


def test_a_model_that_cannot_be_trained_says_so_and_the_chat_goes_on(
    study, home, capsys, monkeypatch
):
    from ingrained.agent.testing import ScriptedModel

    study()
    monkeypatch.setattr("sys.stdin", io.StringIO(f"/sleep\n{QUESTION}\n"))
    behind = Doors(model=ScriptedModel(script=reader), embedder=HashEmbedder())
    assert run(["chat", "--home", str(home)], behind) == 0
    out, err = capsys.readouterr()
    assert "'scripted' cannot be trained here" in err
    assert out.startswith("Mara Vint")


def test_over_mcp_what_was_rolled_back_answers_no_question_more(
    chat: Chat, home: Path, tmp_path: Path
):
    chat("/sleep")
    settings = Settings(home=home, model=str(tmp_path / "base"))
    with closing(ServedHome(settings, Doors(embedder=HashEmbedder()))) as served:
        before = served.ask(QUESTION).adapter
        AdapterRegistry(home).rollback()
        assert (before, served.ask(QUESTION).adapter) == ("v001", None)
        AdapterRegistry(home).promote("v001")
        assert served.ask(QUESTION).adapter == "v001"
