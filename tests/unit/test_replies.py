"""Replies that are kept: found again, bounded, shared, forgotten on request, and never in the way."""

from __future__ import annotations

import logging
import multiprocessing
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingrained.agent.replies import Reply, ReplyCache, replay, reply_keys
from ingrained.errors import HomeVersionError, StoreError

SAID = Reply(text="Mara Vint", tokens_in=20, tokens_cached=12, tokens_out=3, seconds=0.25)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "replies.sqlite"


@pytest.fixture
def cache(path: Path) -> Iterator[ReplyCache]:
    with ReplyCache(path) as cache:
        yield cache


def test_what_was_said_is_found_again_with_what_it_cost(path: Path) -> None:
    with ReplyCache(path) as cache:
        cache.put({"a": SAID, "b": Reply(text="")})
    with ReplyCache(path) as again:
        assert again.get(["a", "b", "c"]) == {"a": SAID, "b": Reply(text="")}
        assert len(again) == 2


@pytest.mark.parametrize("text", ["half a pair: \ud83d", "zero: \0.", "líne\u2028 🙂"])
def test_any_text_comes_back_as_it_was(cache: ReplyCache, text: str) -> None:
    cache.put({"a": Reply(text=text)})
    assert cache.get(["a"])["a"].text == text


class TestKeys:
    PROMPTS = ((("user", "Who?"),), (("user", "When?"),), (("user", "Who?"),))

    def test_equal_prompts_share_a_key_unless_they_are_numbered(self) -> None:
        one, other, same = reply_keys(self.PROMPTS, "model", numbered=False)
        assert one == same != other
        assert len(set(reply_keys(self.PROMPTS, "model", numbered=True))) == 3

    def test_neighbours_and_order_do_not_matter(self) -> None:
        (alone,) = reply_keys(self.PROMPTS[:1], "model", numbered=True)
        _, backwards, _ = reply_keys([self.PROMPTS[1], *self.PROMPTS[:2]], "model", numbered=False)
        assert backwards == alone

    def test_circumstances_are_part_of_it(self) -> None:
        (one,) = reply_keys(self.PROMPTS[:1], "model", {"seed": 1}, numbered=True)
        (other,) = reply_keys(self.PROMPTS[:1], "model", {"seed": 2}, numbered=True)
        assert one != other


class TestReplay:
    def test_only_what_is_not_known_is_computed(self, cache: ReplyCache) -> None:
        asked: list[list[str]] = []

        def compute(left: list[str]) -> list[Reply]:
            asked.append(left)
            return [Reply(text=one.upper()) for one in left]

        for batch in (["a", "b"], ["c", "b", "a", "c"], ["a"]):
            keys = reply_keys(batch, numbered=False)
            said = replay(cache, batch, keys, compute)
            assert [one.text for one in said] == [one.upper() for one in batch]
        assert asked == [["a", "b"], ["c"]]
        assert [one.replayed for one in said] == [True]

    def test_of_equal_prompts_that_are_sampled_all_before_a_lost_one_are_computed(
        self, cache: ReplyCache
    ) -> None:
        asked: list[list[str]] = []

        def compute(left: list[str]) -> list[Reply]:
            asked.append(left)
            return [Reply(text=f"{one}{number}") for number, one in enumerate(left)]

        batch = ["a", "a", "a", "a"]
        keys = reply_keys(batch, numbered=True)
        cache.put({keys[0]: Reply(text="a0"), keys[3]: Reply(text="a3")})
        said = replay(cache, batch, keys, compute)
        assert [one.text for one in said] == ["a0", "a1", "a2", "a3"]
        assert asked == [["a", "a", "a"]]
        assert [one.replayed for one in said] == [False, False, False, True]


class TestBounds:
    def test_what_is_used_least_recently_goes_first(self, path: Path) -> None:
        with ReplyCache(path, limit=2) as cache:
            cache.put({"old": SAID})
            cache.put({"older": SAID})
            cache.get(["old"])
            cache.put({"new": SAID})
            assert cache.get(["old", "older", "new"]).keys() == {"old", "new"}

    def test_being_used_is_remembered_from_one_process_to_the_next(self, path: Path) -> None:
        with ReplyCache(path) as cache:
            cache.put({"old": SAID})
            cache.put({"older": SAID})
        with ReplyCache(path) as cache:
            cache.get(["old"])
        with ReplyCache(path, limit=2) as cache:
            cache.put({"new": SAID})
            assert cache.get(["old", "older"]).keys() == {"old"}


