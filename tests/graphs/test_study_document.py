"""An agent studies a document of the folder that its host opened, and nothing outside it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from bridge import MASON
from langchain.agents import create_agent
from langgraph.checkpoint.memory import InMemorySaver
from plugged import ADA, called, calling, put, run, saying, texts

from ingrained.agent.testing import ScriptedModel
from ingrained.errors import SettingsError
from ingrained.graphs import StudyContext, StudyPolicy, memory_tools, open_study
from ingrained.memory.testing import HashEmbedder
from ingrained.settings import Settings

both = pytest.mark.parametrize("asynchronous", [False, True])


@pytest.fixture
def context(home: Path, model: ScriptedModel) -> Iterator[StudyContext]:
    opened = open_study(
        Settings(home=home), (), StudyPolicy(), model=model, embedder=HashEmbedder()
    )
    with opened as context:
        yield context


@both
def test_an_agent_studies_a_document_and_recalls_it_for_everybody(
    context: StudyContext, corpus: Path, asynchronous: bool
):
    tools = memory_tools(context.store, study=context, folder=corpus)
    replies = [calling("study_document", path="bridge.md"), calling("recall", query="Orlan Bridge")]
    agent = create_agent(saying(*replies, "Done."), tools, checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": "1"}}
    messages = run(agent, "Study.", context=ADA, config=config, asynchronous=asynchronous)
    *_, studied, _, recalled, _ = messages
    kept = texts(context.store, ("default",))

    assert studied.content == f'Studied "bridge.md": {len(kept)} new notes of it are in memory.'
    assert any("Mara Vint" in text for text in kept)
    assert "Mara Vint built the Orlan Bridge" in recalled.content
    assert 'from "bridge.md"' in recalled.content
    assert texts(context.store) == []


def test_what_was_studied_is_not_studied_again(
    context: StudyContext, corpus: Path, model: ScriptedModel
):
    tools = memory_tools(context.store, study=context, folder=corpus)
    called(tools, "study_document", path="bridge.md")
    again = called(tools, "study_document", path="bridge.md")

    assert again.content == 'Studied "bridge.md": 0 new notes of it are in memory.'


def test_the_other_documents_of_the_home_stay_as_they_are(context: StudyContext, corpus: Path):
    (corpus / "mason.md").write_text(MASON, encoding="utf-8")
    fact = put(context.store, "Something else.", ("default",))
    tools = memory_tools(context.store, study=context, folder=corpus)
    called(tools, "study_document", path="bridge.md")
    called(tools, "study_document", path="mason.md")

    assert set(context.library.known()) == {"bridge.md", "mason.md"}
    assert context.store.get(fact).status == "active"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.md",
        "inside/../../secret.md",
        "link.md",
        "loop.md",
        "{outside}",
        "",
        ".",
        "no.md",
        "a\0b",
    ],
)
def test_a_path_outside_the_folder_is_refused_and_read_by_nobody(
    context: StudyContext, corpus: Path, model: ScriptedModel, tmp_path: Path, path: str
):
    secret = tmp_path / "secret.md"
    secret.write_text("# Secret\n\nThe vault opens at nine.", encoding="utf-8")
    (corpus / "link.md").symlink_to(secret)
    (corpus / "loop.md").symlink_to(corpus / "loop.md")
    (corpus / "inside").mkdir()
    tools = memory_tools(context.store, study=context, folder=corpus)
    message = called(tools, "study_document", path=path.format(outside=secret))

    assert message.status == "error"
    assert "that may be studied" in message.content
    assert message.content.endswith('There are: "bridge.md".')
    assert model.asked == []
    assert context.library.known() == {}


def test_a_file_that_cannot_be_read_is_told_of(context: StudyContext, corpus: Path):
    (corpus / "data.bin").write_bytes(bytes(range(256)))
    tools = memory_tools(context.store, study=context, folder=corpus)

    assert called(tools, "study_document", path="data.bin").status == "error"


def test_it_is_offered_only_with_a_folder_that_is_there(context: StudyContext, corpus: Path):
    assert "study_document" not in [tool.name for tool in memory_tools(context.store)]
    with pytest.raises(SettingsError, match="one of them is missing"):
        memory_tools(context.store, study=context)
    with pytest.raises(SettingsError, match="one of them is missing"):
        memory_tools(context.store, folder=corpus)
    with pytest.raises(SettingsError, match="is not a folder"):
        memory_tools(context.store, study=context, folder=corpus / "bridge.md")


def test_two_sets_of_tools_on_one_context_study_in_turn(
    context: StudyContext, corpus: Path, model: ScriptedModel
):
    """A host may make its tools anew for each request."""
    script, at_once, most = model.script, [], []

    def answering(prompt: str) -> str:
        at_once.append(prompt)
        most.append(len(at_once))
        time.sleep(0.002)
        at_once.remove(prompt)
        return script(prompt)

    model.script = answering
    sets = [memory_tools(context.store, study=context, folder=corpus) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        done = pool.map(lambda tools: called(tools, "study_document", path="bridge.md"), sets)
        kept = sorted(message.content for message in done)

    assert max(most) == 1
    assert kept[0] == 'Studied "bridge.md": 0 new notes of it are in memory.' != kept[1]
