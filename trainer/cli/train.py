"""``mixlake train``, and the same as ``torchrun -m trainer``."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json
from lakehouse.errors import MachineError, UsageError

if TYPE_CHECKING:
    from trainer.callbacks.summary import Summary
    from trainer.recipe.recipe import Recipe

# The exit status by which a shell reports a process that SIGTERM ended.
STOPPED = 143


@click.command(name="train")
@click.argument("recipe")
@click.option("--release", required=True, metavar="NAME", help="Release to train on.")
@click.option("--lake", metavar="URI", help="Location of the lake.")
@click.option("--stage", metavar="NAME", help="Stage of the release; by default the recipe's.")
@click.option("--steps", type=click.IntRange(1), help="Stop at this step of the recipe's; the schedule stays.")
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint, or start where there is none.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FOLDER", help="By default runs/RECIPE.")
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary, and no progress.")
@click.pass_obj
def command(  # noqa: PLR0913, PLR0917
    context: Context,
    recipe: str,
    release: str,
    lake: str | None,
    stage: str | None,
    steps: int | None,
    resume: bool,
    output: Path | None,
    as_json: bool,
) -> int:
    r"""Train a model by RECIPE, a recipe's name or a file, on a release.

    The output folder gets checkpoints, metrics.jsonl, TensorBoard's files and train.log. SIGTERM ends the
    run after the step in hand, with a checkpoint and exit status 143.

    \b
    Examples:
      mixlake train demo --release mix-1
      mixlake train my.yaml --release mix-1 --stage mid --resume
      torchrun --nproc_per_node 2 -m trainer demo --release mix-1
    """
    from trainer.recipe import read_recipe

    wanted = read_recipe(recipe)
    require_steps(steps, wanted)
    if stage:
        wanted = dataclasses.replace(wanted, data=dataclasses.replace(wanted.data, stage=stage))
    folder = output or Path("runs") / wanted.name
    if not resume and (folder / "checkpoints" / "latest").is_file():
        raise UsageError(f"{folder} holds a run already", "--resume goes on with it, --output names another folder")
    summary = run(Context(lake) if lake else context, wanted, release, folder, steps, resume, quiet=as_json)
    if as_json and int(os.environ.get("RANK", "0")) == 0:
        print_json(dataclasses.asdict(summary))
    return STOPPED if summary.stopped else 0


def require_steps(steps: int | None, recipe: Recipe) -> None:
    """Refuse to stop at a step that the recipe does not have.

    Raises:
        UsageError: If there are fewer: how the learning rate falls is laid out for the recipe's steps.
    """
    if steps is not None and steps > recipe.steps:
        raise UsageError(
            f"--steps {steps} is beyond the recipe {recipe.name}, which has {recipe.steps} steps",
            f"copy the recipe, and write steps: {steps} there: its schedule of the learning rate goes by them",
        )


def run(  # noqa: PLR0913
    context: Context, recipe: Recipe, release: str, folder: Path, steps: int | None, resume: bool, *, quiet: bool
) -> Summary:
    """Train in this process and those that torchrun started beside it; see `command`."""
    lake = context.lake
    try:
        from trainer.distributed import process_group
        from trainer.platform.log_redirect import redirect_output
    except ImportError as error:
        raise MachineError(f"training needs {error.name}", "pip install 'mixlake[train]'") from None
    rank = os.environ.get("RANK", "0")
    log = folder / ("train.log" if rank == "0" else f"train-{rank}.log")
    with redirect_output(log) as terminal:
        # Megatron is imported by this, on the host after its patches.
        layout = process_group.start(recipe)
        from trainer.loop import checkpoint, train
        from trainer.loop.release_source import open_source

        newest = checkpoint.latest(folder / train.CHECKPOINTS) if resume else None
        metadata = checkpoint.read_metadata(newest) if newest else None
        if newest and metadata:
            train.check_fit(recipe, metadata, newest)
            if metadata.step >= (last := min(steps or recipe.steps, recipe.steps)) and not quiet and rank == "0":
                terminal.write(f"the run is at step {metadata.step}, and was to end at step {last}: no step is taken\n")
        source = open_source(lake, release, recipe.data, layout, metadata.loader if metadata else None)
        summary = train.train(
            recipe,
            source,
            layout,
            lake,
            folder,
            training_run=metadata.training_run if metadata else process_group.new_run(recipe.name),
            resume=newest,
            steps=steps,
            terminal=None if quiet else terminal,
        )
        process_group.stop()
    return summary
