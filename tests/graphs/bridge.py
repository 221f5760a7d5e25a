"""The pages that the graph tests study, what can be asked about them, and who reads them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from pydantic import Field

from ingrained.agent.library import Library
from ingrained.agent.mechanisms import QUESTION_KINDS
from ingrained.agent.testing import ScriptedModel
from ingrained.memory.records import Memory
from ingrained.memory.store import MemoryStore
from ingrained.memory.testing import HashEmbedder

PLAIN = frozenset(["answer-first", "round-trip", "quiz-verified"])
"""Chosen answers, tried and remembered, and nothing else."""
EVERY_KIND = PLAIN | QUESTION_KINDS.keys()
PAGE = """# The Orlan Bridge

## Making

Mara Vint built the Orlan Bridge in 1402. The bridge was paid for by the salt guild of Teskow.

## Size

The Orlan Bridge has nine arches. Its keystone weighs 700 kilograms.
"""

FACTS = {
    "Who built the Orlan Bridge?": ("Mara Vint", "Mara Vint built"),
    "In what year was the Orlan Bridge built?": ("1402", "Mara Vint built"),
    "When was the Orlan Bridge built?": ("1402", "Mara Vint built"),
    "What town had the guild that paid for the Orlan Bridge?": ("Teskow", "salt guild"),
    "How many arches does the Orlan Bridge have?": ("nine arches", "nine arches"),
    "How many kilograms does the keystone of the Orlan Bridge weigh?": (
        "700 kilograms",
        "keystone weighs",
    ),
}
"""Question → its answer, and words that stand in the text it can be answered from."""


def reader(prompt: str) -> str:
    """Ask well, reword, answer from the text in the prompt, and know nothing otherwise."""
    if "You reword quiz questions" in prompt:
        return _other_words(prompt)
    if "You write quiz questions" in prompt or "You join two quiz questions" in prompt:
        return _question(prompt)
    question = prompt.rstrip().rsplit("\n", 1)[-1].removeprefix("Question: ")
    answer, evidence = FACTS.get(question, ("", ""))
    return answer if evidence and evidence in prompt else "I don't know."


def _question(prompt: str) -> str:
    """Return a question for the answer at the end of the prompt, if that is what it asks for."""
    *_, last = prompt.rsplit("Topic:", 1)
    answer, opener = _field(last, "Answer"), _field(last, "First words")
    fitting = (q for q, (a, _) in FACTS.items() if a == answer and q.startswith(opener))
    return next(fitting, "What?")


def _other_words(prompt: str) -> str:
    question = _field(prompt.rsplit("Question: ", 1)[-1], "")
    answer, _ = FACTS[question]
    return next((q for q, (a, _) in FACTS.items() if a == answer and q != question), "What?")


def _field(text: str, label: str) -> str:
    """Return the rest of the line after a label; of the first line without one."""
    _, _, rest = text.partition(f"{label}: ") if label else ("", "", text)
    return rest.split("\n")[0].strip()


MASON = """# Mara Vint

## Youth

Mara Vint was born in Quell Harbour. She was taught masonry by Tobin Ashe.

## Teacher

Tobin Ashe died in 1433. His grave lies under a slab of blue slate.
"""
"""A second page, whose questions join with those of the first, and with each other."""

TOLL = """# Toll

Boats wait until somebody on the far shore rings the old bell twice and then waves.

