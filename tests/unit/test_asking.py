"""The one door to the model: batches, the meter, and the adapter at two strengths."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from langchain_core.messages import AIMessage
from models_tiny import tiny_engine, tiny_model, tiny_tokenizer, write_adapter
from pydantic import Field

from ingrained.agent.answering import closed_book
from ingrained.agent.asking import Asker, Meter, PhaseCost
from ingrained.agent.chatting import Conversation
from ingrained.agent.commands.sitting import Candidate, sit_exam
from ingrained.agent.exam import Exam, Item, sit
from ingrained.agent.library import Library
from ingrained.agent.models.chat import IngrainedChat
from ingrained.agent.models.engine import Engine
from ingrained.agent.recalling import Recaller
from ingrained.agent.replies import ReplyCache
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


def test_of_a_reply_in_blocks_the_text_is_the_reply() -> None:
    blocks = [{"type": "reasoning", "reasoning": "Who?"}, {"type": "text", "text": "Mara Vint"}]
    asker = Asker(ScriptedModel(script=lambda _: AIMessage(blocks)))
    assert asker.ask([closed_book(QUESTION)], phase="ask") == ["Mara Vint"]


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
def test_so_does_a_single_question(
    model: Adaptable, asker: Asker, store: MemoryStore, cell: str, used: str | None
) -> None:
    Conversation(asker, store, adapter="v001", cell=cell).answer(QUESTION)

    assert [options["adapter"] for options in model.options] == [used]


def test_an_adapter_is_read_whole_and_weakened(model: Adaptable, asker: Asker) -> None:
    assert model.loaded == [("v001", FOLDER, 1.0), ("v001_beside_notes", FOLDER, 0.25)]
    assert asker.adapter_in("both", "v001", notes=True) == "v001_beside_notes"


def test_another_strength_reads_only_the_weakened_one_again(model: Adaptable, asker: Asker) -> None:
    asker.load_adapter("v001", FOLDER, strength_beside_notes=0.5)
    assert model.loaded[2:] == [("v001_beside_notes", FOLDER, 0.5)]


def test_one_that_was_weakened_by_itself_works_so_in_view_of_notes_too(
    model: Adaptable, asker: Asker
) -> None:
    asker.load_adapter("v001", FOLDER, strength=0.5)
    assert model.loaded[2:] == [("v001", FOLDER, 0.5)]
    assert asker.adapter_in("both", "v001", notes=True) == "v001"
    asker.load_adapter("v001", FOLDER, strength=0.5, strength_beside_notes=0.25)
    assert model.loaded[3:] == [], "both are known at these strengths"
    assert asker.adapter_in("both", "v001", notes=True) == "v001_beside_notes"


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


def test_the_seconds_of_a_phase_within_another_count_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0, 1, 4, 6, 9, 10])
    monkeypatch.setattr("time.perf_counter", lambda: float(next(ticks)))
    meter = Meter()
    with meter.phase("examine"):
        for _ in range(2):
            with meter.phase("practice"):
                pass
    assert {name: cost.seconds for name, cost in meter.phases.items()} == {
        "examine": 4.0, "practice": 6.0,
    }  # fmt: skip


def test_a_killed_run_goes_on_counting(asker: Asker) -> None:
    with asker.meter.phase("quiz"):
        asker.ask([closed_book(QUESTION)], phase="quiz")
    saved: dict[str, Any] = asker.meter.to_plain()
    again = Asker(asker.model, Meter.from_plain(saved))
    again.ask([closed_book(QUESTION)], phase="quiz")

    assert again.meter.tokens == 2 * asker.meter.tokens > 0
    assert again.meter.of("quiz").seconds == asker.meter.of("quiz").seconds > 0


def test_the_costs_of_an_older_home_are_read() -> None:
    old = {"seconds": 1.5, "tokens_in": 9, "tokens_cached": 3, "tokens_out": 2, "calls": 1}
    assert Meter.from_plain({"quiz": old}).of("quiz") == PhaseCost(**old)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ReplyCache]:
    with ReplyCache(tmp_path / "replies.sqlite") as cache:
        yield cache


QUESTIONS = [closed_book(f"Number {number}?") for number in range(3)]


class TestReplies:
    def test_what_was_said_is_not_asked_again_and_counts_as_replayed(
        self, model: Adaptable, cache: ReplyCache
    ) -> None:
        first = Asker(model, replies=cache)
        said = first.ask(QUESTIONS[:2], phase="quiz")
        again = Asker(model, replies=cache)
        assert again.ask(QUESTIONS, phase="quiz")[:2] == said
        assert len(model.asked) == 3
        before, after = first.meter.of("quiz"), again.meter.of("quiz")
        assert (before.calls_replayed, before.tokens_replayed, before.seconds_saved) == (0, 0, 0.0)
        assert (after.calls, after.calls_replayed) == (3, 2)
        assert (after.tokens_in, after.tokens_out) == (3 * 7, 3 * 2)
        assert after.tokens_replayed == before.tokens_in + before.tokens_out
        assert after.seconds_saved > 0

    def test_one_that_adds_up_elsewhere_knows_them_too(
        self, model: Adaptable, cache: ReplyCache
    ) -> None:
        asker = Asker(model, replies=cache)
        asker.ask(QUESTIONS, phase="quiz")
        other = asker.metered_by(Meter())
        other.ask(QUESTIONS, phase="quiz")
        assert len(model.asked) == 3
        assert other.meter.of("quiz").calls_replayed == 3
        assert asker.meter.of("quiz").calls_replayed == 0

    @pytest.mark.parametrize(
        "other",
        [{"max_tokens": 9}, {"stop": ("?",)}, {"adapter": "v001"}, {"temperature": 0.5}],
        ids=str,
    )
    def test_asked_otherwise_it_is_another_reply(
        self, model: Adaptable, cache: ReplyCache, other: dict[str, Any]
    ) -> None:
        asker = Asker(model, replies=cache)
        asker.load_adapter("v001", FOLDER)
        asker.ask(QUESTIONS, phase="quiz")
        asker.ask(QUESTIONS, phase="quiz", **other)
        assert len(model.asked) == 6

    def test_a_greedy_reply_hangs_on_no_seed(self, model: Adaptable, cache: ReplyCache) -> None:
        asker = Asker(model, replies=cache)
        for seed in (0, 1):
            asker.ask(QUESTIONS, phase="quiz", seed=seed)
        assert len(model.asked) == 3
        for seed in (0, 1):
            asker.ask(QUESTIONS, phase="quiz", seed=seed, temperature=0.5)
        assert len(model.asked) == 9

    def test_another_model_is_asked_anew(self, cache: ReplyCache) -> None:
        for name in ("one", "other"):
            model = ScriptedModel(script=lambda _: "Mara", model_name=name)
            Asker(model, replies=cache).ask(QUESTIONS, phase="quiz")
            assert len(model.asked) == 3

    def test_what_a_provider_sampled_is_not_kept(self, cache: ReplyCache) -> None:
        model = ScriptedModel(script=lambda _: "Mara")
        for _ in range(2):
            Asker(model, replies=cache).ask(QUESTIONS, phase="quiz", temperature=0.5)
        assert len(model.asked) == 6
        assert len(cache) == 0

    def test_an_adapter_trained_anew_under_its_name_is_asked_anew(
        self, model: Adaptable, cache: ReplyCache, tmp_path: Path
    ) -> None:
        for weights in (b"one", b"other", b"other"):
            (tmp_path / "adapter_model.safetensors").write_bytes(weights)
            asker = Asker(model, replies=cache)
            asker.load_adapter("v001", tmp_path)
            asker.ask(QUESTIONS, phase="quiz", adapter="v001")
        assert len(model.asked) == 6

    def test_another_strength_beside_notes_is_asked_anew(
        self, model: Adaptable, cache: ReplyCache
    ) -> None:
        asker = Asker(model, replies=cache)
        for strength in (0.25, 0.5, 0.25):
            asker.load_adapter("v001", FOLDER, strength_beside_notes=strength)
            weak = asker.adapter_in("both", "v001", notes=True)
            asker.ask(QUESTIONS, phase="quiz", adapter=weak)
        assert len(model.asked) == 6

    def test_an_adapter_that_nobody_knows_keeps_nothing(
        self, model: Adaptable, cache: ReplyCache
    ) -> None:
        Asker(model, replies=cache).ask(QUESTIONS, phase="quiz", adapter="other")
        assert len(cache) == 0

    def test_a_cache_that_fails_changes_nothing(self, model: Adaptable, tmp_path: Path) -> None:
        (tmp_path / "damaged").write_bytes(b"no database" * 100)
        cache = ReplyCache(tmp_path / "damaged", told=lambda _: None)
        said = Asker(model, replies=cache).ask(QUESTIONS, phase="quiz")
        assert said == Asker(model).ask(QUESTIONS, phase="quiz")

    def test_no_prompt_is_on_the_disk(self, cache: ReplyCache, tmp_path: Path) -> None:
        model = ScriptedModel(script=lambda _: "nine")
        Asker(model, replies=cache).ask([closed_book(QUESTION)], phase="quiz")
        kept = b"".join(file.read_bytes() for file in tmp_path.glob("replies*"))
        assert b"nine" in kept
        assert b"Orlan" not in kept


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny model on the disk."""
    folder = tmp_path_factory.mktemp("tiny")
    tiny_model().save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


