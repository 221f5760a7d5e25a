"""`/sleep` in a chat: what was studied is trained, and answers come from it if the gate lets it pass."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from bridge import Adaptable, reader

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.recipe import LoraRecipe
from ingrained.trainer.testing import make_tiny_model

QUESTION = "Who built the Orlan Bridge?"
QUICK = {"rank": 2, "alpha": 4, "epochs": 1, "replay": 0, "batch_rows": 16}
Chat = Callable[..., tuple[str, str]]


@pytest.fixture
def chat(study, home: Path, tmp_path: Path, capsys, monkeypatch) -> Chat:
    """Type lines into a chat about a page that was studied; the tiny network can be trained."""
    study(sealed_share=0.9, mastered=1.0)
    base = make_tiny_model(tmp_path / "base")
    recipe = LoraRecipe().changed(QUICK)
    monkeypatch.setattr("ingrained.graphs.consolidate.default_recipe", lambda *_given: recipe)

    def typed(*lines: str, learns: bool = True, options: tuple[str, ...] = ()) -> tuple[str, str]:
        model = Adaptable(script=reader, learns=learns)
        monkeypatch.setattr("ingrained.graphs.session.load_chat_model", lambda *_named: model)
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
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
