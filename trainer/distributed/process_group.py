"""Join the other processes: process groups, parallel layout, threads, seeds."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

import torch
import torch.distributed as dist

from trainer.platform import cpu
from trainer.recipe.check import expert_parallel
from trainer.recipe.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Layout:
    """One process among the others.

    Args:
        rank: Rank among all processes.
        world: Number of processes.
        data_rank: Rank among the replicas that share a batch.
        data_world: Number of replicas.
        expert: Expert parallelism.
        reports: Whether sums over the batch are taken from this process: of each replica one does.
    """

    rank: int
    world: int
    data_rank: int
    data_world: int
    expert: int
    reports: bool

    @property
    def main(self) -> bool:
        """Whether this process writes files."""
        return self.rank == 0


def world_size() -> int:
    """Return how many processes there are, as torchrun set it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def start(recipe: Recipe) -> Layout:
    """Join the other processes and distribute the recipe over them; a second start changes the layout.

    Raises:
        ConfigError: If the recipe cannot be laid over so many processes.
    """
    world = world_size()
    expert = expert_parallel(recipe, world)
    for name, value in recipe.environment.items():
        os.environ.setdefault(name, value)
    on_host = cpu.install()
    if on_host:
        torch.set_num_threads(max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    else:
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    from megatron.core import parallel_state
    from megatron.core.tensor_parallel.random import model_parallel_cuda_manual_seed

    if not dist.is_initialized():
        backend = "gloo" if on_host else "cpu:gloo,cuda:nccl"
        if "MASTER_ADDR" in os.environ:
            dist.init_process_group(backend)
        else:
            dist.init_process_group(backend, store=dist.HashStore(), rank=0, world_size=1)
    parallel_state.destroy_model_parallel()
    parallel_state.initialize_model_parallel(
        recipe.parallel.tensor,
        recipe.parallel.pipeline,
        expert_model_parallel_size=expert,
        expert_tensor_parallel_size=recipe.parallel.expert_tensor,
    )
    torch.manual_seed(recipe.seed)
    model_parallel_cuda_manual_seed(recipe.seed)
    return Layout(
        rank=dist.get_rank(),
        world=world,
        data_rank=parallel_state.get_data_parallel_rank(),
        data_world=parallel_state.get_data_parallel_world_size(),
        expert=expert,
        reports=parallel_state.is_pipeline_last_stage() and parallel_state.get_tensor_model_parallel_rank() == 0,
    )


def stop() -> None:
    """Leave the other processes, once all of them are here."""
    if dist.is_initialized():
        from megatron.core import parallel_state

        dist.barrier()
        parallel_state.destroy_model_parallel()
        dist.destroy_process_group()


def new_run(name: str) -> str:
    """Return a fresh identity for a training run, the same on all processes: its name and the time."""
    chosen = [f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"]
    dist.broadcast_object_list(chosen, src=0, device=torch.device("cpu"))
    return chosen[0]
