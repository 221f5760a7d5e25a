"""How likely given texts are, many in a pass: each after a prefix that is computed already."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .prefill import Prefiller
from .prefixes import Node


def log_probabilities(
    whole: Prefiller, nodes: Sequence[Node], texts: Sequence[Sequence[int]]
) -> list[float]:
    """Return the mean log-probability of each text's tokens after its prompt, natural log.

    What is missing above a node is computed and kept with it, in the same pass where there is room.

    Args:
        whole: Runs the model with its output layer, which is applied to these nodes only.
        nodes: For each text the token before it and all of its own but the last.
        texts: Token ids, at least one each.
    """
    wanted = dict(zip(nodes, texts, strict=True))
    found: dict[Node, float] = {}
    for group in whole.missing_groups(nodes):
        lines = whole.scores_in(group, wanted)
        for node in filter(wanted.__contains__, group):
            found[node] = _mean(lines[: len(node.tokens)], wanted[node])
            lines = lines[len(node.tokens) :]
    return [found[node] for node in nodes]


@torch.inference_mode()
def _mean(lines: torch.Tensor, text: Sequence[int]) -> float:
    chances = torch.log_softmax(lines.float(), dim=-1)
    chosen = torch.tensor(list(text), device=lines.device)[:, None]
    return float(chances.gather(1, chosen).mean())
