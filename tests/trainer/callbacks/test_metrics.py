from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer.callbacks.metrics import FILE, Metrics, curve
from trainer.callbacks.step_result import StepResult


def result(step: int, losses: dict[str, float], targets: dict[str, float], end: int) -> StepResult:
    loss = sum(losses[k] * targets[k] for k in losses) / sum(targets.values())
    return StepResult(step, loss, losses, targets, 100, 1.0, 1e-3, 1.1, {2: [0.75, 0.25]}, end - 2, end, [0, 1], 0.5)


@contextlib.contextmanager
def opened(folder: Path, done: int) -> Iterator[Metrics]:
    metrics = Metrics(folder, done)
    yield metrics
    metrics.on_end(None)


def test_lines_hold_losses_rates_and_expert_load(tmp_path):
    with opened(tmp_path, 0) as metrics:
        metrics.on_step_end(result(1, {"text": 4.0, "image": 2.0}, {"text": 30.0, "image": 10.0}, 2))
    (line,) = [json.loads(text) for text in (tmp_path / FILE).read_text().splitlines()]
    assert line["loss"] == pytest.approx(3.5)
    assert (line["loss.text"], line["targets.image"], line["position"]) == (4.0, 10.0, 2)
    assert line["tokens_per_second"] == 200
    assert (line["expert_load.2"], line["expert_imbalance.2"]) == ([0.75, 0.25], 1.5)


def test_a_resumed_run_drops_what_is_repeated_and_what_a_kill_cut_off(tmp_path):
    with opened(tmp_path, 0) as metrics:
        for step in range(1, 5):
            metrics.on_step_end(result(step, {"text": 5.0 - step}, {"text": 1.0}, 2 * step))
    with (tmp_path / FILE).open("a") as file:
        file.write('{"step": 5, "lo')
    with opened(tmp_path, 2) as metrics:
        metrics.on_step_end(result(3, {"text": 9.0}, {"text": 1.0}, 6))
    lines = [json.loads(text) for text in (tmp_path / FILE).read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3]
    assert lines[-1]["loss"] == 9.0


def test_a_curve_is_weighted_by_targets_and_by_the_steps_that_had_them(tmp_path):
    with opened(tmp_path, 0) as metrics:
        metrics.on_step_end(result(1, {"text": 8.0}, {"text": 1.0}, 2))
        metrics.on_step_end(result(2, {"text": 4.0, "code": 6.0}, {"text": 3.0, "code": 1.0}, 4))
        metrics.on_step_end(result(3, {"code": 2.0}, {"code": 5.0}, 6))
    found = curve(tmp_path, steps=2)
    assert found["text"] == pytest.approx((5.0, 5.0))
    assert found["code"] == pytest.approx((16 / 6, 16 / 6))
    assert curve(tmp_path, steps=1)["all"] == pytest.approx((8.0, 2.0))
    assert curve(tmp_path / "nowhere") == {}
