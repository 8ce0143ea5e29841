"""The host as Megatron's device, on a machine without a GPU.

Megatron-core has no notion of a platform: it names its device as ``torch.cuda.current_device()``,
``device="cuda"``, ``.cuda()`` and ``tensor.type() == "torch.cuda.FloatTensor"``. `install` answers these
with the CPU and turns streams and events, which only order work on a GPU, into nothing. Everything
else is Megatron's own code. Where there is a GPU, `install` does nothing.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable
from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode

from trainer.platform.cpu_layers import HostNorm

_CPU = torch.device("cpu")
_installed: list[TorchFunctionMode] = []


def install() -> bool:
    """Make the host the device, where there is no GPU; call it before anything imports Megatron.

    Returns:
        Whether the host is the device. Calling again changes nothing.
    """
    if torch.cuda.is_available():
        return False
    if not _installed:
        # Megatron decorates functions with torch.compile where it is imported.
        os.environ["TORCHDYNAMO_DISABLE"] = "1"
        _patch_megatron()
        _patch_cuda()
        mode = _HostMode()
        mode.__enter__()
        _installed.append(mode)
    return True


def device() -> torch.device:
    """Return the device that this process computes on."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else _CPU


class _Nothing:
    """A stream or an event: on one processor thread everything is in order already."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take what a stream takes."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None  # noqa: ARG005 - takes whatever the method takes

    def record_event(self, event: Any = None) -> Any:
        return event or _Nothing()

    def elapsed_time(self, other: Any) -> float:  # noqa: ARG002
        return 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing behind."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Nothing)

    def __hash__(self) -> int:
        return 0


class _HostMode(TorchFunctionMode):
    """Answers ``device="cuda"``, ``.cuda()``, ``.type()`` and pinning for CPU tensors."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.cuda or func is torch.Tensor.pin_memory:
            return args[0]
        if func is torch.Tensor.record_stream:
            return None
        if _is_cuda(kwargs.get("device")):
            kwargs["device"] = _CPU
        kwargs.pop("pin_memory", None)
        if func is torch.Tensor.to and len(args) > 1 and _is_cuda(args[1]):
            args = (args[0], _CPU, *args[2:])
        out = func(*args, **kwargs)
        # The distributed optimizer distinguishes parameters by "torch.cuda.FloatTensor".
        if func is torch.Tensor.type and isinstance(out, str):
            return out.replace("torch.", "torch.cuda.")
        return out


def _is_cuda(place: object) -> bool:
    return isinstance(place, str | torch.device) and str(place).startswith("cuda")


class HostAdam(torch.optim.Optimizer):
    """AdamW (arXiv 1711.05101) with the interface of Apex's FusedAdam.

    The step count is in the group and not in the state: Megatron's checkpoints expect that, and
    torch.optim.AdamW, which keeps one per parameter, cannot be loaded by them.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        adam_w_mode: bool = True,
        **_: Any,
    ) -> None:
        if not adam_w_mode:
            message = "HostAdam decouples weight decay; adam_w_mode must be true"
            raise ValueError(message)
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every parameter that has a gradient."""
        for group in self.param_groups:
            group["step"] = step = group.get("step", 0) + 1
            (beta1, beta2), lr = group["betas"], group["lr"]
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
                mean, square = state["exp_avg"], state["exp_avg_sq"]
                mean.lerp_(parameter.grad, 1 - beta1)
                square.mul_(beta2).addcmul_(parameter.grad, parameter.grad, value=1 - beta2)
                scale = (square / (1 - beta2**step)).sqrt_().add_(group["eps"])
                parameter.mul_(1 - lr * group["weight_decay"])
                parameter.addcdiv_(mean, scale, value=-lr / (1 - beta1**step))


def _patch_megatron() -> None:
    # Megatron is imported before torch.cuda is patched: torch's own checks at import would fail otherwise.
    from megatron.core import optimizer
    from megatron.core.models.hybrid import hybrid_block
    from megatron.core.optimizer import distrib_optimizer
    from megatron.core.tensor_parallel import random
    from megatron.core.transformer.moe import token_dispatcher

    random._set_cuda_rng_state = lambda state, *_, **__: torch.set_rng_state(state)  # noqa: SLF001
    optimizer.Adam, optimizer.USING_PYTORCH_OPTIMIZER = HostAdam, False
    distrib_optimizer.Adam = HostAdam
    distrib_optimizer.HAVE_APEX_OR_TE = distrib_optimizer.USING_APEX_OPTIMIZER = True
    # The dispatcher turns split sizes into numpy only where they are on a GPU, and gloo wants numbers.
    token_dispatcher.maybe_move_tensor_to_cpu = lambda tensor, as_numpy=False, **_: (
        tensor.numpy() if as_numpy and torch.is_tensor(tensor) else tensor
    )
    # The stack names Transformer Engine's norm for its last one, whatever the layers' specification is.
    hybrid_block.TENorm = HostNorm


def _patch_cuda() -> None:
    cuda: Any = torch.cuda

    def nothing() -> Callable[..., None]:
        """Return a function for one name alone: torch's compiler refuses one object under two."""
        return lambda *_, **__: None

    cuda.Stream = cuda.Event = _Nothing
    cuda.current_device = lambda: _CPU
    cuda.current_stream = cuda.default_stream = lambda *_: _Nothing()
    cuda.stream = lambda _: contextlib.nullcontext()
    cuda.synchronize, cuda.set_device, cuda.empty_cache = nothing(), nothing(), nothing()
    cuda.nvtx.range_push, cuda.nvtx.range_pop = nothing(), nothing()
    # torch.manual_seed calls manual_seed_all, which therefore stays as it is.
    cuda.manual_seed = torch.default_generator.manual_seed
    cuda.get_rng_state = cuda.random.get_rng_state = lambda *_, **__: torch.get_rng_state()
    cuda.set_rng_state = lambda state, *_, **__: torch.set_rng_state(state)
