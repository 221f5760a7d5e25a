"""In and out: memories into files and back, and out of other memories' files."""

from __future__ import annotations

from .moving import TRUST, ExportForm, Tally, Wishes, bring_in, export, survey
from .reading import Source, form_of, is_export, open_source
from .rows import FORMAT, Form, Header, Row, Skipped
from .writing import write_jsonl, write_parquet

__all__ = [
    "FORMAT",
    "TRUST",
    "ExportForm",
    "Form",
    "Header",
    "Row",
    "Skipped",
    "Source",
    "Tally",
    "Wishes",
    "bring_in",
    "export",
    "form_of",
    "is_export",
    "open_source",
    "survey",
    "write_jsonl",
    "write_parquet",
]
