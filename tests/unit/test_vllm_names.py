"""`--model vllm:NAME`: where a model's name leads, what can be trained, and commands from end to end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_student import QUESTION, Student, write_page
from vllm_double import Double, serving

from ingrained.agent import doctor
from ingrained.agent.cli import run
from ingrained.agent.commands.opening import Doors
from ingrained.agent.models.factory import check_chat_model, load_chat_model
from ingrained.agent.models.served import base_folder, parted
from ingrained.agent.reranking import open_reranker
from ingrained.agent.weights import CATALOGUE
from ingrained.agent.weights.store import write_marker
from ingrained.errors import ModelError, UnknownModelError
from ingrained.graphs.context import StudyPolicy
from ingrained.graphs.session import Home, check_trainable, open_asker, open_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings
from ingrained.trainer.adapters import AdapterRegistry
from ingrained.trainer.manifest import Manifest

CHAT = "/v1/chat/completions"


def student(double: Double) -> None:
    """Let the served model be the student of the other tests."""
    answer = Student()

    def reply(asked: dict[str, Any]) -> str:
        return answer("\n".join(message["content"] for message in asked["messages"]))

    double.reply = reply


def weights(folder: Path) -> Path:
    """A folder that looks like one of weights; none of these tests reads them."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture
def double(monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    with serving(Double()) as there:
        monkeypatch.setenv("INGRAINED_VLLM", there.address)
        yield there


class TestNames:
    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("vllm:tiny", ("tiny", "http://here:1")),
            ("vllm:", ("", "http://here:1")),
            ("vllm:ORG/NAME@http://there:2", ("ORG/NAME", "http://there:2")),
            ("vllm:@https://there:2/v1", ("", "https://there:2/v1")),
        ],
    )
    def test_a_name_tells_the_model_and_perhaps_the_server(
        self, name: str, meant: tuple[str, str]
    ) -> None:
        assert parted(name, Settings(vllm="http://here:1")) == meant

    @pytest.mark.parametrize("name", ["vllm:tiny", "vllm:"])
    @pytest.mark.usefixtures("double")
    def test_it_leads_to_the_served_model(self, name: str) -> None:
        model: Any = load_chat_model(name, Settings())
        assert model.model_name == "tiny"
        assert model.invoke("Who?").content == "Drennoway"
        model.close()
        check_chat_model(name, Settings())

    @pytest.mark.usefixtures("double")
    def test_a_name_that_is_not_served_is_an_error_before_anything_begins(self) -> None:
        with pytest.raises(UnknownModelError, match="does not serve 'huge'"):
            check_chat_model("vllm:huge", Settings())

    def test_the_key_is_that_of_the_settings_and_never_shown(
        self, double: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        double.api_key = "secret"
        monkeypatch.setenv("INGRAINED_VLLM_KEY", "secret")
        model: Any = load_chat_model("vllm:", Settings())
        assert model.invoke("Who?").content == "Drennoway"
        model.close()
        assert "secret" not in repr(Settings())
        assert "secret" not in repr(model)

    def test_what_is_openais_own_is_not_sent_to_the_server(
        self, double: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        double.api_key = "none"  # refuses every other key
        for name in ("API_KEY", "BASE_URL", "PROXY"):
            monkeypatch.setenv(f"OPENAI_{name}", "http://elsewhere.invalid")
        model: Any = load_chat_model("vllm:", Settings(vllm_key="none"))
        assert model.invoke("Who?").content == "Drennoway"
        assert [each.content for each in model.stream("Who?")]
        model.close()


class TestTraining:
    def test_a_base_that_the_server_read_here_is_trained_from_its_folder(
        self, double: Double, tmp_path: Path
    ) -> None:
        double.root = str(weights(tmp_path / "tiny"))
        settings = Settings(model="vllm:tiny", home=tmp_path / "home")
        assert base_folder("vllm:tiny", settings) == tmp_path / "tiny"
        policy = StudyPolicy(consolidate=True)
        with open_study(settings, (), policy, embedder=HashEmbedder()) as context:
            assert context.base_path == tmp_path / "tiny"
            assert context.asker.has_adapters

    def test_a_base_of_the_catalogue_is_taken_from_the_cache_by_the_name_it_is_served_under(
        self, double: Double, tmp_path: Path
    ) -> None:
        settings = Settings(model="vllm:", cache=tmp_path)
        double.base = "smollm2-135m"
        assert base_folder("vllm:", settings) is None  # and it is not fetched
        ready = weights(tmp_path / "models" / "smollm2-135m")
        write_marker(ready, CATALOGUE["smollm2-135m"])
        assert base_folder("vllm:", settings) == ready

    @pytest.mark.usefixtures("double")
    def test_a_base_whose_weights_are_elsewhere_cannot_be_trained(self, tmp_path: Path) -> None:
        settings = Settings(model="vllm:tiny", home=tmp_path / "home", cache=tmp_path)
        check_trainable(settings, StudyPolicy())
        with pytest.raises(ModelError, match="its weights are not on this machine"):
            check_trainable(settings, StudyPolicy(consolidate=True))


class TestPromoted:
    def promoted(self, home: Path, base: str) -> None:
        registry = AdapterRegistry(home)
        version = registry.stage()
        config = {"peft_type": "LORA", "r": 8, "lora_alpha": 16}
        (registry.path(version) / "adapter_config.json").write_text(json.dumps(config))
        (registry.path(version) / "adapter_model.safetensors").write_bytes(b"weights")
        registry.commit(version, Manifest(version=version, base_model=base))
        registry.promote(version, force=True)

    def test_the_adapter_in_use_is_loaded_into_the_server(
        self, double: Double, tmp_path: Path
    ) -> None:
        self.promoted(tmp_path / "home", "tiny")
        asker = open_asker(Home(tmp_path / "home"), Settings(model="vllm:"))
        assert [name.rpartition("-")[0] for name in double.adapters] == ["v001-s1"]
        assert asker.ask([(("user", "Who?"),)], phase="ask", adapter="v001") == ["Drennoway"]
        assert double.bodies(CHAT)[-1]["model"] in double.adapters

    @pytest.mark.usefixtures("double")
    def test_one_of_another_base_is_refused(self, tmp_path: Path) -> None:
        self.promoted(tmp_path / "home", "other")
        with pytest.raises(ModelError, match="was trained for 'other', not for 'tiny'"):
            open_asker(Home(tmp_path / "home"), Settings(model="vllm:"))


class TestCommands:
    def test_a_study_and_a_question_run_on_the_server(
        self, double: Double, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        student(double)
        behind, home = Doors(embedder=HashEmbedder()), str(tmp_path / "home")
        study = ["study", str(write_page(tmp_path)), "--home", home, "--model", "vllm:tiny"]
        assert run(study, behind) == 0
        capsys.readouterr()
        assert run(["ask", QUESTION, "--home", home, "--model", "vllm:tiny", "--json"], behind) == 0
        assert json.loads(capsys.readouterr().out)["reply"] == "Pip"
        assert double.bodies(CHAT)

    def test_a_server_that_is_not_there_ends_a_command_with_what_to_do(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command = ["study", str(write_page(tmp_path)), "--home", str(tmp_path / "home")]
        name = "vllm:tiny@http://127.0.0.1:9"
        assert run([*command, "--model", name], Doors(embedder=HashEmbedder())) == 3
        told = capsys.readouterr().err
        assert "No vLLM server answers" in told
        assert "INGRAINED_VLLM" in told

    def test_the_doctor_asks_the_server(
        self, double: Double, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doctor, "_out_of_range", lambda: [])

        def model(name: str) -> doctor.Check:
            checks = doctor.examine(Settings(model=name))
            return next(check for check in checks if check.name == "model")

        well = model("vllm:tiny")
        assert (well.state, well.detail) == ("ok", f"tiny, vLLM 0.32.0 at {double.address}")
        ill = model("vllm:huge")
        assert (ill.state, ill.hint) == ("fail", "It serves `vllm:tiny`.")

    @pytest.mark.usefixtures("double")
    def test_a_served_model_orders_candidates_too(self) -> None:
        reranker = open_reranker(Settings(reranker="vllm:tiny"))
        assert reranker is not None
        assert len(reranker.scores("Who?", ["the mill", "the lamp"])) == 2
