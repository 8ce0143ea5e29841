from __future__ import annotations

import pytest

from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from trainer.callbacks.ledger_steps import StepRecords


@pytest.fixture
def lake(tmp_path):
    return Lake(config=Config(lake=str(tmp_path / "lake")))


def records(lake, run="r1"):
    return StepRecords(lake, training_run=run, release="mix-1", digest="d", stage="cold", seed=0)


def stored(lake):
    rows = lake.catalog.open("ledger.training_steps").to_pyarrow_table().to_pylist()
    return sorted((row["training_run"], row["step"], tuple(row["positions"])) for row in rows)


def test_a_step_is_recorded_once_however_often_it_is_repeated(lake):
    first = records(lake)
    for step in (1, 2, 3):
        first.add(step, 2 * step - 2, 2 * step, [2 * step - 2, 2 * step - 1])
    assert first.recorded() == 0
    assert first.commit() == 3
    # Killed after step 3, resumed from a checkpoint of step 1: steps 2 and 3 come again.
    again = records(lake)
    for step in (2, 3, 4):
        again.add(step, 2 * step - 2, 2 * step, [2 * step - 2, 2 * step - 1])
    assert again.commit() == 1
    assert again.commit() == 0
    assert stored(lake) == [("r1", step, (2 * step - 2, 2 * step - 1)) for step in (1, 2, 3, 4)]
    assert again.recorded() == 4


def test_runs_do_not_hide_each_other(lake):
    for run in ("r1", "r2"):
        one = records(lake, run)
        one.add(1, 0, 2, [0, 1])
        assert one.commit() == 1
    assert [row[:2] for row in stored(lake)] == [("r1", 1), ("r2", 1)]
