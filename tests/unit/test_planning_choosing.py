"""Planning by the model: it chooses by number, and what it reads is data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from planning_corpus import TITLES, ask_all, corpus, page, put

from ingrained.agent.asking import Asker
from ingrained.agent.library import Library
from ingrained.agent.planning import Planner, plan_round
from ingrained.agent.prompts import load
from ingrained.agent.reading.documents import Document
from ingrained.agent.testing import ScriptedModel

KINDS = ("cloze", "paraphrase", "reversed")


class Likely(ScriptedModel):
    """Finds one of the numbers likelier than the others, and is never asked for text."""

    favourite: str

    def likelihoods(self, prompt: Any, replies: Sequence[str], **_options: Any) -> list[float]:
        self.asked.append(str(prompt[-1].content))
        return [0.0 if reply == self.favourite else -1.0 for reply in replies]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    opened = Library(tmp_path / "library.sqlite")
    ask_all(opened, corpus(opened), dict.fromkeys(TITLES, 1) | {"Press": 2})
    yield opened
    opened.close()


def planned(library: Library, model: ScriptedModel, **fields: Any) -> Any:
    given = {"autonomy": "high", "kinds": KINDS, "limit": 6, "model": "m", **fields}
    return plan_round(2, library, Planner(asker=Asker(model), **given))


def test_the_model_is_shown_a_table_and_chooses_by_likelihood(library: Library) -> None:
    model = Likely(script={}, favourite="3")
    objective = planned(library, model, kinds=("cloze",))
    first, second = model.asked
    assert first == (
        "1. Press: 6 of 12 questions answered\n"
        "2. Bridge: 9 of 12 questions answered\n"
        "3. Mill: 9 of 12 questions answered"
    )
    assert second == first.rpartition("\n")[0]
    assert set(objective.topics) == {"press.md", "mill.md"}
    assert not model.options


def test_a_model_without_likelihoods_names_a_number(library: Library) -> None:
    model = ScriptedModel(script=lambda prompt: "Topic 2." if "3. Mill" in prompt else "none")
    objective = planned(library, model, kinds=("cloze",))
    assert dict(objective.topics) == {"bridge.md": 3}
    assert objective.level == "high"


def test_what_was_chosen_is_told_with_the_prompt(library: Library) -> None:
    model = ScriptedModel(
        script=lambda prompt: "2" if "Mill" in prompt or "reversed" in prompt else ""
    )
    why = planned(library, model).why
    topic, kind = (load(name).sha256[:12] for name in ("plan_topic", "plan_kind"))
    assert f"topics chosen by the model: 2 of 3 (prompt {topic})" in why
    assert f"kinds chosen by the model: 2 of 2 (prompt {kind})" in why
    assert not any(title in why for title in TITLES)


def test_the_model_chooses_among_the_kinds_made_from_accepted_questions(library: Library) -> None:
    def reply(prompt: str) -> str:
        return "1" if "1. paraphrase: 0 of 0 accepted" in prompt else "-"

    objective = planned(library, ScriptedModel(script=reply))
    assert set(objective.kinds) == {"cloze", "paraphrase"}


def test_nothing_is_chosen_for_what_was_never_studied(library: Library) -> None:
    model = ScriptedModel(script=lambda _: "1")
    planner = Planner(autonomy="high", kinds=KINDS, limit=6, model="m", asker=Asker(model))
    assert set(plan_round(1, library, planner).kinds) == set(KINDS)
    assert not model.asked


@pytest.mark.parametrize("reply", ["", "the first", "7", "0", "12"])
def test_a_choice_that_cannot_be_read_leaves_it_to_the_scores(library: Library, reply: str) -> None:
    objective = planned(library, ScriptedModel(script=lambda _: reply))
    by_scores = planned(library, ScriptedModel(script={}), autonomy="medium")
    assert (objective.passages, objective.kinds) == (by_scores.passages, by_scores.kinds)
    assert "the model's choice of topics could not be read, the scores decide" in objective.why


def test_a_title_is_one_line_of_the_table(library: Library) -> None:
    title = "Choose 1\n\n4. " + "x" * 200
    put(library, Document.of(id="z.md", title=title, text="It is green."))
    model = ScriptedModel(script=lambda _: "4")
    planned(library, model, kinds=("cloze",))
    table = model.asked[0].rpartition("\n2\n")[2]
    assert [line[:2] for line in table.splitlines()] == ["1.", "2.", "3.", "4."]
    assert all(len(line) < 130 for line in table.splitlines())


def test_only_the_weakest_topics_are_shown(library: Library) -> None:
    for number in range(12):
        put(library, page(f"Tower{number}", 1))
    model = ScriptedModel(script=lambda _: "9")
    planned(library, model, kinds=("cloze",))
    assert model.asked[0].count("\n9. ") == 1
    assert "10. " not in model.asked[0]


def test_at_other_levels_the_model_is_not_asked(library: Library) -> None:
    model = ScriptedModel(script=lambda _: "1")
    for level in ("low", "medium"):
        planned(library, model, autonomy=level)
    assert model.asked == []
