"""Whatever the scores are, a weaker topic never gets fewer tasks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingrained.agent.planning.apportioning import apportion
from ingrained.agent.planning.gradebook import Outcome
from ingrained.agent.planning.objective import weakest
from ingrained.agent.planning.scores import Topic, standing_of

ASKED = 6
failures = st.lists(st.integers(0, ASKED), min_size=1, max_size=5)
corpora = st.lists(failures, min_size=2, max_size=5)
"""Topics, each with the number of failed questions of its passages."""


def parts_of(corpus: list[list[int]]) -> list[Topic]:
    return [
        Topic(id=f"t{t}", name="", passages=tuple(f"t{t}p{p}" for p, _ in enumerate(failed)))
        for t, failed in enumerate(corpus)
    ]


def outcomes_of(corpus: list[list[int]]) -> list[Outcome]:
    return [
        Outcome(question=f"t{t}p{p}q{q}", passage=f"t{t}p{p}", kind="cloze", passed=q >= count)
        for t, failed in enumerate(corpus)
        for p, count in enumerate(failed)
        for q in range(ASKED)
    ]


def planned(corpus: list[list[int]], limit: int) -> tuple[str, ...]:
    parts = parts_of(corpus)
    return weakest(parts, standing_of(parts, outcomes_of(corpus)), limit)


def share(passages: tuple[str, ...], topic: int) -> float:
    return sum(one.startswith(f"t{topic}p") for one in passages) / max(1, len(passages))


@given(corpora, st.integers(1, 12), st.data())
def test_the_weaker_a_topic_the_larger_its_share(
    corpus: list[list[int]], limit: int, data: st.DataObject
) -> None:
    topic = data.draw(st.integers(0, len(corpus) - 1))
    passage = data.draw(st.integers(0, len(corpus[topic]) - 1))
    weaker = [list(failed) for failed in corpus]
    weaker[topic][passage] = data.draw(st.integers(corpus[topic][passage], ASKED))
    assert share(planned(weaker, limit), topic) >= share(planned(corpus, limit), topic)


@given(corpora, st.integers(1, 12))
def test_a_plan_is_full_and_takes_only_what_fails(corpus: list[list[int]], limit: int) -> None:
    failing = {
        f"t{t}p{p}" for t, failed in enumerate(corpus) for p, count in enumerate(failed) if count
    }
    passages = planned(corpus, limit)
    assert len(set(passages)) == len(passages) == min(limit, len(failing))
    assert set(passages) <= failing


@given(
    st.dictionaries(st.text("abc", min_size=1), st.floats(0, 1e6), min_size=1, max_size=6),
    st.integers(0, 30),
)
def test_all_seats_are_given_in_proportion(weights: dict[str, float], seats: int) -> None:
    given_ = apportion(weights, seats)
    assert sum(given_.values()) == (seats if any(weights.values()) else 0)
    for one, weight in weights.items():
        for other, heavier in weights.items():
            assert weight >= heavier or given_[one] <= given_[other]
