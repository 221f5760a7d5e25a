"""What holds for the passages of any document whatsoever."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ingrained.agent.reading.documents import Document
from ingrained.agent.reading.outline import headings
from ingrained.agent.reading.passages import estimate_tokens, split
from ingrained.agent.reading.sentences import sentences

EXAMPLES = settings(max_examples=60, deadline=None)

anything = st.text(alphabet=st.characters(), max_size=300)
lines = st.sampled_from(
    [
        "# Top",
        "## Sub",
        "### Deep ###",
        "Under\n===",
        "Under\n---",
        "- item",
        "> quote",
        "```",
        "",
        "Dr. Ames came on 12 May 1204. He left.",
        "Größe 🏰 日本語。次。",
        "word " * 60,
    ]
)
marked_up = st.lists(lines | anything, max_size=12).map("\n".join)
texts = anything | marked_up
budgets = st.integers(min_value=1, max_value=80)


def document(text: str) -> Document:
    return Document.of(id="d", title="Title", text=text)


@EXAMPLES
@given(texts, budgets)
def test_spans_are_exact_ordered_and_disjoint(text: str, budget: int) -> None:
    passages = split(document(text), max_tokens=budget)
    end = 0
    for index, passage in enumerate(passages):
        assert passage.index == index
        assert end <= passage.start < passage.end
        assert text[passage.start : passage.end] == passage.text == passage.text.strip()
        end = passage.end
    assert len({passage.id for passage in passages}) == len(passages)


@EXAMPLES
@given(texts, budgets)
def test_all_but_headings_and_space_is_covered(text: str, budget: int) -> None:
    left = list(text)
    for part in [*headings(text), *split(document(text), max_tokens=budget)]:
        left[part.start : part.end] = " " * (part.end - part.start)
    assert not "".join(left).strip()


@EXAMPLES
@given(texts, budgets)
def test_the_budget_is_kept_down_to_single_characters(text: str, budget: int) -> None:
    for passage in split(document(text), max_tokens=budget):
        assert passage.tokens == estimate_tokens(passage.text) <= budget


@EXAMPLES
@given(texts, budgets)
def test_splitting_again_gives_the_same(text: str, budget: int) -> None:
    assert split(document(text), max_tokens=budget) == split(document(text), max_tokens=budget)


plain = st.text(alphabet="abc DE.,!?\n12é日", max_size=200)


@EXAMPLES
@given(st.lists(plain, min_size=2, max_size=4), plain, st.data())
def test_an_edit_in_one_section_leaves_the_ids_of_the_others(
    bodies: list[str], edit: str, data: st.DataObject
) -> None:
    edited = data.draw(st.integers(min_value=0, max_value=len(bodies) - 1))

    def ids(texts: list[str]) -> dict[str, list[str]]:
        whole = "".join(f"\n\n## Section {n}\n\n{body}" for n, body in enumerate(texts))
        found: dict[str, list[str]] = {f"Title > Section {n}": [] for n in range(len(texts))}
        for passage in split(document(whole), max_tokens=20):
            found[passage.heading].append(passage.id)
        return found

    before = ids(bodies)
    after = ids([edit if n == edited else body for n, body in enumerate(bodies)])
    for heading in before.keys() - {f"Title > Section {edited}"}:
        assert after[heading] == before[heading]


@EXAMPLES
@given(texts)
def test_sentences_cover_everything_but_space(text: str) -> None:
    left = list(text)
    end = 0
    for start, stop in sentences(text):
        assert end <= start < stop
        left[start:stop] = " " * (stop - start)
        end = stop
    assert not "".join(left).strip()
