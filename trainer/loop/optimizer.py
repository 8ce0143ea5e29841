"""Gradients, AdamW and the schedule: Megatron's distributed optimizer over a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from megatron.core.distributed import DistributedDataParallel, DistributedDataParallelConfig
from megatron.core.optimizer import OptimizerConfig, get_megatron_optimizer
from megatron.core.optimizer_param_scheduler import OptimizerParamScheduler

from trainer.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Update:
    """A model with what updates it.

    Args:
        model: The model, wrapped so that its gradients are summed over data-parallel ranks.
        optimizer: Megatron's distributed optimizer; every rank holds its share of the state.
        scheduler: Learning rate and weight decay by step.
    """

    model: DistributedDataParallel
    optimizer: Any
    scheduler: OptimizerParamScheduler


def build_update(recipe: Recipe, model: Any) -> Update:
    """Wrap a model and make its optimizer and schedule."""
    wrapped = DistributedDataParallel(
        model.config,
        DistributedDataParallelConfig(
            use_distributed_optimizer=True,
            grad_reduce_in_fp32=True,
            overlap_grad_reduce=recipe.parallel.overlap,
            overlap_param_gather=recipe.parallel.overlap,
            fp8_param_gather=recipe.precision.fp8 != "none",
        ),
        model,
    )
    # Ranks that hold the same part start from the same numbers, whatever each drew.
    wrapped.broadcast_params()
    optimizer = get_megatron_optimizer(_optimizer_config(recipe), [wrapped])
    config = model.config
    config.grad_scale_func = optimizer.scale_loss
    config.no_sync_func = wrapped.no_sync
    if recipe.parallel.overlap:
        config.grad_sync_func = wrapped.start_grad_sync
        config.param_sync_func = wrapped.start_param_sync
    return Update(wrapped, optimizer, _scheduler(recipe, optimizer))


def _optimizer_config(recipe: Recipe) -> OptimizerConfig:
    chosen, precision = recipe.optimizer, recipe.precision
    more: dict[str, Any] = {}
    if precision.moments == "bfloat16":
        more |= {
            "use_precision_aware_optimizer": True,
            "exp_avg_dtype": torch.bfloat16,
            "exp_avg_sq_dtype": torch.bfloat16,
        }
    if precision.fp8 != "none":
        more |= {"fp8_recipe": precision.fp8}
    return OptimizerConfig(
        optimizer="adam",
        lr=chosen.lr,
        # The scheduler reads it from the parameter groups.
        min_lr=chosen.min_lr,
        weight_decay=chosen.weight_decay,
        adam_beta1=chosen.beta1,
        adam_beta2=chosen.beta2,
        adam_eps=chosen.epsilon,
        clip_grad=chosen.clip,
        bf16=precision.params == "bfloat16",
        params_dtype=getattr(torch, precision.params),
        use_distributed_optimizer=True,
        overlap_param_gather=recipe.parallel.overlap,
        **more,
    )


def _scheduler(recipe: Recipe, optimizer: Any) -> OptimizerParamScheduler:
    chosen = recipe.optimizer
    wsd = chosen.schedule == "wsd"
    return OptimizerParamScheduler(
        optimizer,
        init_lr=0.0,
        max_lr=chosen.lr,
        min_lr=chosen.min_lr,
        lr_warmup_steps=chosen.warmup,
        lr_decay_steps=recipe.steps,
        lr_decay_style="WSD" if wsd else "cosine",
        start_wd=chosen.weight_decay,
        end_wd=chosen.weight_decay,
        wd_incr_steps=recipe.steps,
        wd_incr_style="constant",
        wsd_decay_steps=chosen.decay if wsd else None,
        lr_wsd_decay_style="minus_sqrt" if wsd else None,
        # The recipe rules: a resumed run may end later than was thought when it began.
        use_checkpoint_opt_param_scheduler=False,
        override_opt_param_scheduler=True,
    )
