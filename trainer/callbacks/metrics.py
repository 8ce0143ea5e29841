"""Write metrics of a run: a JSON line a step, and the same for TensorBoard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lakehouse.output_file import write_file
from trainer.callbacks.callback import Callback
from trainer.callbacks.step_result import StepResult
from trainer.callbacks.summary import Summary

FILE = "metrics.jsonl"


class Metrics(Callback):
    """Writes metrics of steps; steps after `done` that an interrupted run left behind are dropped.

    A line of ``metrics.jsonl`` has step, loss, loss.MODALITY, targets.MODALITY, tokens, tokens_per_second,
    seconds, lr, grad_norm, aux_loss, position (rows seen), and for each expert layer N
    expert_load.N (fractions, one an expert) and expert_imbalance.N (the greatest over the mean).

    Args:
        folder: The run's folder.
        done: Steps that are finished already.
    """

    def __init__(self, folder: Path, done: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / FILE
        lines = [line for line in _lines(path) if json.loads(line)["step"] <= done] if done else []
        write_file(path, "".join(lines).encode())
        self._file = path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(folder / "tensorboard"), purge_step=done + 1)

    def on_step_end(self, result: StepResult) -> None:
        """Write one step."""
        line = flatten(result)
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()
        for name, value in line.items():
            if isinstance(value, list):
                for index, part in enumerate(value):
                    self._board.add_scalar(f"{name.replace('.', '/')}/{index}", part, result.step)
            elif name != "step":
                self._board.add_scalar(name.replace(".", "/"), value, result.step)

    def on_end(self, summary: Summary | None) -> None:  # noqa: ARG002 - the protocol's argument
        """Write what is left and close the files."""
        self._file.close()
        self._board.close()


def flatten(result: StepResult) -> dict[str, Any]:
    """Return a step as one flat mapping, see `Metrics`."""
    return {
        "step": result.step,
        "loss": result.loss,
        **{f"loss.{name}": value for name, value in result.losses.items()},
        **{f"targets.{name}": value for name, value in result.targets.items()},
        "tokens": result.tokens,
        "tokens_per_second": result.tokens / result.seconds,
        "seconds": result.seconds,
        "lr": result.lr,
        "grad_norm": result.grad_norm,
        "aux_loss": result.aux_loss,
        "position": result.end,
        **{f"expert_load.{layer}": load for layer, load in result.load.items()},
        **{f"expert_imbalance.{layer}": max(load) * len(load) for layer, load in result.load.items()},
    }


def _lines(path: Path) -> list[str]:
    """Return the whole lines of a file; a kill may have left a part of one at the end."""
    if not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def curve(folder: Path, steps: int = 3) -> dict[str, tuple[float, float]]:
    """Return the start and the end of a run's loss, for "all" and each modality.

    Each is the mean over the first and last `steps` steps that had targets of the modality, weighted by these.
    """
    lines = [json.loads(line) for line in _lines(folder / FILE)]
    names = [key.removeprefix("loss.") for line in lines for key in line if key.startswith("loss.")]
    curves = {}
    for name in ["", *dict.fromkeys(names)]:
        points = [
            (line[key], _targets(line, name)) for line in lines if (key := f"loss.{name}" if name else "loss") in line
        ]
        if points:
            curves[name or "all"] = (_mean(points[:steps]), _mean(points[-steps:]))
    return curves


def _targets(line: dict[str, Any], name: str) -> float:
    keys = [f"targets.{name}"] if name else [key for key in line if key.startswith("targets.")]
    return float(sum(line[key] for key in keys))


def _mean(points: list[tuple[float, float]]) -> float:
    weight = sum(weight for _, weight in points)
    return sum(loss * weight for loss, weight in points) / weight if weight else 0.0
