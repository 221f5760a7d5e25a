"""The kinds of questions.

"A Survey on Self-Evolution of Large Language Models" (arXiv 2404.14387, task evolution) tells
knowledge-based tasks, which stand on given texts, from knowledge-free ones, which the model makes
from tasks it has, and from selective ones, which are chosen from a pool (`selecting`).
"""

from __future__ import annotations

ANSWER_FIRST = "answer-first"
"""A stretch of a note is chosen and the model writes the question it answers."""
FREE_RECALL = "free-recall"
"""The model asks what it likes about a note; the note itself answers."""
CLOZE = "cloze"
"""A few words of a note with one stretch left out."""
REVERSED = "reversed"
"""The old answer is given and something that stood in the question is asked for."""
PARAPHRASE = "paraphrase"
"""The same question in other words."""
TWO_HOP = "two-hop"
"""One question that takes the answers of two notes."""
UNANSWERABLE = "unanswerable"
"""A question no passage answers: the right reply is to say so."""
VARIATION = "variation"
"""The model's own question after the manner of some that it has; no text is in view."""

FIRST = (ANSWER_FIRST, FREE_RECALL, CLOZE)
"""Made from the notes of a passage."""
DERIVED = (REVERSED, PARAPHRASE, TWO_HOP, UNANSWERABLE, VARIATION)
"""Made from questions that are verified already."""
KINDS = (*FIRST, *DERIVED)
