"""Two processes repeat what one does, whichever way the model is laid over them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trainer.made_rows import MODEL, RECIPE, VOCABULARY, full_row, made_source
from trainer.distributed import process_group
from trainer.loop import checkpoint
from trainer.loop.optimizer_step import Step
from trainer.loop.train import build_training, train
from trainer.platform import cpu

RECIPE_OF_CHECKPOINT = dataclasses.replace(RECIPE, model=dataclasses.replace(MODEL, pattern="*-E*-E"))


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Losses of steps 5 to 7: of one process, and of two by layout.

    Rows are full: with sequence parallelism Megatron weighs the balancing loss by each rank's own tokens,
    so that padding, which lies on one rank alone, would weigh it a little differently.
    """
    folder = tmp_path_factory.mktemp("layouts")
    layout = process_group.start(RECIPE_OF_CHECKPOINT)
    first = train(
        RECIPE_OF_CHECKPOINT,
        made_source(layout, RECIPE_OF_CHECKPOINT),
        layout,
        None,
        folder / "one",
        training_run="one",
        steps=4,
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv-backend", "c10d"]
    command += [
        "--rdzv-endpoint",
        "localhost:0",
        "--module",
        "tests.trainer.worker",
        first.checkpoint,
        str(folder),
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(process_group.__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads((folder / "found.json").read_text())
    layout = process_group.start(RECIPE_OF_CHECKPOINT)
    update = build_training(RECIPE_OF_CHECKPOINT, VOCABULARY, layout)
    metadata = checkpoint.load(Path(first.checkpoint), update)
    step = Step(RECIPE_OF_CHECKPOINT, layout, update, cpu.device())
    source = made_source(layout, RECIPE_OF_CHECKPOINT, int(metadata.loader["position"]), row=full_row)
    return [step(5 + n, batch) for n, batch in zip(range(3), source.batches(), strict=False)], found, folder


@pytest.mark.parametrize("name", ["expert", "data", "tensor", "pipeline"])
def test_two_processes_repeat_the_losses_of_one(outcome, name):
    alone, found, _ = outcome
    for one, (loss, norm, aux, losses, load, positions) in zip(alone, found[name], strict=True):
        assert loss == pytest.approx(one.loss, abs=2e-5)
        assert norm == pytest.approx(one.grad_norm, rel=1e-4)
        assert aux == pytest.approx(one.aux_loss, rel=1e-4)
        assert losses == pytest.approx(one.losses, abs=2e-4)
        assert positions == one.positions
        for layer, fractions in one.load.items():
            assert load[str(layer)] == pytest.approx(fractions, abs=1e-3)


def test_experts_of_two_ranks_start_different(outcome):
    assert outcome[1]["experts_differ"]


def test_two_processes_write_one_run(outcome):
    folder = outcome[2] / "two"
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4]
    assert lines[-1]["position"] == 16
    assert checkpoint.read_metadata(checkpoint.latest(folder / "checkpoints")).step == 4
