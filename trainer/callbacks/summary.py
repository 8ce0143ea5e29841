"""The result of a training run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """The result of a training run.

    Args:
        training_run: Its identity in ``ledger.training_steps``.
        step: Finished optimizer steps.
        steps: Steps of the recipe, or those requested.
        position: Rows seen.
        curve: "all" and each modality to its mean loss over the first and the last steps that had it.
        checkpoint: The newest checkpoint.
        stopped: Whether a signal stopped it before it was done.
    """

    training_run: str
    step: int
    steps: int
    position: int
    curve: Mapping[str, tuple[float, float]]
    checkpoint: str
    stopped: bool
