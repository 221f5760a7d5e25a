"""Judgements are made once per pair of texts, kept without the texts, and forgotten with them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from ingrained.errors import StoreError
from ingrained.memory.judgements import CachedJudge, Judgements, Key
from ingrained.memory.records import Memory
from ingrained.memory.relations import Relation

NINE = Memory(id="1", text="The Swan inn has nine rooms.")
TWELVE = Memory(id="2", text="The Swan inn has twelve rooms.")
BAR = Memory(id="3", text="The Swan inn has a bar.")


class Contrary:
    """Finds that everything contradicts, and counts what it was asked."""

    def __init__(self, name: str = "contrary") -> None:
        self.name = name
        self.asked: list[tuple[str, str]] = []

    def judge(self, pairs: Sequence[tuple[Memory, Memory]]) -> list[Relation]:
        self.asked += [(older.id, newer.id) for older, newer in pairs]
        return ["contradicts" for _ in pairs]


def test_a_pair_is_judged_once() -> None:
    judge = Contrary()
    cached = CachedJudge(judge, {})
    assert cached.judge([(NINE, TWELVE), (NINE, BAR), (NINE, TWELVE)]) == ["contradicts"] * 3
    assert cached.judge([(NINE, BAR)]) == ["contradicts"]
    assert judge.asked == [("1", "2"), ("1", "3")]


def test_the_other_way_round_is_another_pair() -> None:
    judge = Contrary()
    CachedJudge(judge, {}).judge([(NINE, TWELVE), (TWELVE, NINE)])
    assert judge.asked == [("1", "2"), ("2", "1")]


def test_another_model_or_prompt_judges_anew(tmp_path: Path) -> None:
    cache = Judgements(tmp_path / "judgements.sqlite")
    CachedJudge(Contrary(), cache).judge([(NINE, TWELVE)])
    other = Contrary("contrary, new wording")
    CachedJudge(other, cache).judge([(NINE, TWELVE)])
    assert other.asked == [("1", "2")]
    cache.close()


def test_under_another_title_a_text_is_judged_anew() -> None:
    judge = Contrary()
    titled = Memory(id="4", text=NINE.text, title="The Crown hotel")
    CachedJudge(judge, {}).judge([(NINE, TWELVE), (titled, TWELVE)])
    assert judge.asked == [("1", "2"), ("4", "2")]


def test_judgements_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "memory" / "judgements.sqlite"
    cache = Judgements(path)
    CachedJudge(Contrary(), cache).judge([(NINE, TWELVE)])
    cache.close()
    reopened, judge = Judgements(path), Contrary()
    assert CachedJudge(judge, reopened).judge([(NINE, TWELVE)]) == ["contradicts"]
    assert judge.asked == []
    reopened.close()


def test_a_purged_text_leaves_no_judgement_and_no_digest(tmp_path: Path) -> None:
    path = tmp_path / "judgements.sqlite"
    cache = Judgements(path)
    CachedJudge(Contrary(), cache).judge([(NINE, TWELVE), (TWELVE, BAR), (NINE, BAR)])
    (digest,) = {key.newer for key in cache} & {key.older for key in cache}
    assert digest.encode() in path.read_bytes()
    assert cache.forget_texts([TWELVE.text, "never heard of"]) == 2
    assert len(cache) == 1
    cache.close()
    assert digest.encode() not in path.read_bytes()


def test_no_text_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "judgements.sqlite"
    cache = Judgements(path)
    CachedJudge(Contrary(), cache).judge([(NINE, TWELVE)])
    cache.close()
    assert b"Swan" not in path.read_bytes()


def test_it_is_a_mapping(tmp_path: Path) -> None:
    cache = Judgements(tmp_path / "judgements.sqlite")
    key = Key("a", "b", "c")
    cache[key] = "same"
    assert dict(cache) == {key: "same"}
    del cache[key]
    with pytest.raises(KeyError):
        cache[key]
    with pytest.raises(KeyError):
        del cache[key]
    cache.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "judgements.sqlite"
    path.write_text("no database " * 100)
    with pytest.raises(StoreError, match="judgements"):
        Judgements(path)
