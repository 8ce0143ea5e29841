from __future__ import annotations

from pathlib import Path

from trainer.callbacks.checkpoint import Checkpoint
from trainer.callbacks.step_result import StepResult


def test_a_checkpoint_is_written_when_the_run_is_saved_only():
    written = []

    def write(result):
        written.append(result.step)
        return Path(f"step-{result.step}")

    callback = Checkpoint(write, Path("older"))
    result = StepResult(3, 2.0, {}, {}, 100, 1.0, 1e-3, 1.0, {}, 0, 4, [0], 0.5)
    callback.on_step_end(result)
    assert (written, callback.newest) == ([], Path("older"))
    callback.on_save(result)
    callback.on_end(None)
    assert (written, callback.newest) == ([3], Path("step-3"))
