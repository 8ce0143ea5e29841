"""Errors of training that a user can cause or must handle."""

from __future__ import annotations

from lakehouse.errors import MixlakeError


class TrainingError(MixlakeError):
    """Training went wrong: the loss is not a number, or a checkpoint does not fit; change the recipe or the run."""
