"""What to ask next: the kinds of questions, and how each is made."""
