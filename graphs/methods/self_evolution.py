"""SELF (Lu et al. 2023, arXiv 2310.00533): learn to criticise and refine, then from refined answers.

First the meta-skills are learnt: feedback on a draft, and a better draft by it. The paper's examples
come from a stronger model; ours are made of what the quiz has verified: the untouched model's own
wrong answers as drafts, the place and the fix named by the right one. Then come rounds: answer with
nothing in view, criticise and refine with the text in view, keep what the model's own feedback lets
pass, and train from the base on that and the meta-skills. Each round asks in other words. Every
second problem is an example of the skills; what the filter and the refinement are worth is counted
on the others.
"""

from __future__ import annotations

from collections.abc import Sequence

from ingrained.agent.answering import closed_book
from ingrained.agent.grading import abstained, words
from ingrained.agent.prompts import Messages
from ingrained.agent.solving import Case, Refined, flips, self_refine
from ingrained.agent.solving.crafts import answers
from ingrained.agent.solving.refining import STOP_PHRASE, Feedback
from ingrained.trainer.rows import StudyRow

from .lesson import PHASE, Learned, Lesson, Problem, answer_rows

META = "meta-skills"
ROUNDS = 2


def learn(lesson: Lesson) -> Learned:
    """Train the meta-skills, then by rounds; the last round that had anything to learn counts."""
    problems = lesson.problems()
    skills = _skill_rows(lesson, problems)
    stage = lesson.stage(META, skills)
    learnt: dict[int, str] = {}
    for number in range(1, ROUNDS + 1):
        refined = _refined(lesson, problems, stage, number)
        passed = [n for n, one in enumerate(refined) if _passed(one)]
        if not passed:
            break
        learnt |= {n: refined[n].text for n in passed}
        rows = [
            row for n, text in sorted(learnt.items()) for row in answer_rows(problems[n], [text])
        ]
        facts = _facts(problems, refined, passed)
        stage = lesson.stage(f"round-{number}", [*skills, *rows], facts=facts)
    return lesson.finish(stage)


def skill_rows(problem: Problem, draft: str) -> list[StudyRow]:
    """Return what is to be said of a draft and of the right answer, and what to make of a wrong one."""
    craft, case = answers(), _case(problem)
    praised = _row(problem, craft.critic(case, problem.answer), STOP_PHRASE)
    if not words(draft):
        return [praised]
    if problem.solved(draft):
        return [_row(problem, craft.critic(case, draft), STOP_PHRASE)]
    said = f"Place: {draft}\nFix: The text says {problem.answer}."
    history = Refined(drafts=(draft,), feedback=(Feedback(text=said),)).history
    return [
        praised,
        _row(problem, craft.critic(case, draft), said),
        _row(problem, craft.refine(case, history), problem.answer),
    ]


def _row(problem: Problem, prompt: Messages, reply: str) -> StudyRow:
    return StudyRow(messages=prompt, answer=reply, memory_ids=problem.memory_ids)


def _case(problem: Problem, question: str = "") -> Case:
    return Case(passage=problem.text, question=question or problem.question)


def _skill_rows(lesson: Lesson, problems: Sequence[Problem]) -> list[StudyRow]:
    examples = problems[::2]
    drafts = lesson.ask([closed_book(one.question) for one in examples], stage=None)
    return [
        row
        for problem, draft in zip(examples, drafts, strict=True)
        for row in skill_rows(problem, answers().read(draft))
    ]


def _refined(lesson: Lesson, problems: Sequence[Problem], stage: str, number: int) -> list[Refined]:
    """Answer all problems in the words of a round, and refine the answers."""
    asked = [one.wordings[(number - 1) % len(one.wordings)] for one in problems]
    craft = answers()
    replies = lesson.ask([closed_book(question) for question in asked], stage=stage)
    cases = [_case(one, question) for one, question in zip(problems, asked, strict=True)]
    return self_refine(
        lesson.context.asker.through(lesson.asked_by(stage)), cases, craft,
        drafts=[craft.read(reply) for reply in replies], phase=PHASE,
    )  # fmt: skip


def _passed(refined: Refined) -> bool:
    """Return whether the model's own feedback lets an answer pass, and it is one."""
    return (
        refined.ended == "satisfied" and bool(words(refined.text)) and not abstained(refined.text)
    )


def _facts(
    problems: Sequence[Problem], refined: Sequence[Refined], passed: Sequence[int]
) -> dict[str, float]:
    """Return what the filter and the refinement were worth on what was no example of the skills."""
    new = range(1, len(problems), 2)
    right = {n for n in new if problems[n].solved(refined[n].text)}
    kept, others = set(passed) & set(new), set(new) - set(passed)
    turned = flips(refined[1::2], [[one.answer] for one in problems[1::2]])
    return {
        "kept": len(passed),
        "kept_new": len(kept),
        "kept_right": len(right & kept) / len(kept) if kept else 0.0,
        "rejected_right": len(right & others) / len(others) if others else 0.0,
        "right_to_wrong": turned.right_to_wrong,
        "wrong_to_right": turned.wrong_to_right,
    }
