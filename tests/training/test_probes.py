"""What an adapter's drift is measured on."""

from __future__ import annotations

from ingrained.trainer.probes import controls, probes, replay_prompts


def test_what_is_replayed_is_no_probe() -> None:
    prompts = [one.text for one in replay_prompts()]
    assert len(prompts) == len(set(prompts)) == 156
    assert all(prompt.strip() == prompt != "" for prompt in prompts)
    assert not set(prompts) & {one.messages[0][1] for one in probes()}


def test_most_of_what_is_replayed_has_the_form_of_what_is_learnt() -> None:
    for some in (replay_prompts(), replay_prompts()[:48]):
        closed = [one for one in some if one.closed_book]
        assert 0.75 < len(closed) / len(some) < 0.95, "and any beginning is as mixed as all"


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
    assert not asked & {prompt.text.casefold() for prompt in replay_prompts()}
    assert not asked & {one.messages[0][1].casefold() for one in probes()}
    for one in found:
        assert one.question.strip().endswith("?")
        assert one.answers
        assert all(0 < len(answer.split()) <= 3 for answer in one.answers)
