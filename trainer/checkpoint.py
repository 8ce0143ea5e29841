"""Saving a run and taking it up again, on the same processes or others.

A checkpoint is one of Megatron's distributed checkpoints: every process writes its share, and any layout
reads it back. It is written to a folder beside its place and renamed, so that it is whole or not there::

    checkpoints/
      step-00000012/      model, optimizer, schedule, random states, and where the run stands
      latest              the newest one's name
"""

from __future__ import annotations

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

from trainer.errors import TrainingError
from trainer.optimizer import Update

LATEST = "latest"
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
class Standing:
    """Where a run stands; plain values, saved beside the weights.

    Args:
        step: Finished optimizer steps.
        training_run: The run's identity in ``ledger.training_steps``.
        loader: The loader's state.
        release: Name of the release.
        model: The recipe's model section, by which a checkpoint and a recipe are told to fit.
        data: The recipe's data section.
    """

    step: int
    training_run: str
    loader: Mapping[str, Any]
    release: str
    model: Mapping[str, Any]
    data: Mapping[str, Any]


def latest(folder: Path) -> Path | None:
    """Return the newest checkpoint of a folder, or None where there is none."""
    pointer = folder / LATEST
    if not pointer.is_file():
        return None
    path = folder / pointer.read_text(encoding="utf-8").strip()
    return path if path.is_dir() else None


def save(folder: Path, update: Update, standing: Standing, *, keep: int) -> Path:
    """Write a checkpoint; all processes call this.

    Args:
        folder: Folder of the run's checkpoints.
        update: The model and what updates it, after at least one step.
        standing: Where the run stands.
        keep: Newest checkpoints that are kept.

    Returns:
        The checkpoint's folder.

    Raises:
        TrainingError: If it cannot be written.
    """
    path = folder / f"{_PREFIX}{standing.step:08d}"
    draft = folder / f".{path.name}.draft"
    try:
        if _main():
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir(parents=True)
        dist.barrier()
        state = _sharded(update, loading=False)
        state["standing"] = {name: getattr(standing, name) for name in Standing.__dataclass_fields__}
        state["world"] = dist.get_world_size()
        state["rng"] = _rng_object(_rng_state())
        # Files are written by threads of this process; Megatron's queue would start another to hand over
        # their results.
        filesystem_async._results_queue = queue.Queue()  # noqa: SLF001
        dist_checkpointing.save(state, str(draft), content_metadata=dict(_FORM))
        dist.barrier()
        if _main():
            shutil.rmtree(path, ignore_errors=True)
            draft.rename(path)
            pointer = folder / f".{LATEST}.draft"
            pointer.write_text(path.name, encoding="utf-8")
            pointer.replace(folder / LATEST)
            for old in sorted(folder.glob(f"{_PREFIX}*"))[:-keep]:
                if old != path:
                    shutil.rmtree(old, ignore_errors=True)
        dist.barrier()
    except (OSError, CheckpointException) as error:
        raise TrainingError(f"the checkpoint {path} cannot be written: {error}", "free space and resume") from error
    return path


def standing_of(path: Path) -> Standing:
    """Return where the run of a checkpoint stood.

    Raises:
        TrainingError: If the checkpoint cannot be read.
    """
    try:
        common = dist_checkpointing.load_common_state_dict(str(path))
        return Standing(**common["standing"])
    except (
        OSError,
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        dist_checkpointing.core.CheckpointingException,
    ) as error:
        raise _unreadable(path, error) from error


def load(path: Path, update: Update) -> Standing:
    """Read a checkpoint into a model and what updates it; all processes call this.

    Random states are read where the number of processes is the same.

    Raises:
        TrainingError: If it cannot be read, or is of another model.
    """
    standing = standing_of(path)
    wanted = _sharded(update, loading=True)
    same_world = dist_checkpointing.load_common_state_dict(str(path)).get("world") == dist.get_world_size()
    if same_world:
        wanted["rng"] = _rng_object(_rng_state())
    try:
        state = dist_checkpointing.load(wanted, str(path))
        update.model.module.load_state_dict(state["model"], strict=False)
        update.optimizer.load_state_dict(state["optimizer"])
        update.scheduler.load_state_dict(state["scheduler"])
    except (OSError, KeyError, ValueError, RuntimeError, dist_checkpointing.core.CheckpointingException) as error:
        raise _unreadable(path, error) from error
    if same_world:
        _set_rng_state(state["rng"])
    return standing


def _main() -> bool:
    return dist.get_rank() == 0


def _unreadable(path: Path, error: BaseException) -> TrainingError:
    words = str(error).strip().split("\n", 1)[0][:200]
    return TrainingError(
        f"the checkpoint {path} cannot be read: {words}", f"name an older one in {path.parent / LATEST}"
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
