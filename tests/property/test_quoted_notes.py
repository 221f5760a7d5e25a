"""Whatever a memory says, it is one numbered line that it can neither end nor leave."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ingrained.graphs.listing import listed
from ingrained.memory import Memory, Span

TEXTS = st.text(
    st.one_of(
        st.sampled_from('"\\\n\r\v\f\t[1]({\x1c\x85\u2028\u2029\ud800'),
        st.characters(codec=None, categories=["L", "P", "Zs", "Cc", "Cs"]),
    ),
    max_size=30,
)


@given(texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS), max_size=4))
def test_it_stays_within_its_quotation_marks(texts: list[tuple[str, str, str]]):
    memories = [
        Memory(
            id="ab12", text=text, title=title,
            spans=(Span(document=name, version="", start=0, end=1, quote="", quote_sha256=""),),
        )
        for text, title, name in texts
    ]  # fmt: skip
    lines = listed(memories).splitlines()

    assert len(lines) == len(memories)
    for number, line in enumerate(lines, 1):
        assert line.startswith(f"[{number}] ")
        line.encode()
        rest = line.removeprefix(f"[{number}] ")
        _, end = json.JSONDecoder().raw_decode(rest)
        assert rest[end:].startswith(" (memory ab12, from ")
        _, end_of_name = json.JSONDecoder().raw_decode(rest, end + len(" (memory ab12, from "))
        assert rest[end_of_name:] == ", characters 0 to 1)"
