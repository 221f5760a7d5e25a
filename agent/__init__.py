"""The one who studies: reads, asks, answers, grades; and the doors to it."""
