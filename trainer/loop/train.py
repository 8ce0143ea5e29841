"""A training run: from a recipe and a source of rows to checkpoints, metrics and the ledger."""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Self, TextIO

import torch
import torch.distributed as dist
from megatron.core import parallel_state

from lakehouse.lake import Lake
from trainer.callbacks.ledger_steps import StepRecords
from trainer.callbacks.metrics import Metrics, curve
from trainer.callbacks.progress import Progress
from trainer.callbacks.step_result import StepResult
from trainer.data.microbatch import KINDS
from trainer.distributed.process_group import Layout
from trainer.errors import TrainingError
from trainer.loop import checkpoint
from trainer.loop.optimizer import Update, build_update
from trainer.loop.optimizer_step import Step
from trainer.loop.release_source import Source
from trainer.model.model import build_model
from trainer.platform import cpu
from trainer.recipe.recipe import Recipe

CHECKPOINTS = "checkpoints"

# Output matrices are padded to a multiple of this many rows, so that tensor cores and ranks share them evenly.
_VOCABULARY_MULTIPLE = 128


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run came to.

    Args:
        training_run: Its identity in ``ledger.training_steps``.
        step: Finished optimizer steps.
        steps: Steps of the recipe, or those asked for.
        position: Rows seen.
        curve: "all" and each modality to its mean loss over the first and the last steps that had it.
        checkpoint: The newest checkpoint.
        stopped: Whether it was asked to stop before it was done.
    """

    training_run: str
    step: int
    steps: int
    position: int
    curve: Mapping[str, tuple[float, float]]
    checkpoint: str
    stopped: bool


def train(  # noqa: PLR0913
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
    """Train until the recipe's steps are done, the rows end, or a signal asks to stop.

    All processes call this. SIGTERM and SIGINT end the run after the step in hand, with a checkpoint.

    Args:
        recipe: A checked recipe.
        source: This rank's rows; it stands where the checkpoint stood.
        layout: Where this process stands.
        lake: Lake in whose ledger the steps are recorded; None for none.
        output: The run's folder.
        training_run: The run's identity in the ledger.
        resume: Checkpoint to go on from.
        steps: Stop at this step; the schedule stays the recipe's.
        terminal: Where progress is told; None for nowhere.

    Raises:
        TrainingError: If the loss is not a number, or a checkpoint does not fit or cannot be written.
    """
    device = cpu.device()
    update = build_training(recipe, source.vocabulary, layout)
    done = checkpoint.load(resume, update).step if resume else 0
    last = min(recipe.steps, steps or recipe.steps)
    run = _Run(recipe, source, layout, lake, output, training_run, update, resume)
    progress = Progress(terminal if layout.main else None, last, recipe.report.progress)
    progress.begin(recipe.name, source.release, recipe.data.stage, layout.world, parameters(update, layout), done)
    stepper = Step(recipe, layout, update, device)
    result: StepResult | None = None
    with _Asked() as asked, run:
        for number, batch in zip(range(done + 1, last + 1), source.batches(), strict=False):
            result = stepper(number, batch, asked.stop)
            run.finished(result, batch.begin, batch.end, last)
            progress.step(result)
            if result.stop:
                break
        run.end()
    summary = Summary(
        training_run=training_run,
        step=run.step or done,
        steps=last,
        position=run.position,
        curve=curve(output) if layout.main else {},
        checkpoint=str(run.path or ""),
        stopped=bool(result and result.stop and result.step < last),
    )
    progress.end(summary.curve, summary.checkpoint, summary.stopped)
    return summary


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


def check_fit(recipe: Recipe, standing: checkpoint.Standing, path: Path) -> None:
    """Refuse to go on from a checkpoint with a recipe that it was not made by.

    Raises:
        TrainingError: If model or data differ.
    """
    for section in ("model", "data"):
        before, now = getattr(standing, section), dataclasses.asdict(getattr(recipe, section))
        changed = sorted(key for key in {*before, *now} if before.get(key) != now.get(key))
        if changed:
            key = changed[0]
            raise TrainingError(
                f"{section}.{key} is {now.get(key)!r}, and the checkpoint {path} was made with {before.get(key)!r}",
                "restore the recipe, or start a new run with another --output",
            )


class _Run:
    """What is kept of a run as it goes: metrics, ledger, checkpoints."""

    def __init__(  # noqa: PLR0913, PLR0917
        self,
        recipe: Recipe,
        source: Source,
        layout: Layout,
        lake: Lake | None,
        output: Path,
        training_run: str,
        update: Update,
        resume: Path | None,
    ) -> None:
        self.step = 0
        self.path = resume
        self._recipe, self._source, self._layout, self._update = recipe, source, layout, update
        self._folder, self._training_run = output / CHECKPOINTS, training_run
        self._loader = dict(source.loader.state_dict())
        self._saved = True
        self._metrics = Metrics(output, checkpoint.standing_of(resume).step if resume else 0) if layout.main else None
        self._records = None
        if layout.main and lake is not None:
            self._records = StepRecords(
                lake,
                training_run=training_run,
                release=source.release,
                digest=source.digest,
                stage=recipe.data.stage,
                seed=recipe.data.seed,
            )

    @property
    def position(self) -> int:
        return int(self._loader["position"])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._metrics:
            self._metrics.close()

    def finished(self, result: StepResult, begin: int, end: int, last: int) -> None:
        """Keep what one step did, and save where it is time to."""
        self.step, self._saved = result.step, False
        # Where the loader stands after this step, whatever it has read ahead.
        self._loader["position"] = end
        if self._metrics:
            self._metrics.write(result, end)
        if self._records:
            self._records.add(result.step, begin, end, result.positions)
            if result.step % self._recipe.report.ledger == 0:
                self._records.commit()
        if result.step % self._recipe.checkpoint.every == 0 or result.step == last or result.stop:
            self._save()

    def end(self) -> None:
        """Save what is not saved yet: the rows ended before the steps did."""
        if not self._saved:
            self._save()

    def _save(self) -> None:
        # The ledger first: a step that a checkpoint holds is recorded, and one that is repeated after a
        # kill in between is not recorded twice.
        if self._records:
            self._records.commit()
        standing = checkpoint.Standing(
            step=self.step,
            training_run=self._training_run,
            loader=dict(self._loader),
            release=self._source.release,
            model=dataclasses.asdict(self._recipe.model),
            data=dataclasses.asdict(self._recipe.data),
        )
        self.path = checkpoint.save(self._folder, self._update, standing, keep=self._recipe.checkpoint.keep)
        self._saved = True


class _Asked:
    """Whether SIGTERM or SIGINT came."""

    def __init__(self) -> None:
        self.stop = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.stop = True
