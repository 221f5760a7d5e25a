"""What an adapter's drift is measured on."""

from __future__ import annotations

from ingrained.trainer.probes import probes, replay_prompts


def test_what_is_replayed_is_no_probe() -> None:
    prompts = replay_prompts()
    assert len(prompts) == len(set(prompts)) == 48
    assert all(prompt.strip() == prompt != "" for prompt in prompts)
    assert not set(prompts) & {one.messages[0][1] for one in probes()}


def test_the_probes_are_everyday_questions_each_with_one_reply() -> None:
    found = probes()
    assert len(found) == len({one.messages for one in found}) == 24
    for one in found:
        ((role, question),) = one.messages
        assert role == "user"
        assert question.strip() == question != ""
        assert one.answer.strip() == one.answer != ""
    assert probes() == found
