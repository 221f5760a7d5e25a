"""Linear layers whose weights lie in memory the way the processor multiplies them.

oneDNN multiplies a matrix in blocks. With torch's row-by-row weights it rearranges them in every
call, which at the few rows of a decode step takes longer than the product itself. Rearranging them
once, when the model is loaded, makes a step with 16 rows about 1.5 times and one with a single row
about twice as fast, in bfloat16 where the processor has it and in float32 elsewhere.
"""

from __future__ import annotations

import torch
from torch import nn

_ROWS = 16
"""The number of rows to lay the weights out for; other numbers work, and as fast."""


class PackedLinear(nn.Linear):
    """Does what the given layer does, in its place, and takes over its memory.

    It stays an `nn.Linear` so that LoRA can be put on top. Its `weight` has the right shape, type
    and device but a single stored element: only `packed` holds the numbers.

    Args:
        linear: A layer on the processor, of a type that `can_pack` accepts.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        with torch.no_grad():
            self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), _ROWS)
        hollow = linear.weight.new_full((1, 1), float("nan")).expand_as(linear.weight)
        self.weight = nn.Parameter(hollow, requires_grad=False)
        self.bias = linear.bias

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return input · weightᵀ + bias."""
        made: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            input, self.packed, self.bias, "none", [], ""
        )
        return made


def pack(model: nn.Module) -> None:
    """Pack all linear layers of a model, where the processor gains from it.

    The output layer may share its matrix with the embedding, which then keeps a copy of its own.
    """
    if not can_pack(model):
        return
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child))


def can_pack(model: nn.Module) -> bool:
    """Say whether all of the model is on the processor, in one type that its oneDNN computes in."""
    weights = {(weight.device.type, weight.dtype) for weight in model.parameters()}
    if not torch._C._has_mkldnn:
        return False
    if weights == {("cpu", torch.bfloat16)}:
        return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return weights == {("cpu", torch.float32)}


def free(model: nn.Module) -> None:
    """Release the memory of a model's weights; it cannot run afterwards."""
    for module in model.modules():
        if isinstance(module, PackedLinear):
            module.packed = torch.empty(0)
    model.to("meta")
