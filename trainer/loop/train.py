"""A training run: from a recipe and a source of rows to checkpoints, metrics and the ledger."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TextIO

import torch
import torch.distributed as dist
from megatron.core import parallel_state

from lakehouse.lake import Lake
from trainer.callbacks.callback import Callback
from trainer.callbacks.checkpoint import Checkpoint
from trainer.callbacks.ledger_steps import LedgerSteps
from trainer.callbacks.metrics import Metrics, curve
from trainer.callbacks.progress import Progress
from trainer.callbacks.step_result import StepResult
from trainer.callbacks.summary import Summary
from trainer.data.microbatch import KINDS, Batch
from trainer.distributed.process_group import Layout
from trainer.errors import TrainingError
from trainer.loop import checkpoint
from trainer.loop.optimizer import Update, build_update
from trainer.loop.optimizer_step import Step
from trainer.loop.release_source import Source
from trainer.loop.stop_signal import StopSignal
from trainer.model.model import build_model
from trainer.platform import cpu
from trainer.recipe.recipe import Recipe

CHECKPOINTS = "checkpoints"

# Output matrices are padded to a multiple of this many rows, so that tensor cores and ranks share them evenly.
_VOCABULARY_MULTIPLE = 128


def train(  # noqa: PLR0913 - a run is all of these
    recipe: Recipe,
    source: Source,
    layout: Layout,
    lake: Lake | None,
    output: Path,
    *,
    training_run: str,
    resume: Path | None = None,
    steps: int | None = None,
    terminal: TextIO | None = None,
) -> Summary:
    """Train until the recipe's steps are done, the rows end, or a signal requests a stop.

    All processes call this. SIGTERM and SIGINT end the run after the current step, with a checkpoint.

    Args:
        recipe: A checked recipe.
        source: This rank's rows, from where the checkpoint was written.
        layout: This process among the others.
        lake: Lake in whose ledger the steps are recorded; None for none.
        output: The run's folder.
        training_run: The run's identity in the ledger.
        resume: Checkpoint to resume from.
        steps: Stop at this step; the schedule stays the recipe's.
        terminal: Where progress is printed; None for nowhere.

    Raises:
        TrainingError: If the loss is not a number, or a checkpoint does not fit or cannot be written.
    """
    update = build_training(recipe, source.vocabulary, layout)
    done = checkpoint.load(resume, update).step if resume else 0
    last = min(recipe.steps, steps or recipe.steps)
    position = int(source.loader.state_dict()["position"])
    checkpoints = Checkpoint(_writer(recipe, source, update, output / CHECKPOINTS, training_run), resume)
    callbacks: list[Callback] = [checkpoints]
    counted = parameters(update, layout)
    if layout.main:
        progress = Progress(terminal, last, recipe.report.progress)
        progress.begin(recipe, source.release, world=layout.world, parameters=counted, done=done)
        callbacks = [Metrics(output, done), *_ledger(recipe, source, lake, training_run), checkpoints, progress]
    stepper = Step(recipe, layout, update, cpu.device())
    summary: Summary | None = None
    try:
        batches = zip(range(done + 1, last + 1), source.batches(), strict=False)
        result = _take_steps(stepper, batches, callbacks, every=recipe.checkpoint.every, last=last)
        summary = Summary(
            training_run=training_run,
            step=result.step if result else done,
            steps=last,
            position=result.end if result else position,
            curve=curve(output) if layout.main else {},
            checkpoint=str(checkpoints.newest or ""),
            stopped=bool(result and result.stop and result.step < last),
        )
    finally:
        for callback in callbacks:
            callback.on_end(summary)
    return summary


def _take_steps(
    stepper: Step, batches: Iterable[tuple[int, Batch]], callbacks: list[Callback], *, every: int, last: int
) -> StepResult | None:
    """Take steps and save the run where it is time to and at the end; return the last step's result."""
    result: StepResult | None = None
    saved = 0
    with StopSignal() as signals:
        for number, batch in batches:
            result = stepper(number, batch, signals.received)
            for callback in callbacks:
                callback.on_step_end(result)
            if number % every == 0 or number == last or result.stop:
                _save(callbacks, result)
                saved = number
            if result.stop:
                break
        # The rows ended before the steps did.
        if result and saved != result.step:
            _save(callbacks, result)
    return result


def _save(callbacks: list[Callback], result: StepResult) -> None:
    for callback in callbacks:
        callback.on_save(result)


def _ledger(recipe: Recipe, source: Source, lake: Lake | None, training_run: str) -> list[Callback]:
    if lake is None:
        return []
    recorder = LedgerSteps(
        lake,
        training_run=training_run,
        release=source.release,
        digest=source.digest,
        stage=recipe.data.stage,
        seed=recipe.data.seed,
        every=recipe.report.ledger,
    )
    return [recorder]


def _writer(
    recipe: Recipe, source: Source, update: Update, folder: Path, training_run: str
) -> Callable[[StepResult], Path]:
    """Return what writes a checkpoint of the run after a step."""
    loader = dict(source.loader.state_dict())

    def write(result: StepResult) -> Path:
        metadata = checkpoint.CheckpointMetadata(
            step=result.step,
            training_run=training_run,
            # Where the loader is after this step, whatever it has prefetched.
            loader={**loader, "position": result.end},
            release=source.release,
            model=dataclasses.asdict(recipe.model),
            data=dataclasses.asdict(recipe.data),
        )
        return checkpoint.save(folder, update, metadata, keep=recipe.checkpoint.keep)

    return write


def build_training(recipe: Recipe, vocabulary: int, layout: Layout) -> Update:
    """Return this rank's model with what updates it."""
    multiple = _VOCABULARY_MULTIPLE * recipe.parallel.tensor
    model = build_model(
        recipe,
        -(-vocabulary // multiple) * multiple,
        modalities=len(KINDS),
        expert_parallel=layout.expert,
        pipeline=parallel_state.get_pipeline_model_parallel_group(),
    )
    return build_update(recipe, model)


def parameters(update: Update, layout: Layout) -> int:
    """Return the parameters of the whole model; what ranks of tensor parallelism repeat counts for each."""
    copies = dist.get_world_size(parallel_state.get_expert_data_parallel_group())
    own = 0.0
    for parameter in update.model.parameters():
        own += parameter.numel() / (layout.data_world if getattr(parameter, "allreduce", True) else copies)
    total = torch.tensor(own, dtype=torch.float64, device=cpu.device())
    dist.all_reduce(total)
    return round(float(total))


def check_fit(recipe: Recipe, metadata: checkpoint.CheckpointMetadata, path: Path) -> None:
    """Refuse to go on from a checkpoint with a recipe that it was not made by.

    Raises:
        TrainingError: If model or data differ.
    """
    for section in ("model", "data"):
        before, now = getattr(metadata, section), dataclasses.asdict(getattr(recipe, section))
        changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if changed:
            key = changed[0]
            raise TrainingError(
                f"{section}.{key} is {now.get(key)!r}, and the checkpoint {path} was made with {before.get(key)!r}",
                "restore the recipe, or start a new run with another --output",
            )
