"""The one door to the model: batches, the meter, and the adapter at two strengths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from models_tiny import tiny_engine, write_adapter
from pydantic import Field

from ingrained.agent.answering import closed_book
from ingrained.agent.asking import Asker, Meter
from ingrained.agent.chatting import Conversation
from ingrained.agent.commands.sitting import Candidate, sit_exam
from ingrained.agent.exam import Exam, Item, sit
from ingrained.agent.library import Library
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.recalling import Recaller
from ingrained.agent.testing import ScriptedModel
from ingrained.memory import Memory, MemoryStore
from ingrained.memory.testing import HashEmbedder

FOLDER = Path("adapters/v001")
QUESTION = "Who built the Orlan Bridge?"


class Adaptable(ScriptedModel):
    """Notes which adapters it was made to read, and how strongly they shall work."""

    loaded: list[tuple[str, Path, float]] = Field(default_factory=list)

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        self.loaded.append((name, path, strength))


@pytest.fixture
def model() -> Adaptable:
    return Adaptable(script=lambda prompt: f" {prompt.splitlines()[-1]} ")


@pytest.fixture
def asker(model: Adaptable) -> Asker:
    """With the adapter v001 at hand, a quarter of it beside notes."""
    asker = Asker(model)
    asker.load_adapter("v001", FOLDER, strength_beside_notes=0.25)
    return asker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MemoryStore]:
    with MemoryStore.open(tmp_path, HashEmbedder()) as store:
        built = Memory(id="", text="Mara Vint built the Orlan Bridge.")
        store.insert([built], who="test", why="a page was read")
        yield store


CELLS = [("base", None), ("memory", None), ("adapter", "v001"), ("both", "v001_beside_notes")]


@pytest.mark.parametrize(("cell", "used"), CELLS)
def test_an_exam_weakens_the_adapter_only_beside_notes(
    model: Adaptable, asker: Asker, store: MemoryStore, cell: str, used: str | None
) -> None:
    item = Item(id="1", question=QUESTION, answers=("Mara Vint",))
    recall = Recaller(store).recall
    sit([item], cell, asker, recall=recall, gold=lambda _: "", adapter="v001")

    assert [options["adapter"] for options in model.options] == [used]
    assert ("Mara Vint" in model.asked[0]) is (cell in ("memory", "both"))


def test_the_exam_that_a_user_sits_knows_the_weakened_adapter(
    model: Adaptable, asker: Asker, store: MemoryStore, tmp_path: Path
) -> None:
    exam = Exam(
        name="one", items=(Item(id="1", question=QUESTION, answers=("Mara Vint",)),), sha256=""
    )
    library = Library(tmp_path / "library.sqlite")
    candidate = Candidate(asker=asker, store=store, library=library, adapter="v001")
    sit_exam(exam, ["adapter", "both"], candidate)
    library.close()

    assert [options["adapter"] for options in model.options] == ["v001", "v001_beside_notes"]


@pytest.mark.parametrize(("cell", "used"), CELLS)
def test_so_does_a_conversation_in_one_piece_or_streamed(
    model: Adaptable, asker: Asker, store: MemoryStore, cell: str, used: str | None
) -> None:
    talk = Conversation(asker, store, adapter="v001", cell=cell)
    talk.answer(QUESTION)
    list(talk.stream(QUESTION))

    assert [options["adapter"] for options in model.options] == [used, used]


def test_an_adapter_is_read_whole_and_weakened(model: Adaptable, asker: Asker) -> None:
    assert model.loaded == [("v001", FOLDER, 1.0), ("v001_beside_notes", FOLDER, 0.25)]
    assert asker.adapter_in("both", "v001", notes=True) == "v001_beside_notes"


def test_another_strength_reads_only_the_weakened_one_again(model: Adaptable, asker: Asker) -> None:
    asker.load_adapter("v001", FOLDER, strength_beside_notes=0.5)
    assert model.loaded[2:] == [("v001_beside_notes", FOLDER, 0.5)]


def test_at_full_strength_there_is_one_adapter_for_both(model: Adaptable, asker: Asker) -> None:
    asker.load_adapter("v001", FOLDER)
    asker.load_adapter("v002", FOLDER)
    assert model.loaded[2:] == [("v002", FOLDER, 1.0)]
    names = ("v001", "v002")
    assert tuple(asker.adapter_in("both", name, notes=True) for name in names) == names


def test_what_was_never_loaded_is_asked_for_by_its_own_name(asker: Asker) -> None:
    assert asker.adapter_in("both", "other", notes=True) == "other"
    assert asker.adapter_in("both", None, notes=True) is None


def test_where_nothing_is_recalled_the_whole_adapter_answers(
    model: Adaptable, asker: Asker, store: MemoryStore
) -> None:
    items = [
        Item(id="1", question=QUESTION, answers=("Mara Vint",)),
        Item(id="2", question="Which enzyme unwinds deoxyribonucleic acid?", answers=("helicase",)),
    ]
    graded = sit(
        items, "both", asker, recall=Recaller(store).recall, gold=lambda _: "", adapter="v001"
    )

    assert [bool(one.sources) for one in graded] == [True, False]
    assert [options["adapter"] for options in model.options] == ["v001_beside_notes", "v001"]


def test_the_weakened_adapter_says_something_between_the_base_and_the_whole(
    tmp_path: Path,
) -> None:
    asker = Asker(IngrainedChat(engine=tiny_engine(), model_name="tiny"))
    asker.load_adapter("v001", write_adapter(tmp_path, 1), strength_beside_notes=0.01)
    base, weak, whole = (
        asker.model.likelihoods(QUESTION, ["Mara"], adapter=adapter)[0]
        for adapter in (None, asker.adapter_in("both", "v001", notes=True), "v001")
    )
    assert 0 < abs(weak - base) < abs(whole - base)


def test_many_prompts_get_their_replies_in_order_and_are_metered_by_phase(
    model: Adaptable, asker: Asker
) -> None:
    prompts = [closed_book(f"Number {number}?") for number in range(20)]
    assert asker.ask(prompts, phase="quiz", max_tokens=7, temperature=0.5, seed=3) == [
        f"Number {number}?" for number in range(20)
    ]
    assert model.options[0] == {"max_tokens": 7, "temperature": 0.5, "seed": 3, "adapter": None}
    cost = asker.meter.of("quiz")
    assert (cost.calls, cost.tokens_in, cost.tokens_out) == (20, 20 * 7, 20 * 2)


def test_nothing_asked_costs_nothing(model: Adaptable, asker: Asker) -> None:
    assert asker.ask([], phase="quiz") == []
    assert not model.asked
    assert asker.meter.tokens == 0


def test_a_model_without_adapters_is_not_asked_for_one() -> None:
    model = ScriptedModel(script=lambda _: "Mara Vint")
    Asker(model).ask([closed_book(QUESTION)], phase="ask")
    assert model.options == [{"max_tokens": 32, "temperature": 0.0}]


def test_a_killed_run_goes_on_counting(asker: Asker) -> None:
    with asker.meter.phase("quiz"):
        asker.ask([closed_book(QUESTION)], phase="quiz")
    saved: dict[str, Any] = asker.meter.to_plain()
    again = Asker(asker.model, Meter.from_plain(saved))
    again.ask([closed_book(QUESTION)], phase="quiz")

    assert again.meter.tokens == 2 * asker.meter.tokens > 0
    assert again.meter.of("quiz").seconds == asker.meter.of("quiz").seconds > 0
