"""Which checkpoints are kept, and what is gone on from."""

from __future__ import annotations

import json

import pytest

from tests.trainer.made_rows import RECIPE, made_source
from trainer.errors import TrainingError
from trainer.loop import checkpoint
from trainer.loop.train import train


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_run_that_goes_on_from_an_older_checkpoint_leaves_the_later_ones(layout, tmp_path):
    folder = tmp_path / "checkpoints"
    train(RECIPE, made_source(layout), layout, None, tmp_path, training_run="x", steps=6)
    assert names(folder) == ["latest", "step-00000004", "step-00000006"]
    # A user goes back; kills have left parts behind.
    (folder / "latest").write_text("step-00000004\n")
    for left in ("step-00000099", ".step-00000007.draft", ".step-00000004.before"):
        (folder / left).mkdir()
    path = checkpoint.latest(folder)
    position = int(checkpoint.read_metadata(path).loader["position"])
    source = made_source(layout, start=position)
    summary = train(RECIPE, source, layout, None, tmp_path, training_run="x", resume=path, steps=5)
    assert summary.checkpoint.endswith("step-00000005")
    assert names(folder) == ["latest", "step-00000004", "step-00000005"]
    assert checkpoint.latest(folder).name == "step-00000005"
    recorded = json.loads((folder / "step-00000005" / "checkpoint.json").read_text())
    metadata = checkpoint.read_metadata(folder / "step-00000005")
    assert recorded == {"step": 5, "training_run": "x", "release": "mix-1", "loader": dict(metadata.loader)}


def test_a_checkpoint_is_replaced_whole(layout, tmp_path):
    folder = tmp_path / "checkpoints"
    train(RECIPE, made_source(layout), layout, None, tmp_path, training_run="x", steps=2)
    (folder / "step-00000002" / "of the first").touch()
    train(RECIPE, made_source(layout), layout, None, tmp_path, training_run="y", steps=2)
    assert names(folder) == ["latest", "step-00000002"]
    assert checkpoint.read_metadata(checkpoint.latest(folder)).training_run == "y"
    assert not (folder / "step-00000002" / "of the first").exists()


def test_a_folder_without_latest_has_no_checkpoint(tmp_path):
    assert checkpoint.latest(tmp_path) is None


@pytest.mark.parametrize("name", ["step-00000008", ""])
def test_what_latest_names_must_be_there(tmp_path, name):
    (tmp_path / "latest").write_text(name)
    with pytest.raises(TrainingError, match="does not exist — remove it to start over"):
        checkpoint.latest(tmp_path)
    (tmp_path / "step-00000004").mkdir()
    with pytest.raises(TrainingError, match="write one of step-00000004 into it"):
        checkpoint.latest(tmp_path)
