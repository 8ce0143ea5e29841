"""Write a checkpoint whenever the run is saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from trainer.callbacks.callback import Callback
from trainer.callbacks.step_result import StepResult


class Checkpoint(Callback):
    """Writes checkpoints; every rank has this callback.

    It comes after the ledger's: a step that a checkpoint holds is recorded, and one that is repeated after a
    kill in between is not recorded twice.

    Args:
        write: Writes a checkpoint after a step and returns its folder.
        newest: The checkpoint that the run resumes from.
    """

    def __init__(self, write: Callable[[StepResult], Path], newest: Path | None) -> None:
        self.newest = newest
        self._write = write

    def on_save(self, result: StepResult) -> None:
        """Write a checkpoint.

        Raises:
            TrainingError: If it cannot be written.
        """
        self.newest = self._write(result)
