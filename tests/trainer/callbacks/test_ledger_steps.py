from __future__ import annotations

import pytest

from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from trainer.callbacks.ledger_steps import LedgerSteps
from trainer.callbacks.step_result import StepResult


@pytest.fixture
def lake(tmp_path):
    return Lake(config=Config(lake=str(tmp_path / "lake")))


def records(lake, run="r1"):
    return LedgerSteps(lake, training_run=run, release="mix-1", digest="d", stage="cold", seed=0, every=100)


def seen(step, begin, end, positions):
    return StepResult(step, 1.0, {}, {}, 10, 1.0, 1e-3, 1.0, {}, begin, end, positions, 0.5)


def stored(lake):
    rows = lake.catalog.open("ledger.training_steps").to_pyarrow_table().to_pylist()
    return sorted((row["training_run"], row["step"], tuple(row["positions"])) for row in rows)


def test_a_step_is_recorded_once_however_often_it_is_repeated(lake):
    first = records(lake)
    for step in (1, 2, 3):
        first.on_step_end(seen(step, 2 * step - 2, 2 * step, [2 * step - 2, 2 * step - 1]))
    assert first.recorded() == 0
    assert first.commit() == 3
    # Killed after step 3, resumed from a checkpoint of step 1: steps 2 and 3 come again.
    again = records(lake)
    for step in (2, 3, 4):
        again.on_step_end(seen(step, 2 * step - 2, 2 * step, [2 * step - 2, 2 * step - 1]))
    assert again.commit() == 1
    assert again.commit() == 0
    assert stored(lake) == [("r1", step, (2 * step - 2, 2 * step - 1)) for step in (1, 2, 3, 4)]
    assert again.recorded() == 4


def test_runs_do_not_hide_each_other(lake):
    for run in ("r1", "r2"):
        one = records(lake, run)
        one.on_step_end(seen(1, 0, 2, [0, 1]))
        assert one.commit() == 1
    assert [row[:2] for row in stored(lake)] == [("r1", 1), ("r2", 1)]


def test_steps_are_committed_every_few_and_whenever_the_run_is_saved(lake):
    recorder = LedgerSteps(lake, training_run="r1", release="mix-1", digest="d", stage="cold", seed=0, every=2)
    recorder.on_step_end(seen(1, 0, 2, [0, 1]))
    assert recorder.recorded() == 0
    recorder.on_step_end(seen(2, 2, 4, [2, 3]))
    assert recorder.recorded() == 2
    recorder.on_step_end(seen(3, 4, 6, [4, 5]))
    recorder.on_save(seen(3, 4, 6, [4, 5]))
    assert recorder.recorded() == 3
    assert recorder.pending == []
