"""What one home has to show: records of its runs and exams, and the HTML page made of them."""

from __future__ import annotations
