"""Whatever was asked before, and however much of it is still kept: replies are as without a cache."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings
from langchain_core.messages import AIMessage

from ingrained.agent.asking import Asker, Meter
from ingrained.agent.replies import ReplyCache
from ingrained.agent.testing import ScriptedModel

BATCHES = st.lists(
    st.fixed_dictionaries({
        "prompts": st.lists(st.sampled_from("abc"), max_size=6),
        "temperature": st.sampled_from([0.0, 0.7]),
        "seed": st.integers(0, 1),
        "max_tokens": st.integers(2, 3),
        "stop": st.sampled_from([(), ("?",)]),
        "cached": st.booleans(),
    }),
    max_size=8,
)  # fmt: skip


class Numbering(ScriptedModel):
    """Says something that hangs on all that a reply of ours hangs on, as our engine does."""

    script: Any = None
    fingerprint: str = "numbering"

    def load_adapter(self, name: str, path: Path, *, strength: float = 1.0) -> None:
        raise NotImplementedError

    def batch(self, inputs: list[Any], config: Any = None, **options: Any) -> list[AIMessage]:
        seen: Counter[str] = Counter()
        replies = []
        for messages in inputs:
            (prompt,) = (message.content for message in messages)
            sampled = f" {options['seed']}.{seen[prompt]}" if options["temperature"] else ""
            seen[prompt] += 1
            replies.append(self._say(f"{prompt}{sampled} {options['max_tokens']}? more"))
        return replies

    def _say(self, text: str) -> AIMessage:
        usage = {"input_tokens": 5, "output_tokens": len(text), "total_tokens": 5 + len(text)}
        return AIMessage(content=text, usage_metadata=usage)


def ask(asker: Asker, batch: dict[str, Any]) -> list[str]:
    prompts = [(("user", letter),) for letter in batch["prompts"]]
    options = {name: batch[name] for name in ("temperature", "seed", "max_tokens", "stop")}
    return asker.ask(prompts, phase="quiz", **options)


@given(batches=BATCHES, limit=st.integers(1, 9))
@settings(max_examples=150, deadline=None)
def test_any_batches_get_the_replies_and_cost_the_tokens_of_a_run_without(
    batches: list[dict[str, Any]], limit: int
) -> None:
    plain = Asker(Numbering())
    with tempfile.TemporaryDirectory() as folder:
        cache = ReplyCache(Path(folder) / "replies.sqlite", limit=limit)
        keeping = Asker(Numbering(), replies=cache)
        computing = Asker(Numbering(), keeping.meter)
        for batch in batches:
            asker = keeping if batch["cached"] else computing
            assert ask(asker, batch) == ask(plain, batch)
        assert len(cache) <= limit
        assert cache.trouble is None
        cache.close()
    assert keeping.meter.tokens == plain.meter.tokens
    assert Meter.from_plain(keeping.meter.to_plain()) == keeping.meter
