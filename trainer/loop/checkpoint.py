"""Save a run and resume it, on the same processes or others.

A checkpoint is one of Megatron's distributed checkpoints: every process writes its share, and any layout
reads it back. It is written to a folder beside its place and renamed, so that it is whole or not there::

    checkpoints/
      step-00000012/      model, optimizer, schedule, random states, metadata
        checkpoint.json   step, release and the loader's state, for people and other programs
      latest              the name of the one to resume from

A run that resumes from an older one drops the later ones: its next checkpoint removes them.
"""

from __future__ import annotations

import json
import queue
import random
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from megatron.core import dist_checkpointing
from megatron.core.dist_checkpointing.mapping import ShardedObject
from megatron.core.dist_checkpointing.strategies import filesystem_async
from megatron.core.tensor_parallel.random import get_cuda_rng_tracker
from torch.distributed.checkpoint import CheckpointException

from lakehouse.errors import first_line
from trainer.errors import TrainingError
from trainer.loop.optimizer import Update

LATEST = "latest"
# Megatron has a metadata.json of its own.
METADATA = "checkpoint.json"
_PREFIX = "step-"

# With these, a checkpoint of one expert parallelism or world is loaded by another. Megatron adds the run's
# process groups to what it is given, so it is given copies.
_FORM = {
    "distrib_optim_sharding_type": "fully_reshardable",
    "distrib_optim_fully_reshardable_mem_efficient": False,
    "chained_optim_avoid_prefix": True,
    "singleton_local_shards": False,
}


@dataclass(frozen=True, slots=True)
class CheckpointMetadata:
    """What a checkpoint was made by and after; plain values, saved beside the weights.

    Args:
        step: Finished optimizer steps.
        training_run: The run's identity in ``ledger.training_steps``.
        loader: The loader's state.
        release: Name of the release.
        model: The recipe's model section, which must equal that of the recipe that resumes.
        data: The recipe's data section.
    """

    step: int
    training_run: str
    loader: Mapping[str, Any]
    release: str
    model: Mapping[str, Any]
    data: Mapping[str, Any]


def latest(folder: Path) -> Path | None:
    """Return the checkpoint that a folder's ``latest`` names, or None where there is no ``latest``.

    Raises:
        TrainingError: If what it names does not exist; silently starting over would not be resuming.
    """
    pointer = folder / LATEST
    if not pointer.is_file():
        return None
    name = pointer.read_text(encoding="utf-8").strip()
    if not name or not (folder / name).is_dir():
        existing = ", ".join(path.name for path in _steps(folder))
        raise TrainingError(
            f"{pointer} names {name or 'nothing'}, which does not exist",
            f"write one of {existing} into it" if existing else "remove it to start over",
        )
    return folder / name


def save(folder: Path, update: Update, metadata: CheckpointMetadata, *, keep: int) -> Path:
    """Write a checkpoint; all processes call this.

    Args:
        folder: Folder of the run's checkpoints.
        update: The model and what updates it, after at least one step.
        metadata: What it is made by and after.
        keep: Newest checkpoints that are kept. Those of later steps are of a course that the run left when it
            was resumed from an older checkpoint, and go.

    Returns:
        The checkpoint's folder.

    Raises:
        TrainingError: If it cannot be written.
    """
    path = folder / f"{_PREFIX}{metadata.step:08d}"
    draft = folder / f".{path.name}.draft"
    try:
        if _main():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        dist.barrier()
        state = _sharded(update, loading=False)
        state["checkpoint"] = {name: getattr(metadata, name) for name in CheckpointMetadata.__dataclass_fields__}
        state["world"] = dist.get_world_size()
        state["rng"] = _rng_object(_rng_state())
        # Files are written by threads of this process; Megatron's queue would start another to hand over
        # their results.
        filesystem_async._results_queue = queue.Queue()  # noqa: SLF001
        dist_checkpointing.save(state, str(draft), content_metadata=dict(_FORM))
        dist.barrier()
        if _main():
            _publish(draft, path, metadata)
            _tidy(path, keep)
        dist.barrier()
    except (OSError, CheckpointException) as error:
        raise TrainingError(f"the checkpoint {path} cannot be written: {error}", "free space and resume") from error
    return path


