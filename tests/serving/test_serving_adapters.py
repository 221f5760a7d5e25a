"""The adapters of a server that runs, kept at what is promoted."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from serving_world import BASE, FakeServer, Served

from ingrained.agent.models.vllm_adapters import at_strength
from ingrained.agent.models.vllm_server import RefusedError, VllmServer
from ingrained.agent.serving.adapters import AdaptersInStep
from ingrained.agent.serving.canary import Canary, judge, of_server
from ingrained.errors import ModelError

TRAINED = Canary(messages=(("user", "Who lives on the roof?"),), answer="Pip")


class Stepping:
    def __init__(self, server: FakeServer, home: Served, canary: Canary = TRAINED) -> None:
        self.client = VllmServer(server.address)
        self.events: list[dict[str, Any]] = []
        self.adapters = AdaptersInStep(
            self.client, home.registry, BASE,
            canaries=lambda _: [canary], likelihood=of_server(self.client), tell=self.events.append,
        )  # fmt: skip

    def step(self) -> list[str]:
        """Return what was told, in short."""
        self.events.clear()
        self.adapters.step()
        return [event["event"] for event in self.events]

    @property
    def loaded(self) -> list[str]:
        return [one.name for one in self.client.models() if one.parent]

    @property
    def versions(self) -> list[str]:
        return [name.partition("-")[0] for name in self.loaded]


@pytest.fixture
def stepping(server, home) -> Stepping:
    return Stepping(server, home)


def test_a_home_without_adapters_is_served_by_the_base(stepping):
    assert stepping.step() == []
    assert stepping.loaded == []


def test_what_is_promoted_is_loaded_once_and_tried_on_what_it_was_trained_on(stepping, home):
    version = home.promote()
    assert stepping.step() == ["adapter"]
    assert stepping.versions == [version]
    assert "-0.50, of the base -2.00" in stepping.events[0]["canary"]
    assert stepping.step() == []


def test_another_promotion_takes_its_place_and_a_rollback_brings_it_back(stepping, home):
    home.promote()
    stepping.step()
    home.promote(-0.4)
    assert stepping.step() == ["adapter", "unloaded"]
    assert stepping.versions == ["v002"]
    home.registry.rollback()
    stepping.step()
    assert stepping.versions == ["v001"]
    home.registry.rollback()
    assert stepping.step() == ["unloaded"]
    assert stepping.versions == []


def test_a_name_never_stands_for_other_weights(server, home, tmp_path):
    """A server's prefix cache goes by names: it would answer from what other weights computed."""
    names = set()
    other = Served(tmp_path / "other")
    for one, likely, strength in ((home, -0.5, 1.0), (home, -0.5, 0.5), (other, -0.7, 1.0)):
        one.promote(likely, strength=strength)
        stepping = Stepping(server, one)
        stepping.step()
        names |= {name for name in stepping.loaded if name.startswith(one.registry.active())}
    assert len(names) == 3


def test_weights_that_are_not_at_work_are_taken_out_and_the_former_answers_on(stepping, home):
    home.promote()
    stepping.step()
    home.promote(-2.0)
    assert stepping.step() == ["refused", "unloaded"]
    assert stepping.versions == ["v001"]
    assert "as the base does" in stepping.events[0]["reason"]
    assert stepping.events[0]["serving"] == "v001"
    assert stepping.step() == [], "it is not tried again and again"


def test_weights_that_know_less_of_what_they_were_trained_on_are_taken_out(stepping, home):
    home.promote(-3.0)
    assert stepping.step() == ["refused", "unloaded"]
    assert "less likely" in stepping.events[0]["reason"]


def test_where_nothing_is_known_of_the_training_it_is_enough_to_differ(server, home):
    everyday = Canary(messages=(("user", "What is 2 + 2?"),), answer="4", trained=False)
    stepping = Stepping(server, home, everyday)
    home.promote(-3.0)
    assert stepping.step() == ["adapter"]


def test_what_was_purged_does_not_answer_on_even_if_its_successor_cannot(stepping, home):
    first = home.promote()
    stepping.step()
    home.promote(-2.0)
    home.registry.mark_stale([first], "a memory of it was purged")
    assert stepping.step() == ["refused", "unloaded", "unloaded"]
    assert stepping.loaded == []
    assert stepping.events[0]["serving"] is None


