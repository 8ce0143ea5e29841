"""Corrections of Megatron-core 0.19.2, on any device."""

from __future__ import annotations

import torch
import torch.distributed as dist
from megatron.core.tensor_parallel.mappings import reduce_from_tensor_model_parallel_region
from megatron.core.transformer.moe import moe_utils


def correct() -> None:
    """Put the corrections in place; again changes nothing.

    The router sums its tokens per expert over tensor-parallel ranks in place and, where there is a padding
    mask, takes its own number of tokens from them after that: the gradient of the load-balancing loss
    comes out as many times too large as there are ranks.
    """
    moe_utils.reduce_from_tensor_model_parallel_region = _sum_of_copy


def _sum_of_copy(values: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    return reduce_from_tensor_model_parallel_region(values.clone(), group)
