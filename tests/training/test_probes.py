"""What an adapter's drift is measured on."""

from __future__ import annotations

from ingrained.trainer.probes import probes


def test_the_probes_are_everyday_questions_each_with_one_reply() -> None:
    found = probes()
    assert len(found) == len({one.messages for one in found}) == 24
    for one in found:
        ((role, question),) = one.messages
        assert role == "user"
        assert question.strip() == question != ""
        assert one.answer.strip() == one.answer != ""
    assert probes() == found