def test_an_adapter_of_another_base_is_not_loaded(stepping, home):
    home.promote(base="another")
    assert stepping.step() == ["refused"]
    assert "--model another" in stepping.events[0]["hint"]


def test_a_rank_that_the_server_was_not_started_for_is_refused_with_the_way_out(stepping, home):
    home.promote(rank=64)
    assert stepping.step() == ["refused"]
    assert "max-lora-rank" in stepping.events[0]["hint"]


def test_an_adapter_is_served_at_the_strength_that_the_gate_found(stepping, home):
    home.promote(strength=0.5)
    stepping.step()
    (served,) = (one for one in stepping.client.models() if one.parent)
    config = json.loads((Path(served.root) / "adapter_config.json").read_text())
    assert config["lora_alpha"] == 4.0


def test_what_those_who_ask_loaded_of_an_earlier_version_goes_with_it(stepping, home):
    """Beside notes an adapter may have another strength, and then another name."""
    first = home.promote()
    stepping.step()
    beside = at_strength(home.registry.path(first), 0.25)
    stepping.client.load_adapter("v001-s0.25-abc", beside.resolve())
    assert stepping.step() == []
    home.promote(-0.4)
    assert stepping.step() == ["adapter", "unloaded", "unloaded"]


def test_a_server_that_was_started_anew_gets_its_adapter_again(stepping, home):
    home.promote()
    stepping.step()
    stepping.client.unload_adapter(stepping.loaded[0])
    assert stepping.step() == ["adapter"]
    assert stepping.versions == ["v001"]


def test_what_others_loaded_is_left_alone(stepping, home, tmp_path):
    others = Served(tmp_path / "others")
    stepping.client.load_adapter("theirs", others.registry.path(others.train()))
    home.promote()
    stepping.step()
    home.registry.rollback()
    stepping.step()
    assert stepping.loaded == ["theirs"]


def test_a_server_that_tells_no_likelihoods_is_told_of(stepping):
    nothing = Canary(messages=(("user", "Who?"),), answer="")
    with pytest.raises(ModelError, match="tells no likelihoods"):
        judge(of_server(stepping.client), BASE, BASE, [nothing])


def test_what_a_study_tries_beside_it_is_left_alone(stepping, home):
    home.promote()
    stepping.step()
    candidate = home.train(-0.4)
    stepping.client.load_adapter(f"{candidate}-s1-abc", home.registry.path(candidate))
    stage = home.registry.stage()
    stepping.client.load_adapter("a-stage", at_strength(home.registry.path(candidate), 0.5))
    half_done = home.registry.path(stage) / "stage"
    shutil.copytree(home.registry.path(candidate), half_done)
    stepping.client.load_adapter("half-done", half_done)
    assert stepping.step() == []
    assert stepping.versions == ["v001", candidate, "a", "half"]
    home.registry.mark_stale([candidate], "a memory of it was purged")
    assert stepping.step() == ["unloaded", "unloaded"]
    assert stepping.versions == ["v001", "half"]


def test_at_another_strength_the_former_goes(stepping, home):
    version = home.promote()
    stepping.step()
    home.judge(version, strength=0.5)
    assert stepping.step() == ["adapter", "unloaded"]
    assert [name.rpartition("-")[0] for name in stepping.loaded] == ["v001-s0.5"]


def test_what_was_purged_goes_even_while_its_successor_cannot_be_tried(stepping, home):
    first = home.promote()
    stepping.step()
    home.promote(-0.4)
    home.registry.mark_stale([first], "a memory of it was purged")

    def silent(model: str, canary: Canary) -> float:
        raise ModelError("no likelihoods now")

    told, stepping.adapters._likelihood = stepping.adapters._likelihood, silent
    with pytest.raises(ModelError):
        stepping.step()
    assert stepping.loaded == []
    stepping.adapters._likelihood = told
    assert stepping.step() == ["adapter"]


def test_a_server_that_is_busy_is_asked_again(stepping, home):
    home.promote()
    told = stepping.adapters._likelihood

    def busy(model: str, canary: Canary) -> float:
        raise RefusedError(503, "asleep", hint="")

    stepping.adapters._likelihood = busy
    with pytest.raises(RefusedError):
        stepping.step()
    stepping.adapters._likelihood = told
    assert stepping.step() == ["adapter"]


def test_a_server_of_this_machine_is_never_asked_through_a_proxy(server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with VllmServer(server.address) as client:
        assert of_server(client)(BASE, TRAINED) == pytest.approx(-2.0)
