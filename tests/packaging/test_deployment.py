"""deploy/: what the compose file starts is pinned, closed to other machines, and what our commands know.

No container is started here.
"""

from __future__ import annotations

import re
import shutil
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from ingrained.agent.serving.command import Plan, command
from ingrained.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
TEXT = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("ingrained:")}
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")


def filled(text: str) -> str:
    """A text as compose reads it with no variable set but those that have to be."""
    return VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "given", text)


def test_all_parts_are_there_and_the_manual_tells_of_each():
    assert set(SERVICES) == {
        "fetch-model", "fetch-embedder", "vllm", "chroma", "postgres", "worker", "serve", "metrics",
    }  # fmt: skip
    assert {name for name in SERVICES if f"| `{name}` |" not in PAGE} == set()


@pytest.mark.parametrize("name", OURS)
def test_a_command_of_ours_is_one_that_our_parser_takes(name: str):
    import typer.main

    from ingrained.agent.cli import app

    command, words = typer.main.get_command(app), [filled(one) for one in OURS[name]["command"]]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    command.make_context(name, words)  # raises what it would tell a user


def test_vllm_is_started_as_ingrained_serve_starts_it():
    name = Settings().model
    plan = Plan(
        vllm=Path("vllm"), on_cpu=False, folder=Path("/data/cache/models") / name, name=name,
        host="0.0.0.0",
    )  # fmt: skip
    vllm = SERVICES["vllm"]
    assert [*vllm["entrypoint"], *map(filled, vllm["command"])] == command(plan)


def test_every_image_is_of_one_version_that_fits_what_we_pin():
    tags = {name: one["image"].rpartition(":")[2] for name, one in SERVICES.items()}
    assert all(re.search(r"\d+\.\d+", tag) for tag in tags.values())
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"\nchromadb=={tags['chroma']}\n" in pins
    assert f"\nVLLM := vllm=={tags['vllm'].removeprefix('v')}\n" in makefile
    assert {tags[name] for name in OURS} == {project["version"]}


def test_no_port_is_open_to_other_machines():
    ports = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert set(ports) == {"vllm", "metrics", "postgres"}
    assert all(port.startswith("127.0.0.1:") for those in ports.values() for port in those)
    assert not any("network_mode" in one or "privileged" in one for one in SERVICES.values())


def test_every_server_has_a_check_and_waits_for_what_it_needs():
    assert {name for name, one in SERVICES.items() if "healthcheck" in one} == {
        "vllm", "chroma", "postgres", "metrics",
    }  # fmt: skip
    for one in SERVICES.values():
        for needed, how in one.get("depends_on", {}).items():
            checked = how["condition"] == "service_healthy"
            assert checked == ("healthcheck" in SERVICES[needed])


def test_every_variable_is_in_the_example_and_in_the_manual():
    example = (DEPLOY / "example.env").read_text(encoding="utf-8")
    wanted = {found[1] for found in VARIABLE.finditer(TEXT)}
    given = dict(re.findall(r"^(\w+)=(.*)$", example, re.M))
    assert set(given) == wanted
    assert {name for name in wanted if f"`{name}`" not in PAGE} == set()
    defaults = {found[1]: found[3] for found in VARIABLE.finditer(TEXT) if found[2] == "-"}
    assert {name: given[name] for name in defaults} == defaults


def test_what_our_parts_are_set_to_is_a_setting():
    known = {f"INGRAINED_{field.upper()}" for field in Settings.model_fields}
    for one in OURS.values():
        assert set(one["environment"]) <= known


def test_no_secret_stands_in_a_file():
    secrets = re.findall(r"^\s*(\w*(?:KEY|PASSWORD)\w*): (.*)$", TEXT, re.M)
    assert len(secrets) == 3
    assert all(value.startswith("${") for _, value in secrets)
    example = (DEPLOY / "example.env").read_text(encoding="utf-8")
    assert re.findall(r"^\w*(?:KEY|PASSWORD)\w*=(.*)$", example, re.M) == ["", ""]
    assert "deploy/.env" in (ROOT / ".gitignore").read_text(encoding="utf-8").split()


def test_what_lasts_is_in_named_volumes_and_all_see_it_at_the_same_place():
    named = set(COMPOSE["volumes"])
    places: dict[str, set[str]] = {}
    for one in SERVICES.values():
        for volume in one.get("volumes", ()):
            source, place = filled(volume).removesuffix(":ro").rsplit(":", 1)
            places.setdefault(source, set()).add(place)
    assert set(places) - {"given"} == named
    assert all(len(found) == 1 for found in places.values())
    assert {name for name in named if f"| `{name}` |" not in PAGE} == set()


DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")


def copied_into_the_image() -> set[str]:
    lines = re.findall(r"^COPY (.+) \S+$", DOCKERFILE, re.M)
    return {word for line in lines for word in line.split()}


def test_the_image_can_be_built_of_what_is_copied_into_it(tmp_path: Path):
    context = tmp_path / "context"
    context.mkdir()
    for name in copied_into_the_image():
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, context / name, symlinks=True)
        else:
            shutil.copy2(ROOT / name, context)
    (wheel,) = WheelBuilder(str(context)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(wheel).namelist()
    assert {"ingrained/agent/cli.py", "ingrained/tracing.py"} <= set(names)


def test_nothing_else_is_sent_to_who_builds_it():
    copied = copied_into_the_image()
    let_in = (ROOT / ".dockerignore").read_text(encoding="utf-8")
    assert copied == set(re.findall(r"^!(\S+)$", let_in, re.M))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (extras,) = re.findall(r"\.\[([\w,]+)\]", DOCKERFILE)
    assert set(extras.split(",")) <= set(project["optional-dependencies"])
    assert "\nUSER ingrained\n" in DOCKERFILE
