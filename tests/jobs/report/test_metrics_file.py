from __future__ import annotations

import json

import pytest

from jobs.report.metrics_file import POINTS, metric_files, read_metrics


def write(path, lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_the_loss_and_its_parts_are_read_in_order_of_steps(tmp_path):
    lines = [{"step": 2, "loss": 1, "lr": 3.0}, {"step": 1, "loss": 2.5, "loss.text": 2.0, "expert_load.1": [0.5]}]
    path = write(tmp_path / "metrics.jsonl", lines)
    assert read_metrics(path) == {"loss": [(1.0, 2.5), (2.0, 1.0)], "loss.text": [(1.0, 2.0)]}


def test_long_runs_are_thinned(tmp_path):
    path = write(tmp_path / "metrics.jsonl", [{"step": n, "loss": 1.0} for n in range(3 * POINTS)])
    assert len(read_metrics(path)["loss"]) == POINTS


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"loss": 1}\n', '{"step": "x", "loss": 1}\n', "\0"])
def test_what_is_no_file_of_metrics_is_named(tmp_path, text):
    path = tmp_path / "metrics.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match="not a file of metrics"):
        read_metrics(path)


def test_a_folder_of_runs_and_a_run_are_told_apart(tmp_path):
    one = write(tmp_path / "a" / "metrics.jsonl", [])
    two = write(tmp_path / "b" / "metrics.jsonl", [])
    assert metric_files(tmp_path) == [one, two]
    assert metric_files(tmp_path / "a") == [one]