def keep_many(path: Path, first: int) -> None:
    with ReplyCache(path) as cache:
        for number in range(first, first + 40):
            cache.put({str(number): Reply(text=f"reply {number}")})
        assert cache.trouble is None


def test_two_processes_keep_their_replies_in_one_file(path: Path) -> None:
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=keep_many, args=(path, first)) for first in (0, 40)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    with ReplyCache(path) as cache:
        assert len(cache) == 80


def test_a_kill_loses_no_more_than_the_batch_under_way(path: Path) -> None:
    script = (
        "import os, sys\nfrom pathlib import Path\n"
        "from ingrained.agent.replies import Reply, ReplyCache\n"
        "cache = ReplyCache(Path(sys.argv[1]))\ncache.put({'a': Reply(text='kept')})\n"
        "cache._db.execute('BEGIN IMMEDIATE')\ncache._db.execute('DELETE FROM replies')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    with ReplyCache(path) as cache:
        assert cache.get(["a"])["a"].text == "kept"


class TestTrouble:
    def damaged(self, path: Path) -> Path:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"this is no database" * 100)
        return path

    def test_a_damaged_file_is_told_of_once_and_gone_without(self, path: Path) -> None:
        told: list[StoreError] = []
        cache = ReplyCache(self.damaged(path), told=told.append)
        cache.put({"a": SAID})
        assert cache.get(["a"]) == {}
        assert len(cache) == 0
        assert told == [cache.trouble]
        assert "replies" in str(told[0])
        assert "move it away" in told[0].hint
        cache.close()

    def test_by_default_a_warning_is_logged(
        self, path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            ReplyCache(self.damaged(path)).close()
        assert "cannot be used" in caplog.text

    def test_a_full_disk_is_gone_without(self, path: Path) -> None:
        told: list[StoreError] = []
        with ReplyCache(path, told=told.append) as cache:
            cache.put({"a": SAID})
            pages = cache._db.execute("PRAGMA page_count").fetchone()[0]
            cache._db.execute(f"PRAGMA max_page_count={pages}")
            cache.put({"b": Reply(text="long " * 10_000)})
            assert cache.get(["a", "b"]) == {}
        assert "Free some space" in told[0].hint
        with ReplyCache(path) as cache:
            assert cache.get(["a", "b"]) == {"a": SAID}

    def test_a_folder_that_cannot_be_made_is_gone_without(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")
        told: list[StoreError] = []
        with ReplyCache(tmp_path / "file" / "replies.sqlite", told=told.append) as cache:
            assert cache.get(["a"]) == {}
        assert "permissions" in told[0].hint

    def test_a_file_of_a_newer_version_is_left_alone(self, path: Path) -> None:
        with ReplyCache(path) as cache:
            cache.put({"a": SAID})
            cache._db.execute("PRAGMA user_version=99")
        before = path.read_bytes()
        with ReplyCache(path, told=lambda _: None) as cache:
            assert cache.get(["a"]) == {}
            assert isinstance(cache.trouble, HomeVersionError)
        assert path.read_bytes() == before

    def test_a_file_of_an_older_version_starts_afresh(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        old = sqlite3.connect(path)
        old.execute("CREATE TABLE replies (key TEXT, reply TEXT)")
        old.close()
        with ReplyCache(path) as cache:
            cache.put({"a": SAID})
            assert cache.get(["a"]) == {"a": SAID}

    def test_a_closed_one_knows_nothing(self, path: Path) -> None:
        cache = ReplyCache(path)
        cache.put({"a": SAID})
        cache.close()
        cache.close()
        assert cache.get(["a"]) == {}
        with pytest.raises(StoreError, match="closed"):
            cache.clear()


def everything_on_disk(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


class TestForgetting:
    def test_clearing_leaves_no_reply_and_no_key(self, cache: ReplyCache, path: Path) -> None:
        cache.put({"0123456789abcdef": SAID})
        assert cache.clear() == 1
        assert len(cache) == 0
        left = everything_on_disk(path)
        assert b"Mara" not in left
        assert b"0123456789abcdef" not in left
        cache.put({"a": SAID})
        assert len(cache) == 1

    def test_a_file_that_cannot_be_read_is_cleared(self, path: Path) -> None:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"Mara Vint" * 1000)
        with ReplyCache(path, told=lambda _: None) as cache:
            assert cache.clear() == 0
        assert not path.exists()
