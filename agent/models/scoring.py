"""How likely given texts are, many in a pass: each after a prefix that is computed already."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .prefill import Prefiller
from .prefixes import Node


def log_probabilities(
    whole: Prefiller,
    ends: Sequence[Node | None],
    prompts: Sequence[Sequence[int]],
    texts: Sequence[Sequence[int]],
) -> list[float]:
    """Return the mean log-probability of each text's tokens after its prompt, natural log.

    Args:
        whole: Runs the model with its output layer.
        ends: Where each prompt but for its last token ends in the tree, computed.
        prompts: Token ids, at least one each.
        texts: Token ids, at least one each.
    """
    nodes = [
        Node((prompt[-1], *text[:-1]), end)
        for end, prompt, text in zip(ends, prompts, texts, strict=True)
    ]
    wanted = dict(zip(nodes, texts, strict=True))
    found: dict[Node, float] = {}
    for group in whole.groups(nodes):
        _, output = whole.run(group)
        start = 0
        for node in group:
            lines = output.logits[0, start : start + len(node.tokens)]
            found[node] = _mean(lines, wanted[node])
            start += len(node.tokens)
    return [found[node] for node in nodes]


@torch.inference_mode()
def _mean(lines: torch.Tensor, text: Sequence[int]) -> float:
    chances = torch.log_softmax(lines.float(), dim=-1)
    chosen = torch.tensor(list(text), device=lines.device)[:, None]
    return float(chances.gather(1, chosen).mean())
