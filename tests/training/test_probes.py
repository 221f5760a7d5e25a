"""What an adapter's drift is measured on."""

from __future__ import annotations

from ingrained.trainer.probes import controls, probes, replay_prompts


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


def test_the_controls_are_everyday_questions_that_nothing_else_asks() -> None:
    found = controls()
    assert len(found) == 60
    asked = {one.question.casefold() for one in found}
    assert len(asked) == 60
    assert not asked & {prompt.casefold() for prompt in replay_prompts()}
    assert not asked & {one.messages[0][1].casefold() for one in probes()}
    for one in found:
        assert one.question.strip().endswith("?")
        assert one.answers
        assert all(0 < len(answer.split()) <= 3 for answer in one.answers)