def _publish(draft: Path, path: Path, metadata: CheckpointMetadata) -> None:
    """Put a written draft in its place, and point ``latest`` to it."""
    values = {name: getattr(metadata, name) for name in ("step", "training_run", "release", "loader")}
    (draft / METADATA).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    if path.exists():
        # Renamed, not deleted first: a kill leaves the place empty for two renames at most.
        before = path.with_name(f".{path.name}.before")
        shutil.rmtree(before, ignore_errors=True)
        path.rename(before)
    draft.rename(path)
    pointer = path.parent / f".{LATEST}.draft"
    pointer.write_text(path.name, encoding="utf-8")
    pointer.replace(path.parent / LATEST)


def _tidy(newest: Path, keep: int) -> None:
    """Remove what `newest` makes superfluous: later and too old checkpoints, and what kills left."""
    steps = _steps(newest.parent)
    place = steps.index(newest)
    for old in (*steps[: max(0, place + 1 - keep)], *steps[place + 1 :], *newest.parent.glob(f".{_PREFIX}*")):
        if old != newest:
            shutil.rmtree(old, ignore_errors=True)


def _steps(folder: Path) -> list[Path]:
    """Return the checkpoints of a folder by step, oldest first."""
    steps = (path for path in folder.glob(f"{_PREFIX}*") if path.name.removeprefix(_PREFIX).isdigit())
    return sorted(steps, key=lambda path: int(path.name.removeprefix(_PREFIX)))


def read_metadata(path: Path) -> CheckpointMetadata:
    """Return the metadata of a checkpoint.

    Raises:
        TrainingError: If the checkpoint cannot be read.
    """
    try:
        common = dist_checkpointing.load_common_state_dict(str(path))
        return CheckpointMetadata(**common["checkpoint"])
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        dist_checkpointing.core.CheckpointingException,
    ) as error:
        raise _unreadable(path, error) from error


def load(path: Path, update: Update) -> CheckpointMetadata:
    """Read a checkpoint into a model and what updates it; all processes call this.

    Random states are read where the number of processes is the same.

    Raises:
        TrainingError: If it cannot be read, or is of another model.
    """
    metadata = read_metadata(path)
    template = _sharded(update, loading=True)
    same_world = dist_checkpointing.load_common_state_dict(str(path)).get("world") == dist.get_world_size()
    if same_world:
        template["rng"] = _rng_object(_rng_state())
    try:
        state = dist_checkpointing.load(template, str(path))
        update.model.module.load_state_dict(state["model"], strict=False)
        update.optimizer.load_state_dict(state["optimizer"])
        update.scheduler.load_state_dict(state["scheduler"])
    except (OSError, KeyError, ValueError, RuntimeError, dist_checkpointing.core.CheckpointingException) as error:
        raise _unreadable(path, error) from error
    if same_world:
        _set_rng_state(state["rng"])
    return metadata


def _main() -> bool:
    return dist.get_rank() == 0


def _unreadable(path: Path, error: BaseException) -> TrainingError:
    return TrainingError(
        f"the checkpoint {path} cannot be read: {first_line(error, 200)}",
        f"name an older one in {path.parent / LATEST}",
    )


def _sharded(update: Update, *, loading: bool) -> dict[str, Any]:
    model = update.model.module.sharded_state_dict(metadata=dict(_FORM))
    state: dict[str, Any] = {"model": model, "scheduler": update.scheduler.state_dict()}
    state["optimizer"] = update.optimizer.sharded_state_dict(model, is_loading=loading, metadata=dict(_FORM))
    return state


def _rng_object(state: Any) -> ShardedObject:
    return ShardedObject("rng", state, (dist.get_world_size(),), (dist.get_rank(),), replica_id=0)


def _rng_state() -> dict[str, Any]:
    return {
        "python": random.getstate(),
        "torch": torch.get_rng_state(),
        "device": torch.cuda.get_rng_state(),
        "tracker": get_cuda_rng_tracker().get_states(),
    }


def _set_rng_state(state: Mapping[str, Any]) -> None:
    random.setstate(state["python"])
    torch.cuda.set_rng_state(state["device"])
    torch.set_rng_state(state["torch"])
    get_cuda_rng_tracker().set_states(state["tracker"])
