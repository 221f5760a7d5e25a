"""A linear layer with a low-rank addition, forward and backward in as few passes as possible.

peft's own layer casts activations to float32 and back and keeps every step for autograd; this one
computes in the base's precision with float32 master weights. What is saved is peft's format.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.autograd.function import once_differentiable


class _LowRank(torch.autograd.Function):
    """y = x Wᵀ + bias + scale · (x Aᵀ) Bᵀ (Hu et al. 2021, equation 3); W and bias are frozen."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        dropped: torch.Tensor | None,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        branch = x if dropped is None else dropped
        hidden = branch @ a.t()
        out = nn.functional.linear(x, weight, bias)
        out.addmm_(hidden, b.t(), alpha=scale)
        ctx.save_for_backward(branch, weight, a, b, hidden)
        ctx.scale, ctx.same = scale, dropped is None
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        branch, weight, a, b, hidden = ctx.saved_tensors
        grad_hidden = (grad @ b).mul_(ctx.scale)
        grad_b = (grad.t() @ hidden).mul_(ctx.scale)
        grad_a = grad_hidden.t() @ branch
        grad_x = grad @ weight if ctx.needs_input_grad[0] else None
        if ctx.same and grad_x is not None:
            grad_x.addmm_(grad_hidden, a)
        grad_dropped = grad_hidden @ a if ctx.needs_input_grad[1] else None
        return grad_x, grad_dropped, None, None, grad_a, grad_b, None


class AdaptedLinear(nn.Module):
    """A frozen linear layer plus scale · B A; B starts at zero, so it starts as the base.

    Args:
        base: The layer to adapt; not copied.
        rank: Inner size of the product.
        alpha: scale is alpha / rank.
        dropout: Probability on the input of the low-rank branch.
    """

    def __init__(self, base: nn.Linear, *, rank: int, alpha: float, dropout: float) -> None:
        super().__init__()
        self.base = base
        self.scale = alpha / rank
        self.dropout = dropout
        device = base.weight.device
        self.a = nn.Parameter(torch.empty(rank, base.in_features, device=device))
        self.b = nn.Parameter(torch.zeros(base.out_features, rank, device=device))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (..., in) to (..., out)."""
        flat = x.reshape(-1, x.shape[-1])
        dropped = nn.functional.dropout(flat, self.dropout) if self.dropout else None
        weight = self.base.weight
        a, b = self.a.to(weight.dtype), self.b.to(weight.dtype)
        apply: Any = _LowRank.apply  # carries no types
        out: torch.Tensor = apply(flat, dropped, weight, self.base.bias, a, b, self.scale)
        return out.view(*x.shape[:-1], -1)