def tiny_chat(folder: Path, **fields: Any) -> IngrainedChat:
    engine = Engine.load(folder, dtype=torch.float32, device="cpu")
    return IngrainedChat(engine=engine, model_name="tiny", **fields)


class TestRepliesOfOurModel:
    def test_more_samples_of_a_prompt_go_on_where_fewer_ended(
        self, folder: Path, cache: ReplyCache
    ) -> None:
        prompts = [QUESTIONS[0]] * 5 + [QUESTIONS[1]] * 2
        options: dict[str, Any] = {"phase": "vote", "temperature": 1.5, "seed": 3, "max_tokens": 6}
        whole = Asker(tiny_chat(folder)).ask(prompts, **options)
        asker = Asker(tiny_chat(folder), replies=cache)
        assert asker.ask(prompts[2:], **options) == whole[:3] + whole[5:]
        assert asker.ask(prompts, **options) == whole
        assert asker.ask(prompts, **options) == whole
        assert len(set(whole)) > 2
        assert asker.meter.of("vote").calls_replayed == 2 + 7

    def test_likelihoods_are_kept_one_by_one(self, folder: Path, cache: ReplyCache) -> None:
        plain = Asker(tiny_chat(folder)).likelihoods(QUESTIONS[0], ["a", "bc", "d"], phase="exam")
        asker = Asker(tiny_chat(folder), replies=cache)
        chosen = asker.choose(QUESTIONS[0], ["bc", "d"], phase="exam")
        told = asker.likelihoods(QUESTIONS[0], ["a", "bc", "d"], phase="exam")
        assert told == pytest.approx(plain, rel=1e-4)
        assert asker.choose(QUESTIONS[0], ["bc", "d"], phase="exam") == chosen
        cost = asker.meter.of("exam")
        assert (cost.calls, cost.calls_replayed) == (7, 4)

    def test_other_weights_and_another_system_message_are_asked_anew(
        self, folder: Path, cache: ReplyCache, tmp_path: Path
    ) -> None:
        other = tiny_model()
        with torch.no_grad():
            next(other.parameters()).mul_(2)
        other.save_pretrained(tmp_path / "other")
        tiny_tokenizer().save_pretrained(tmp_path / "other")
        asked = [
            tiny_chat(folder),
            tiny_chat(tmp_path / "other"),
            tiny_chat(folder, system="Be brief."),
            tiny_chat(folder),
        ]
        askers = [Asker(model, replies=cache) for model in asked]
        for asker in askers:
            asker.ask(QUESTIONS, phase="quiz")
        assert [one.meter.of("quiz").calls_replayed for one in askers] == [0, 0, 0, 3]

    def test_weights_of_no_folder_cannot_be_told_apart(self, cache: ReplyCache) -> None:
        model = IngrainedChat(engine=tiny_engine(), model_name="tiny")
        asker = Asker(model, replies=cache)
        asker.ask(QUESTIONS, phase="quiz")
        asker.choose(QUESTIONS[0], ["a", "b"], phase="quiz")
        assert len(cache) == 0


