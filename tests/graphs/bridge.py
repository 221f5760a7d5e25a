"""The page that the graph tests study, and what can be asked about it."""

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