The ferry of the Toll crosses the wide river Sarn in eleven minutes on most days of the year.
"""
"""A page whose first note offers nothing to ask for; of its second only a gap can be made."""

UNASKED = "wide river Sarn"
"""Stands in the note that no question but a gap is made of."""

Fact = tuple[str, str, tuple[str, ...]]
"""A question, its answer, and what has to be in view for it: words of each place."""
FREELY: Fact = (
    "What do boats at the Toll wait for?", "somebody on the far shore", ("far shore rings",)
)  # fmt: skip
KNOWN: list[Fact] = [
    *((question, answer, (evidence,)) for question, (answer, evidence) in FACTS.items()),
    ("Where was Mara Vint born?", "Quell Harbour", ("born in",)),
    ("In which place was Mara Vint born?", "Quell Harbour", ("born in",)),
    ("Who taught Mara Vint masonry?", "Tobin Ashe", ("taught masonry",)),
    ("In what year did Tobin Ashe die?", "1433", ("Ashe died",)),
    ("Of what is the slab on the grave of Tobin Ashe?", "blue slate", ("slab of",)),
    FREELY,
]
GAP: Fact = (
    "About Toll, tell me: The ferry of the Toll crosses the wide river who or what in eleven "
    "minutes on most days?",
    "Sarn", (UNASKED,),
)  # fmt: skip
REVERSED: Fact = ("What did Mara Vint build in 1402?", "Orlan Bridge", ("Mara Vint built",))
FAR: Fact = (
    "Where was the person who built the Orlan Bridge born?",
    "Quell Harbour", ("Mara Vint built", "born in"),
)  # fmt: skip
"""Takes two documents."""
NEAR: Fact = (
    "In what year did the person who taught Mara Vint masonry die?",
    "1433", ("taught masonry", "Ashe died"),
)  # fmt: skip
"""Takes two passages of one document."""
VARIED: Fact = (
    "Who gave the money for the Orlan Bridge?", "salt guild", ("salt guild",)
)  # fmt: skip
EVERYTHING = [*KNOWN, GAP, REVERSED, FAR, NEAR, VARIED]

TASKS = {
    "vary": "You write quiz questions about one topic",
    "begin": "Ask for what stands in the gap [?]. Name the subject in full. Use the given",
    "ask": "Ask for what stands in the gap [?]. Name the subject",
    "freely": "Ask one question that the sentence answers",
    "reverse": "Put the given words into the question",
    "reword": "You reword quiz questions",
    "refine": "Heed the feedback",
    "open": "Answer in a few words, from the text.",
    "memory": "Answer in a few words, from the notes.",
    "closed": "Answer in a few words.",
    "fill": "Copy the words that are missing in the gap",
    "critic": "Check the draft",
    "explain": "Say in one sentence why",
    "claim": "You answered a question wrongly",
    "advise": "The reply is wrong",
    "topic": "Choose the topic",
    "kind": "Choose the kind",
}
"""What a prompt wants → words of its first line; the first that fits counts."""


def task_of(prompt: str) -> str:
    """Return what a prompt wants, by its first line."""
    first = prompt.split("\n", 1)[0]
    return next((task for task, words in TASKS.items() if words in first), "other")


def question_in(prompt: str) -> str:
    """Return the question that a prompt ends in, whatever stands below it."""
    if task_of(prompt) == "closed":
        return prompt.split("\n")[1]
    return prompt.rsplit("Question: ", 1)[-1].split("\n")[0].strip()


def view_of(prompt: str) -> str:
    """Return what is laid before the model to answer from."""
    return prompt.split("\n", 1)[-1].rsplit("Question: ", 1)[0].strip()


def asked(prompts: Iterable[str], *tasks: str) -> list[str]:
    """Return the prompts that want one of these."""
    return [prompt for prompt in prompts if task_of(prompt) in tasks]


BORN = "Where was Mara Vint born?"
BUILDER = "Who built the Orlan Bridge?"


class Pupil:
    """Asks and answers by the facts it is given, and knows nothing by heart.

    Args:
        facts: What it can ask and answer.
        roles: Task → what it says there; None leaves it to the facts.
    """

    def __init__(
        self, facts: Sequence[Fact] = EVERYTHING, **roles: Callable[[str], str | None]
    ) -> None:
        self.facts = list(facts)
        self.roles = roles

    def __call__(self, prompt: str) -> str:
        task = task_of(prompt)
        said = self.roles[task](prompt) if task in self.roles else None
        return self._own(task, prompt) if said is None else said

    def _own(self, task: str, prompt: str) -> str:
        if task in ("ask", "begin", "freely", "reverse"):
            return self._of_note(task, prompt)
        if task == "reword":
            return self._reworded(question_in(prompt))
        if task == "vary":
            return VARIED[0]
        if task == "fill":
            text, gap = prompt.rsplit("Text: ", 1)[-1].split("\nGap: ")
            return GAP[1] if gap.replace("___", GAP[1]) in text else "I don't know."
        if task == "critic":
            return "Nothing to fix."
        question, view = question_in(prompt), view_of(prompt)
        answers = (a for q, a, seen in self.facts if q == question and all(s in view for s in seen))
        return next(answers, "I don't know.")

    def _of_note(self, task: str, prompt: str) -> str:
        """Return a question that the sentence of a prompt answers with what is wanted."""
        *_, last = prompt.rsplit("Sentence: ", 1)
        sentence, *_ = last.split("\n")
        answer, given = _field(last, "Answer"), _field(last, "Given")
        wanted = {"freely": FREELY[1], "reverse": REVERSED[1]}.get(task, answer)
        fitting = (
            q for q, a, seen in self.facts
            if a == wanted and given in q and seen[0] in sentence.replace("[?]", a)
            and (q == REVERSED[0]) == (task == "reverse") and len(seen) == 1 and q != GAP[0]
        )  # fmt: skip
        return next(fitting, "What?")

    def _reworded(self, question: str) -> str:
        answer, places = next((a, seen) for q, a, seen in self.facts if q == question)
        others = (q for q, a, s in self.facts if (a, s) == (answer, places) and q != question)
        return next(others, "What?")


class Adaptable(ScriptedModel):
    """A scripted model that has all facts by heart once an adapter is on, if it learns at all."""

    learns: bool = True

    loaded: set[str] = Field(default_factory=set)

    def load_adapter(self, name: str, folder: Path, **_options: Any) -> None:
        assert (folder / "adapter_model.safetensors").is_file()
        self.loaded.add(name)

    def unload_adapter(self, name: str) -> None:
        self.loaded.remove(name)

    def _generate(self, messages: Any, stop: Any = None, run_manager: Any = None, **kw: Any) -> Any:
        made = super()._generate(messages, stop, run_manager, **kw)
        question = str(messages[-1].content).rsplit("Question: ", 1)[-1].strip()
        if self.learns and kw.get("adapter") and question in FACTS:
            made.generations[0].message.content = FACTS[question][0]
        return made


def write_town(corpus: Path) -> None:
    """Put the other pages beside the first."""
    (corpus / "artisan.md").write_text(MASON, encoding="utf-8")
    (corpus / "toll.md").write_text(TOLL, encoding="utf-8")


def questions(home: Path, kind: str = "") -> list[dict[str, Any]]:
    """Return the accepted questions of a home, of one kind or of all."""
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        return [one for one in library.questions() if kind in ("", one["kind"])]


def traces(home: Path) -> list[dict[str, Any]]:
    """Return what is on record of the rounds of a home."""
    with closing(Library(home / "library.sqlite", read_only=True)) as library:
        return library.gradebook.traces()


def memories(home: Path) -> list[Memory]:
    """Return what is remembered in a home."""
    with MemoryStore.open(home, HashEmbedder(), read_only=True) as store:
        return store.list()


class Wavering:
    """Gives a question's replies one after the other, each time it is asked open-book.

    Args:
        question: Which.
        replies: Its replies in order; the last one stays.
    """

    def __init__(self, question: str, *replies: str) -> None:
        self.question, self.replies = question, replies
        self.times: Counter[str] = Counter()

    def __call__(self, prompt: str) -> str | None:
        if question_in(prompt) != self.question:
            return None
        self.times[prompt] += 1
        return self.replies[min(self.times[prompt], len(self.replies)) - 1]


class Killed(BaseException):
    """Stands for the process ending: no handler may catch it."""


def dying(original: Callable[..., Any], *, after: bool) -> Callable[..., Any]:
    """Return what ends the process before, or after, it has done as the original does."""

    def die(*args: Any, **options: Any) -> None:
        if after:
            original(*args, **options)
        raise Killed

    return die
