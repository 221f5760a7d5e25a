"""A vLLM server's models, adapters and counters, and what is said when it does not play along."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from vllm_double import Double, serving

from ingrained.agent.models.vllm_server import VllmServer
from ingrained.errors import ModelError, NotFoundError, UnknownModelError


@pytest.fixture
def double() -> Iterator[Double]:
    with serving(Double()) as there:
        yield there


@pytest.fixture
def server(double: Double) -> Iterator[VllmServer]:
    with VllmServer(double.address) as client:
        yield client


def adapter(folder: Path, rank: int = 8) -> Path:
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": rank}))
    return folder


def test_it_tells_its_health_its_version_and_its_counters(server: VllmServer) -> None:
    assert server.health()
    assert server.version() == "0.32.0"
    told = server.metrics()
    assert told["vllm:num_requests_running"] == 5  # of both engines
    assert told["vllm:prefix_cache_hits_total"] == 640
    assert "vllm:time_to_first_token_seconds_bucket" not in told


def test_an_adapter_is_listed_under_its_base_until_it_is_unloaded(
    server: VllmServer, tmp_path: Path
) -> None:
    server.load_adapter("v001-ab12", adapter(tmp_path / "v001"))
    base, loaded = server.models()
    assert (base.name, base.root, base.parent, base.max_model_len) == (
        "tiny", "/models/tiny", None, 512,
    )  # fmt: skip
    assert (loaded.name, loaded.parent, loaded.root) == (
        "v001-ab12", "tiny", str(tmp_path / "v001"),
    )  # fmt: skip
    server.unload_adapter("v001-ab12")
    assert server.models() == (base,)
    with pytest.raises(NotFoundError, match="v001-ab12"):
        server.unload_adapter("v001-ab12")


def test_a_base_is_found_by_its_name_and_without_one(server: VllmServer) -> None:
    assert server.base() == server.base("tiny")
    with pytest.raises(UnknownModelError, match="does not serve 'huge'") as caught:
        server.base("huge")
    assert "`vllm:tiny`" in caught.value.hint


def test_a_text_goes_to_tokens_and_back(server: VllmServer) -> None:
    assert server.text(server.tokens("the mill at Yarvelund")) == "the mill at Yarvelund"
    asked = [{"role": "user", "content": "Who?"}]
    assert server.text(server.chat_tokens(asked)).endswith(
        "Who?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_where_nothing_listens_the_error_says_how_to_start_one() -> None:
    with VllmServer("http://127.0.0.1:9/v1/") as server:
        assert server.address == "http://127.0.0.1:9"
        assert not server.health()
        with pytest.raises(ModelError, match="No vLLM server answers at http://127") as caught:
            server.models()
    assert "vllm serve" in caught.value.hint
    assert "INGRAINED_VLLM" in caught.value.hint


def test_a_wrong_key_is_told_from_a_missing_server(double: Double) -> None:
    double.api_key = "right"
    with VllmServer(double.address, "wrong") as server, pytest.raises(ModelError) as caught:
        server.models()
    assert "INGRAINED_VLLM_KEY" in caught.value.hint
    with VllmServer(double.address, "right") as server:
        assert server.base().name == "tiny"


def test_a_server_without_updates_of_adapters_says_which_setting_is_missing(
    double: Double, server: VllmServer, tmp_path: Path
) -> None:
    double.updating = False
    with pytest.raises(ModelError, match="while it runs") as caught:
        server.load_adapter("v001", adapter(tmp_path / "v001"))
    assert "VLLM_ALLOW_RUNTIME_LORA_UPDATING" in caught.value.hint


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ({"max_rank": 4}, "--max-lora-rank"),
        ({"lora": False}, "--enable-lora"),
        ({"adapters": {"v001": "/elsewhere"}}, "another name"),
    ],
)
def test_an_adapter_that_is_not_taken_comes_with_a_way_out(
    wrong: dict[str, object], hint: str, tmp_path: Path
) -> None:
    there = Double(**wrong)  # type: ignore[arg-type]
    with serving(there), VllmServer(there.address) as server, pytest.raises(ModelError) as caught:
        server.load_adapter("v001", adapter(tmp_path / "v001"))
    assert hint in caught.value.hint


def test_a_folder_that_the_server_does_not_see_is_said_to_be_that(
    server: VllmServer, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="No adapter found") as caught:
        server.load_adapter("v001", tmp_path / "nowhere")
    assert "a disk that both see" in caught.value.hint
