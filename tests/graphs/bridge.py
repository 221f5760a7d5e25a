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
    """Ask well, answer from the text in the prompt, and know nothing otherwise."""
    if "First words:" in prompt:
        return _question(prompt)
    question = prompt.rstrip().rsplit("\n", 1)[-1].removeprefix("Question: ")
    answer, evidence = FACTS.get(question, ("", ""))
    return answer if evidence and evidence in prompt else "I don't know."


def _question(prompt: str) -> str:
    asked = prompt.rsplit("Topic:", 1)[-1]
    answer = asked.split("Answer: ")[1].split("\n")[0]
    opener = asked.split("First words: ")[1].strip()
    fitting = (q for q, (a, _) in FACTS.items() if a == answer and q.startswith(opener))
    return next(fitting, "What?")
