"""``mixlake train`` on a real release: the whole command, its errors, and torchrun's way in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner

from lakehouse.cli.context import Context
from lakehouse.declare.config import Config
from lakehouse.delta.append import append_rows
from lakehouse.errors import ConfigError, ReleaseError, UsageError
from lakehouse.lake import Lake
from lakehouse.release.create import create_release
from schemas.mixture import sequences
from schemas.samples import vocabulary
from trainer.cli.train import command
from trainer.distributed import process_group

RECIPE = """
steps: 4
model:
  pattern: "*E"
  hidden: 32
  heads: 4
  groups: 2
  head_width: 8
  tied: true
  experts: {count: 4, chosen: 2, ffn: 24}
data: {global_batch: 2}
optimizer: {lr: 1.0e-2, warmup: 1}
parallel: {expert: 0}
checkpoint: {every: 2, keep: 2}
"""
LENGTH = 64
ROWS = 20


def stored_row(position: int) -> dict:
    rng = np.random.default_rng(position)
    tokens = (np.arange(LENGTH) * 3 + rng.integers(50)) % 100
    cuts, kinds = [0, 20, 50, LENGTH], ("text", "code")
    empty = dict.fromkeys(sequences.column("segments").type.value_type.names)
    segments = [
        {**empty, "sample_id": f"{position}-{n}", "begin": a, "end": b, "modality": kind, "role": "token"}
        for n, (a, b, kind) in enumerate(zip(cuts, cuts[1:], kinds, strict=False))
    ]
    spans = [{"begin": s["begin"] + 1, "end": s["end"], "weight": 1.0} for s in segments]
    row = {column.name: None for column in sequences.columns}
    row |= {
        "sample_id": f"row-{position}",
        "parent_ids": [s["sample_id"] for s in segments],
        "source": "made",
        "license": "CC0-1.0",
        "run_id": "r",
        "stage": "cold",
        "position": position,
        "tokens": tokens.astype("<i4").tobytes(),
        "cu_seqlens": cuts,
        "cu_seqlens_padded": cuts,
        "segments": segments,
        "loss_spans": spans,
        "pairs": [],
        "n_tokens": 50,
        "cells": [("text/en/x", 20), ("code/code/x", 30)],
    }
    return row


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A lake with 20 rows of one stage, released as mix-1."""
    made = Lake(config=Config(lake=str(tmp_path_factory.mktemp("lake"))))
    rows = pa.Table.from_pylist([stored_row(n) for n in range(ROWS)], schema=sequences.schema)
    append_rows(made.catalog, sequences, rows)
    ids = {column.name: None for column in vocabulary.columns}
    ids |= {"name": "text", "begin": 0, "end": 101, "kind": "text", "run_id": "r"}
    pad = {**ids, "name": "<|pad|>", "begin": 101, "end": 102, "kind": "special", "text": "<|pad|>"}
    append_rows(made.catalog, vocabulary, pa.Table.from_pylist([ids, pad], schema=vocabulary.schema))
    create_release(made.project, "mix-1", ["gold.sequences", "gold.vocabulary"])
    return made


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return str(path)


def train(lake, recipe, output, *more):
    arguments = [recipe, "--release", "mix-1", "--output", str(output), *more]
    return CliRunner().invoke(command, arguments, obj=Context(lake.uri), standalone_mode=False)


def test_train_stop_and_resume_on_a_release(lake, recipe, tmp_path):
    output = tmp_path / "run"
    first = train(lake, recipe, output, "--steps", "2")
    assert first.exception is None
    assert "step 2/2" in first.output
    assert "Megatron" not in first.output
    assert (output / "train.log").stat().st_size > 0

    again = train(lake, recipe, output)
    assert isinstance(again.exception, UsageError)
    assert "--resume" in str(again.exception)

    second = train(lake, recipe, output, "--resume", "--json")
    assert second.exception is None
    summary = json.loads(second.output)
    assert (summary["step"], summary["position"], summary["stopped"]) == (4, 8, False)
    assert set(summary["curve"]) == {"all", "text", "code"}
    steps = lake.sql(
        'SELECT step, "begin", "end", positions FROM ledger.training_steps '
        f"WHERE training_run = '{summary['training_run']}' ORDER BY step"
    ).to_pylist()
    assert [s["step"] for s in steps] == [1, 2, 3, 4]
    assert [s["positions"] for s in steps] == [[0, 1], [2, 3], [4, 5], [6, 7]]

    done = train(lake, recipe, output, "--resume", "--steps", "3")
    assert (done.exception, done.exit_code) == (None, 0)
    assert "the run is at step 4, and was to end at step 3: no step is taken" in done.output


def test_what_is_wrong_is_told_before_training(lake, recipe, tmp_path):
    missing = CliRunner().invoke(
        command,
        [recipe, "--release", "nope", "--output", str(tmp_path / "x")],
        obj=Context(lake.uri),
        standalone_mode=False,
    )
    assert isinstance(missing.exception, ReleaseError)
    stage = train(lake, recipe, tmp_path / "y", "--stage", "tepid")
    assert isinstance(stage.exception, UsageError)
    unknown = train(lake, "dmeo", tmp_path / "z")
    assert isinstance(unknown.exception, ConfigError)
    beyond = train(lake, recipe, tmp_path / "v", "--steps", "5")
    assert isinstance(beyond.exception, UsageError)
    assert "--steps 5 is beyond the recipe small, which has 4 steps" in str(beyond.exception)
    assert not (tmp_path / "v").exists()
    big = train(lake, "moe-10b", tmp_path / "w")
    assert isinstance(big.exception, ConfigError)
    assert "256" in str(big.exception)


def test_torchrun_goes_the_same_way(lake, recipe, tmp_path):
    output = tmp_path / "two"
    root = Path(process_group.__file__).parents[2]
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv-backend", "c10d"]
    run += ["--rdzv-endpoint", "localhost:0", "-m", "trainer", recipe, "--release", "mix-1", "--lake", lake.uri]
    run += ["--output", str(output), "--steps", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "2 processes" in done.stdout
    assert done.stdout.count("step 2/2") == 1
    assert (output / "train.log").is_file()
    assert (output / "train-1.log").is_file()
    lines = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines()]
    assert [line["position"] for line in lines] == [2, 4]
