"""One optimizer step: rows in, updated weights and sums over all ranks out."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.distributed import finalize_model_grads
from megatron.core.pipeline_parallel import get_forward_backward_func

from trainer.callbacks.step_result import StepResult
from trainer.data.microbatch import KINDS, Batch, Microbatch, check_features, microbatches, modality_weights
from trainer.distributed.process_group import Layout
from trainer.errors import TrainingError
from trainer.loader.order import PAD
from trainer.loop.optimizer import Update
from trainer.model.expert_load import ExpertLoad
from trainer.recipe.recipe import Recipe


class Step:
    """Runs optimizer steps of one model.

    Args:
        recipe: A checked recipe.
        layout: This process among the others.
        update: The model and what updates it.
        device: Where the model is.
    """

    def __init__(self, recipe: Recipe, layout: Layout, update: Update, device: torch.device) -> None:
        experts = recipe.model.experts
        self._layout, self._update, self._device = layout, update, device
        self._projectors = recipe.model.projectors
        self._factors = modality_weights(recipe.data.weights)
        self._expert_layers = [i for i, kind in enumerate(recipe.model.pattern.replace("|", "")) if kind == "E"]
        self._load = ExpertLoad(update.model.module, recipe.model.layers, experts.count if experts else 0)
        self._weight = self._aux_scale = 1.0
        self._schedule = get_forward_backward_func()
        config = update.model.config
        config.finalize_model_grads_func = self._finalize
        config.moe_grad_scale_func = lambda: torch.tensor(self._aux_scale, device=device)

    def __call__(self, number: int, batch: Batch, stop: bool = False) -> StepResult:
        """Take one step.

        Args:
            number: The step's number, from 1.
            batch: This rank's rows.
            stop: Whether a signal to stop reached this process.

        Raises:
            ConfigError: If the recipe has no projector for the rows' features.
            TrainingError: If the loss or the gradient is not a number; weights are as they were before
                the step where it is the loss.
        """
        begin = time.perf_counter()
        check_features(batch, self._projectors)
        rows = list(microbatches(batch, self._factors, self._device))
        positions = self._positions(batch)
        self._weight, tokens = self._totals(rows)
        # Megatron multiplies a row's load-balancing loss by its tokens, as if the gradient were divided by
        # tokens; it is divided by weights. This makes it the mean over tokens.
        self._aux_scale = self._weight / max(tokens, 1.0)
        update = self._update
        update.model.zero_grad_buffer()
        update.optimizer.zero_grad()
        sums = self._schedule(
            forward_step_func=_forward,
            data_iterator=iter(rows),
            model=update.model,
            num_microbatches=len(rows),
            seq_length=batch.tokens.shape[1],
            micro_batch_size=1,
            forward_only=False,
        )
        loss, losses, targets, aux_loss, load, stopping = self._reduce(sums, len(rows), stop)
        where = f"at step {number} (rows {', '.join(map(str, positions[:4]))}{', ...' if len(positions) > 4 else ''})"
        hint = "lower optimizer.lr, or resume from a checkpoint and look at those rows of gold.sequences"
        if not math.isfinite(loss):
            raise TrainingError(f"the loss is {loss} {where}", hint)
        # Before the optimizer: the first step would have a learning rate of 0 otherwise.
        update.scheduler.step(1)
        _, norm, _ = update.optimizer.step()
        if not math.isfinite(float(norm)):
            raise TrainingError(f"the gradient's norm is {float(norm)} {where}", hint)
        return StepResult(
            step=number,
            loss=loss,
            losses=losses,
            targets=targets,
            tokens=int(tokens),
            grad_norm=float(norm),
            lr=float(update.optimizer.param_groups[0]["lr"]),
            aux_loss=aux_loss,
            load=load,
            begin=batch.begin,
            end=batch.end,
            positions=positions,
            seconds=time.perf_counter() - begin,
            stop=stopping,
        )

    def _finalize(self, model: list[Any], _: Any, **groups: Any) -> None:
        """Sum the gradients over ranks, and divide them by the sum of weights, which need not be whole."""
        finalize_model_grads(model, None, **groups)
        for chunk in model:
            chunk.scale_gradients(1.0 / self._weight if self._weight else 0.0)

    def _totals(self, rows: list[Microbatch]) -> tuple[float, float]:
        """Return the sum of weights and the number of tokens, over all replicas."""
        own = [sum(float(row.weights.sum(dtype=torch.float64)) for row in rows), sum(row.real for row in rows)]
        totals = torch.tensor(own, dtype=torch.float64, device=self._device)
        dist.all_reduce(totals, group=parallel_state.get_data_parallel_group())
        weight, tokens = totals.tolist()
        return weight, tokens

    def _positions(self, batch: Batch) -> list[int]:
        """Return the stored positions of all ranks' rows in the order of the batch, pad rows left out."""
        own = batch.positions.to(self._device)
        parts = [torch.empty_like(own) for _ in range(self._layout.data_world)]
        dist.all_gather(parts, own, group=parallel_state.get_data_parallel_group())
        # A rank has the rows congruent to it.
        return [position for position in torch.stack(parts, 1).flatten().tolist() if position != PAD]

    def _reduce(
        self, sums: list[torch.Tensor], rows: int, stop: bool
    ) -> tuple[float, dict[str, float], dict[str, float], float, dict[int, list[float]], bool]:
        """Sum losses, counts and the wish to stop over all processes."""
        kinds = len(KINDS)
        sums_by_kind = torch.zeros(2 * kinds, dtype=torch.float64)
        if self._layout.reports:
            sums_by_kind = torch.stack(sums).double().sum(0).cpu()
        counts, aux = self._load.take()
        everything = torch.cat([torch.tensor([float(stop), aux], dtype=torch.float64), sums_by_kind, counts.flatten()])
        everything = everything.to(self._device)
        dist.all_reduce(everything)
        everything = everything.cpu()
        stopping, aux = everything[:2].tolist()
        lost, weighed = everything[2 : 2 + kinds].tolist(), everything[2 + kinds : 2 + 2 * kinds].tolist()
        counts = everything[2 + 2 * kinds :].view(counts.shape)
        losses = {name: lost[i] / weighed[i] for i, name in enumerate(KINDS) if weighed[i]}
        targets = {name: weighed[i] for i, name in enumerate(KINDS) if weighed[i]}
        load = {layer + 1: (counts[layer] / counts[layer].sum().clamp_min(1)).tolist() for layer in self._expert_layers}
        shares = self._layout.data_world * rows * max(len(self._expert_layers), 1)
        loss = sum(lost) / sum(weighed) if sum(weighed) else 0.0
        return loss, losses, targets, aux / shares, load, stopping > 0


def _forward(rows: Iterator[Microbatch], model: Any) -> tuple[torch.Tensor, Any]:
    """Megatron's forward step: the model's output, and what makes the loss of it on the last stage."""

    def loss(output: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        # Megatron's count of tokens is a whole number and the weights need not be: see Step._finalize.
        return output[0], torch.zeros((), dtype=torch.int, device=output.device), output[1:].detach()

    return model(next(rows)), loss
