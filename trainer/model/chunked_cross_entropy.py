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

# Columns of logits that are worked on at a time on a processor: with 256 targets they stay in its cache.
_BLOCK = 8192


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
    def forward(  # noqa: PLR0913, PLR0917
        ctx: Any,
        hidden: torch.Tensor,
        weight: torch.Tensor,
        targets: torch.Tensor,
        weights: torch.Tensor,
        dtype: torch.dtype,
        chunk: int,
        group: dist.ProcessGroup | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        rows, count = weight.shape[0], len(targets)
        local = targets - (group.rank() * rows if group is not None else 0)
        mine = (local >= 0) & (local < rows)
        local = local.clamp(0, rows - 1)
        blocks = [slice(at, at + _BLOCK) for at in range(0, rows, _BLOCK)] if weight.is_cpu else [slice(rows)]
        matrix = weight.detach().to(dtype)
        grads = ctx.needs_input_grad[0] or ctx.needs_input_grad[1]
        losses = torch.empty(count, dtype=torch.float32, device=hidden.device)
        to_hidden = torch.empty_like(hidden) if grads else None
        to_weight = torch.zeros(weight.shape, dtype=torch.float32, device=weight.device) if grads else None
        # One memory for all chunks: fresh memory costs more than the products.
        softmaxes = torch.empty(min(chunk, count), rows, dtype=dtype, device=hidden.device) if grads else None
        for begin in range(0, count, chunk):
            part = slice(begin, begin + chunk)
            states, answers, own, scale = hidden[part], weight[local[part]], mine[part], weights[part]
            low = states.to(dtype)
            totals = torch.stack([_softmax(low, matrix, block, softmaxes) for block in blocks])
            total = totals.logsumexp(0)
            right = (states.float() * answers.float()).sum(1) * own
            if group is not None:
                total, right = _logsumexp(total, group), _sum(right, group)
            losses[part] = total - right
            if to_hidden is not None and to_weight is not None and softmaxes is not None:
                pull = (scale * own)[:, None]
                pushed = -pull * answers.float()
                # A block's softmax becomes its part of the whole one.
                for block, share in zip(blocks, (scale * (totals - total).exp())[..., None], strict=True):
                    p = softmaxes[: len(low), block]
                    pushed += share * (p @ matrix[block])
                    to_weight[block] += p.T @ (share * states).to(dtype)
                to_hidden[part] = pushed
                to_weight.index_add_(0, local[part], -pull * states.float())
        ctx.save_for_backward(to_hidden, to_weight)
        ctx.weight_dtype = weight.dtype
        ctx.mark_non_differentiable(losses)
        return (losses * weights).sum(), losses

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_hidden, to_weight = ctx.saved_tensors
        return (to_hidden * grads[0], (to_weight * grads[0]).to(ctx.weight_dtype), None, None, None, None, None)


def _softmax(low: torch.Tensor, matrix: torch.Tensor, block: slice, into: torch.Tensor | None) -> torch.Tensor:
    """Put the softmax over a block of the vocabulary into a buffer, and return the logsumexp, float32 [n]."""
    logits = low @ matrix[block].T
    p = torch.softmax(logits, dim=1, dtype=torch.float32)
    if into is not None:
        into[: len(low), block] = p
    # The greatest probability is exp(greatest logit - logsumexp), which spares a second exponential.
    return logits.amax(1).float() - p.amax(1).log()


def _sum(values: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    values = values.clone()
    dist.all_reduce(values, group=group)
    return values


def _logsumexp(values: torch.Tensor, group: dist.ProcessGroup) -> torch.Tensor:
    top = values.clone()
    dist.all_reduce(top, op=dist.ReduceOp.MAX, group=group)
    return top + _sum((values - top).exp(), group).log()
