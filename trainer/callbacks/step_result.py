"""What a training step hands to the callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step did, over all ranks.

    Args:
        step: Optimizer step, from 1.
        loss: Mean loss over the weights of all targets, in nats.
        losses: The same by modality; only modalities that had targets.
        targets: Sum of weights by modality.
        tokens: Tokens that are not padding.
        grad_norm: Gradient norm before clipping.
        lr: Learning rate of the step.
        aux_loss: Mean load-balancing loss over layers and rows, before its coefficient; 1 is even.
        load: Layer, from 1, to the fraction of choices that each expert got; only expert layers.
        begin: First row of the step, in the loader's order over all ranks and epochs.
        end: One past its last row: the rows seen after the step.
        positions: Stored positions of the rows, in the order of the batch.
        seconds: Wall time.
        stop: Whether a signal to stop reached some process.
    """

    step: int
    loss: float
    losses: Mapping[str, float]
    targets: Mapping[str, float]
    tokens: int
    grad_norm: float
    lr: float
    aux_loss: float
    load: Mapping[int, list[float]]
    begin: int
    end: int
    positions: list[int]
    seconds: float
    stop: bool = field(default=False, compare=False)
