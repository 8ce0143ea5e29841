from __future__ import annotations

import io

from tests.trainer.made_rows import RECIPE
from trainer.callbacks.progress import Progress
from trainer.callbacks.step_result import StepResult
from trainer.callbacks.summary import Summary


def result(step):
    return StepResult(step, 2.0, {"text": 2.0}, {"text": 4.0}, 100, 1.0, 1e-3, 1.0, {}, 0, 4, [0], 0.5)


def test_every_few_steps_the_first_and_the_last_are_printed():
    terminal = io.StringIO()
    progress = Progress(terminal, steps=5, every=2)
    progress.begin(RECIPE, "mix-1", world=2, parameters=1_500_000, done=0)
    for step in range(1, 6):
        progress.on_step_end(result(step))
    progress.on_end(Summary("r", 5, 5, 20, {"all": (3.0, 2.0)}, "checkpoints/step-00000005", True))
    lines = terminal.getvalue().splitlines()
    assert lines[0] == "tiny: 1.5 M parameters, 2 processes, release mix-1, stage cold, 5 steps"
    assert [line.split()[1] for line in lines if line.startswith("step ")] == ["1/5", "2/5", "4/5", "5/5"]
    assert lines[-3:] == [
        "loss, first to last: all 3.00 → 2.00",
        "stopped by a signal; --resume continues",
        "checkpoint: checkpoints/step-00000005",
    ]


def test_without_a_terminal_or_after_an_error_nothing_is_printed():
    Progress(None, 5, 1).on_step_end(result(1))
    terminal = io.StringIO()
    Progress(terminal, 5, 1).on_end(None)
    assert terminal.getvalue() == ""
