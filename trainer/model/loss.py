"""Cross entropy of a linear output layer whose logits never exist all at once.

A row of 4,096 targets over a vocabulary of 152,000 has 2.5 GB of logits. Here they exist for a chunk of
targets at a time, and the gradients are made beside them, so that nothing is computed twice
(the idea of Liger Kernel, arXiv 2410.10989). With p the softmax of a target's logits and w its weight,

    loss = sum w (logsumexp(W x) - W_y x)      d/dx = w (W^T p - W_y)      d/dW = w (p - e_y) x^T

The vocabulary may be split over tensor-parallel ranks; each then returns its part of d/dx, which the
region that handed out x sums.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist


def linear_cross_entropy(  # noqa: PLR0913
    hidden: torch.Tensor,
    weight: torch.Tensor,
    targets: torch.Tensor,
    weights: torch.Tensor,
    *,
    dtype: torch.dtype | None = None,
    chunk: int = 256,
    group: dist.ProcessGroup | None = None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the weighted sum of the losses and the losses themselves.

    Args:
        hidden: Hidden states [n, h].
        weight: Output matrix [v, h], or this rank's rows of it.
        targets: Target ids [n], int64, of the whole vocabulary.
        weights: Weights [n], float32.
        dtype: Type that is multiplied in; by default that of `hidden`. Sums are float32.
        chunk: Targets of which logits exist at a time.
        group: The ranks that the vocabulary is split over; None for one.

    Returns:
        The sum, float32, with gradients to `hidden` and `weight`; and the losses [n], float32, without.
    """
    return _LinearCrossEntropy.apply(hidden, weight, targets, weights, dtype or hidden.dtype, chunk, group)


def logits_dtype(name: str, params: torch.dtype) -> torch.dtype:
    """Return the type that ``precision.logits`` names on this machine."""
    if name != "auto":
        return getattr(torch, name)
    if not torch.cuda.is_available() and torch.cpu._is_avx512_bf16_supported():  # noqa: SLF001 - no public word for it
        return torch.bfloat16
    return params


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0913
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        dtype: torch.dtype,
        chunk: int,
        group: dist.ProcessGroup | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows = weight.shape[0]
        local = targets - (group.rank() * rows if group is not None else 0)
        mine = (local >= 0) & (local < rows)
        local = local.clamp(0, rows - 1)
        grads = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        matrix = weight.to(dtype)
        losses = torch.empty(len(targets), dtype=torch.float32, device=hidden.device)
        to_hidden = torch.empty_like(hidden) if grads else None
        to_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if grads else None
        for begin in range(0, len(targets), chunk):
            part = slice(begin, begin + chunk)
            own, scale = mine[part], weights[part]
            states = hidden[part]
            low = states.to(dtype)
            logits = low @ matrix.T
            p = torch.softmax(logits, dim=1, dtype=torch.float32)
            # The greatest probability is exp(greatest logit - logsumexp), which spares a second exponential.
            total = logits.amax(1).float() - p.amax(1).log()
            answers = weight[local[part]]
            right = (states.float() * answers.float()).sum(1) * own
            share = scale
            if group is not None:
                right, everyone = _sum(right, group), _logsumexp(total, group)
                share, total = scale * (total - everyone).exp(), everyone
            losses[part] = total - right
            if to_hidden is not None and to_weight is not None:
                p = p.to(dtype)
                pulled = scale * own
                to_hidden[part] = share[:, None] * (p @ matrix) - pulled[:, None] * answers
                to_weight += p.T @ (share[:, None] * states).to(dtype)
                to_weight.index_add_(0, local[part], -(pulled[:, None] * states).float())
        ctx.save_for_backward(to_hidden, to_weight)
        ctx.weight_dtype = weight.dtype
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_hidden, to_weight = ctx.saved_tensors
        return (to_hidden * grads[0], (to_weight * grads[0]).to(ctx.weight_dtype), None, None, None, None, None)


def _sum(values: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    values = values.clone()
    dist.all_reduce(values, group=group)
    return values


def _logsumexp(values: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    top = values.clone()
    dist.all_reduce(top, op=dist.ReduceOp.MAX, group=group)
    return top + _sum((values - top).exp(), group).log()
