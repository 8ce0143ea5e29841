"""Whole runs of one process: resuming, stopping, ending, and what they leave behind."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import signal

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lakehouse.declare.config import Config
from lakehouse.lake import Lake
from tests.trainer.made_rows import RECIPE, made_source
from trainer.errors import TrainingError
from trainer.loop import checkpoint
from trainer.loop.train import check_fit, train


def lines_of(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def without_time(lines):
    return [{k: v for k, v in line.items() if k not in {"seconds", "tokens_per_second"}} for line in lines]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run of 8 steps, recorded in a lake."""
    from trainer.distributed import process_group

    folder = tmp_path_factory.mktemp("whole")
    layout = process_group.start(RECIPE)
    lake = Lake(config=Config(lake=str(folder / "lake")))
    terminal = io.StringIO()
    summary = train(RECIPE, made_source(layout), layout, lake, folder / "run", training_run="whole", terminal=terminal)
    return folder / "run", summary, lake, terminal.getvalue()


def test_a_run_learns(whole):
    _, summary, _, _ = whole
    assert (summary.step, summary.position, summary.stopped) == (8, 32, False)
    assert set(summary.curve) == {"all", "text", "code", "speech", "image"}
    for first, last in summary.curve.values():
        assert last < first - 0.3


def test_metrics_hold_every_step(whole):
    folder, _, _, _ = whole
    lines = lines_of(folder)
    assert [line["step"] for line in lines] == list(range(1, 9))
    assert [line["position"] for line in lines] == list(range(4, 36, 4))
    for line in lines:
        assert line["tokens"] == 4 * 60
        assert line["tokens_per_second"] == pytest.approx(line["tokens"] / line["seconds"])
        assert sum(line["expert_load.4"]) == pytest.approx(1)
        assert line["expert_imbalance.4"] == pytest.approx(4 * max(line["expert_load.4"]))
        assert line["grad_norm"] > 0
        assert {"loss.text", "loss.code", "loss.speech", "loss.image", "aux_loss"} <= set(line)
    rates = [line["lr"] for line in lines]
    assert rates[:2] == [5e-3, 1e-2]
    assert rates[-1] == pytest.approx(1e-3)
    assert rates[1:] == sorted(rates[1:], reverse=True)
    board = EventAccumulator(str(folder / "tensorboard"))
    board.Reload()
    assert [e.step for e in board.Scalars("loss")] == list(range(1, 9))
    assert board.Scalars("loss/speech")[0].value == pytest.approx(lines[0]["loss.speech"])
    assert "expert_load/4/3" in board.Tags()["scalars"]


def test_the_terminal_shows_a_line_a_step(whole):
    _, _, _, printed = whole
    assert "release mix-1, stage cold, 8 steps" in printed
    assert sum(line.startswith("step ") for line in printed.splitlines()) == 8
    assert "\x1b" not in printed


def test_the_ledger_tells_which_rows_a_step_saw(whole):
    _, _, lake, _ = whole
    rows = lake.catalog.open("ledger.training_steps").to_pyarrow_table().sort_by("step").to_pylist()
    assert [row["step"] for row in rows] == list(range(1, 9))
    assert [(row["begin"], row["end"]) for row in rows] == [(n, n + 4) for n in range(0, 32, 4)]
    assert rows[2]["positions"] == [8, 9, 10, 11]
    assert {(row["training_run"], row["release"], row["stage"]) for row in rows} == {("whole", "mix-1", "cold")}


def test_old_checkpoints_go_and_drafts_never_count(whole):
    folder, _, _, _ = whole
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["latest", "step-00000004", "step-00000008"]
    assert checkpoint.latest(folder / "checkpoints").name == "step-00000008"
    metadata = checkpoint.read_metadata(checkpoint.latest(folder / "checkpoints"))
    assert (metadata.step, metadata.loader["position"], metadata.release) == (8, 32, "mix-1")


def test_a_resumed_run_equals_an_uninterrupted_one_bit_for_bit(whole, layout, tmp_path):
    reference, _, lake, _ = whole
    first = train(RECIPE, made_source(layout), layout, lake, tmp_path, training_run="again", steps=6)
    assert first.step == 6
    # As a kill leaves it: metrics and ledger are ahead of the newest checkpoint.
    (tmp_path / "checkpoints" / "latest").write_text("step-00000004")
    path = checkpoint.latest(tmp_path / "checkpoints")
    position = int(checkpoint.read_metadata(path).loader["position"])
    source = made_source(layout, start=position)
    summary = train(RECIPE, source, layout, lake, tmp_path, training_run="again", resume=path)
    assert summary.step == 8
    assert without_time(lines_of(tmp_path)) == without_time(lines_of(reference))
    rows = lake.catalog.open("ledger.training_steps").to_pyarrow_table().to_pylist()
    assert sorted(row["step"] for row in rows if row["training_run"] == "again") == list(range(1, 9))


def test_sigterm_ends_the_step_in_hand_and_saves(layout, tmp_path):
    source = made_source(layout)
    inner = source.loader.row

    def row(position, length):
        if position == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return inner(position, length)

    source.loader.row = row
    before = signal.getsignal(signal.SIGTERM)
    summary = train(RECIPE, source, layout, None, tmp_path, training_run="x")
    assert summary.stopped
    assert summary.step < 8
    assert checkpoint.read_metadata(checkpoint.latest(tmp_path / "checkpoints")).step == summary.step
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_stage_that_ends_early_ends_the_run_with_a_checkpoint(layout, tmp_path):
    summary = train(RECIPE, made_source(layout, rows=10), layout, None, tmp_path, training_run="x")
    assert (summary.step, summary.position, summary.stopped) == (3, 10, False)
    assert checkpoint.read_metadata(checkpoint.latest(tmp_path / "checkpoints")).loader["position"] == 10


def test_a_finished_run_has_nothing_left(whole, layout, tmp_path):
    folder, done, _, _ = whole
    path = checkpoint.latest(folder / "checkpoints")
    summary = train(RECIPE, made_source(layout, start=32), layout, None, tmp_path, training_run="x", resume=path)
    assert (summary.step, summary.position) == (8, 32)
    assert summary.checkpoint == done.checkpoint


def test_a_checkpoint_of_another_recipe_is_refused(whole):
    folder, _, _, _ = whole
    path = checkpoint.latest(folder / "checkpoints")
    metadata = checkpoint.read_metadata(path)
    check_fit(RECIPE, metadata, path)
    wider = dataclasses.replace(RECIPE, model=dataclasses.replace(RECIPE.model, hidden=64))
    with pytest.raises(TrainingError, match=r"model\.hidden is 64"):
        check_fit(wider, metadata, path)
    other = dataclasses.replace(RECIPE, data=dataclasses.replace(RECIPE.data, global_batch=8))
    with pytest.raises(TrainingError, match=r"data\.global_batch is 8"):
        check_fit(other, metadata, path)


def test_a_damaged_checkpoint_is_told(tmp_path):
    path = tmp_path / "step-00000004"
    path.mkdir()
    (tmp_path / "latest").write_text(path.name)
    with pytest.raises(TrainingError, match="step-00000004 cannot be read"):
        checkpoint.read_metadata(checkpoint.latest(tmp_path))
