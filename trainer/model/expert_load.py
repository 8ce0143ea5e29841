"""How many tokens each expert gets."""

from __future__ import annotations

from typing import Any

import torch
from megatron.core.transformer.moe.moe_logging import destroy_moe_metrics_tracker, get_moe_metrics_tracker
from megatron.core.transformer.moe.router import Router


class ExpertLoad:
    """Counts the choices of every router of a model, padding left out, until they are taken.

    Args:
        model: The model, or its stage on this rank.
        layers: Layers of the whole model.
        experts: Experts of a layer; 0 where there are none.
    """

    def __init__(self, model: torch.nn.Module, layers: int, experts: int) -> None:
        self._counts = torch.zeros(layers, experts, dtype=torch.float64)
        # Megatron keeps one tracker for the process, sized by the first model that ran in it.
        destroy_moe_metrics_tracker()
        for module in model.modules():
            if isinstance(module, Router):
                module.register_forward_hook(self._count, with_kwargs=True)

    def _count(self, router: Any, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        if not (router.training and torch.is_grad_enabled()):
            return
        chosen = output[1]
        padding = args[1] if len(args) > 1 else kwargs.get("padding_mask")
        if padding is not None:
            chosen = chosen & ~padding.reshape(-1, 1)
        self._counts[router.layer_number - 1] += chosen.sum(0).double().cpu()

    def take(self) -> tuple[torch.Tensor, float]:
        """Return the counts [layers, experts] and the sum of the load-balancing losses, and reset them."""
        counts = self._counts.clone()
        self._counts.zero_()
        tracker = get_moe_metrics_tracker()
        metric = tracker.metrics.get("load_balancing_loss")
        loss = float(metric.values.sum()) if metric is not None else 0.0
        tracker.clear()
        return counts, loss