class TestStop:
    def test_our_model_ends_with_the_stop_text_and_computes_nothing_after_it(
        self, folder: Path, cache: ReplyCache
    ) -> None:
        asker = Asker(tiny_chat(folder), replies=cache)
        whole = asker.ask(QUESTIONS, phase="whole", max_tokens=24)
        stop = whole[0][2:4]
        ends = [reply.find(stop) + 2 for reply in whole]
        cut = asker.ask(QUESTIONS, phase="cut", max_tokens=24, stop=("never said", stop))
        assert cut == [
            reply[:end] if end > 1 else reply for reply, end in zip(whole, ends, strict=True)
        ]
        assert asker.meter.of("cut").tokens_out < asker.meter.of("whole").tokens_out
        assert asker.ask(QUESTIONS, phase="cut", max_tokens=24, stop=("never said", stop)) == cut

    def test_replies_of_others_are_cut_at_the_first_one(self) -> None:
        model = ScriptedModel(script=lambda _: "When? Or who! Where?")
        asker = Asker(model)
        assert asker.ask(QUESTIONS[:1], phase="quiz", stop=("!", "?")) == ["When?"]
        assert asker.ask(QUESTIONS[:1], phase="quiz", stop=(";",)) == ["When? Or who! Where?"]
        assert all("stop" not in options for options in model.options)
