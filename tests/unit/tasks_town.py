"""A town, a lighthouse and a school: three documents that share names, and questions on them."""

from __future__ import annotations

from ingrained.agent.tasks.wishes import Place, Verified

NOTES = {
    "tower": ["The Varn Lighthouse was built by Ilsa Pern in 1704.", "It burns 90 litres of oil a night."],
    "town": ["Ilsa Pern was born in Quell Harbour.", "The Quell Harbour is older than the Miren Canal."],
    "school": ["Tavish Oke founded the Brask Library in 1810.", "The roof of the Brask Library is of slate."],
}  # fmt: skip
TOPICS = {"tower": "Varn Lighthouse", "town": "Quell Harbour", "school": "Brask Library"}


def place(document: str, number: int = 0) -> Place:
    return Place(
        passage=f"{document}/1",
        document=document,
        topic=TOPICS[document],
        text=NOTES[document][number],
        around=" ".join(NOTES[document]),
        note=number,
    )


def verified(document: str, number: int, question: str, answer: str) -> Verified:
    return Verified(id=question, question=question, answer=answer, place=place(document, number))


BUILDER = verified("tower", 0, "Who built the Varn Lighthouse?", "Ilsa Pern")
OIL = verified("tower", 1, "How many litres of oil does the Varn Lighthouse burn?", "90 litres")
BORN = verified("town", 0, "Where was Ilsa Pern born?", "Quell Harbour")
ROOF = verified("school", 1, "What is the roof of the Brask Library made of?", "slate")
FOUNDER = verified("school", 0, "In what year did Tavish Oke found the Brask Library?", "1810")
