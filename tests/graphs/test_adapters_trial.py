"""`ingrained adapters trial`: the gate judges what no study made, or judges anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bridge import Adaptable, reader

from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.memory.testing import HashEmbedder
from ingrained.trainer.adapters import AdapterRegistry


@pytest.fixture
def merged(consolidate: Any, home: Path) -> AdapterRegistry:
    """A home with the adapter v001 in use and v002, merged of it alone, which nothing has judged."""
    consolidate(sealed_share=0.3)
    assert (
        run(["adapters", "merge", "v001", "v001", "--method", "linear", "--home", str(home)]) == 0
    )
    return AdapterRegistry(home)


def trial(home: Path, version: str, *options: str, learns: bool = True) -> int:
    behind = Doors(model=Adaptable(script=reader, learns=learns), embedder=HashEmbedder())
    return run(["adapters", "trial", version, "--home", str(home), *options], behind)


def test_a_merged_adapter_is_judged_and_then_promoted_without_force(merged, home, capsys):
    capsys.readouterr()
    assert trial(home, "v002", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], told["accepted"], told["waits"]) == ("v002", True, True)
    assert merged.show("v002").exam_after.closed == 1.0
    assert merged.active() == "v001", "it is for somebody to promote"
    assert run(["adapters", "promote", "v002", "--home", str(home)]) == 0
    assert not merged.show("v002").forced


def test_one_that_learnt_nothing_is_rejected_and_says_why(merged, home, capsys):
    assert trial(home, "v002", learns=False) == 0
    assert "v002 rejected: closed-book" in " ".join(capsys.readouterr().out.split())
    assert run(["adapters", "promote", "v002", "--home", str(home)]) != 0


def test_the_one_in_use_is_not_judged_nor_one_of_another_model(merged, home, capsys):
    assert trial(home, "v001") != 0
    assert "v001 is in use" in capsys.readouterr().err
    other = Doors(model=Adaptable(script=reader, model_name="another"), embedder=HashEmbedder())
    merged.rollback()
    assert run(["adapters", "trial", "v002", "--home", str(home)], other) != 0
    assert "v002 was made for 'scripted', not for 'another'" in " ".join(
        capsys.readouterr().err.split()
    )


def test_there_is_no_trial_while_a_study_is_cut_short(merged, home, capsys):
    (home / "run.json").write_text("{}")
    assert trial(home, "v002") != 0
    assert "cut short" in capsys.readouterr().err
