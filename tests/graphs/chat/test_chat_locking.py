"""Two processes at one conversation: no turn is lost, and none comes back that was purged."""

from __future__ import annotations

import pytest
from chat_talk import DOG, own

from ingrained.errors import HomeBusyError
from ingrained.graphs.chat import open_threads
from ingrained.graphs.erasing import erase


def test_a_conversation_is_answered_by_one_at_a_time(talk, home):
    with open_threads(home) as threads:

        def reply(prompt: str) -> str:
            if prompt.splitlines()[-1].endswith("at Teskow?"):
                with pytest.raises(HomeBusyError) as busy:
                    threads.ask(DOG, one.context)
                assert "another conversation" in busy.value.hint
                threads.ask("And in another one?", talk(thread="another").context)
            return "Yes"

        one = talk(reply)
        one.say("Who built the mill at Teskow?")
        threads.ask(DOG, one.context)
    assert [user for user, _ in one.turns()] == ["Who built the mill at Teskow?", DOG]
    assert [user for user, _ in talk(thread="another").turns()] == ["And in another one?"]


def test_what_is_purged_while_a_turn_is_answered_does_not_come_back(talk, home, store):
    one = talk()
    one.say(DOG)
    said = own(store)[DOG].id

    def purge(_: str) -> str:
        with pytest.raises(HomeBusyError, match="being answered"):
            erase(home, store, [said], who="me", why="asked to")
        return "Yes"

    one.model.script = purge
    one.say("Who built the mill at Teskow?")
    assert [user for user, _ in one.turns()] == [DOG, "Who built the mill at Teskow?"]
    assert own(store)[DOG], "nothing was changed"
    assert erase(home, store, [said], who="me", why="asked to").conversations == 1
    assert one.turns() == []


def test_while_a_purge_erases_no_turn_begins(talk, home, store, monkeypatch):
    one = talk()
    one.say(DOG)
    purged, refused = type(store).purge, []
    monkeypatch.setattr("ingrained.graphs.chat.locking._WAIT", 0.0)

    def purge(*given, **options):
        with pytest.raises(HomeBusyError) as busy:
            talk(thread="new").say("What is my dog called?")
        refused.append(busy)
        return purged(*given, **options)

    monkeypatch.setattr(type(store), "purge", purge)
    erase(home, store, [own(store)[DOG].id], who="me", why="asked to")
    assert len(refused) == 1
    assert talk(thread="new").turns() == []


def test_a_name_is_given_to_one_only(home, talk):
    talk().say(DOG)
    with open_threads(home) as mine, open_threads(home) as theirs:
        assert mine.claim("me", "now")
        assert not theirs.claim("me", "now")
        assert theirs.claim("ada", "now")
        assert not theirs.claim("me", "conversation"), "it was used"
