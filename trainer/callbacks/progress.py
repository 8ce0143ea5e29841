"""What a person at the terminal sees of a run: a line every few steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from rich.console import Console

from trainer.callbacks.step_result import StepResult


class Progress:
    """Prints lines to a terminal, with colours where it has them.

    Args:
        terminal: Where to; None for nowhere.
        steps: The last step.
        every: Steps between lines.
    """

    def __init__(self, terminal: TextIO | None, steps: int, every: int) -> None:
        # A file has no width; a line is never folded there.
        width = None if terminal is not None and terminal.isatty() else 200
        self._console = Console(file=terminal, highlight=False, width=width) if terminal else None
        self._steps, self._every = steps, every

    def begin(self, name: str, release: str, stage: str, world: int, parameters: int, done: int) -> None:  # noqa: PLR0913, PLR0917
        """Say what is trained on what."""
        processes = "1 process" if world == 1 else f"{world} processes"
        self._say(
            f"[bold]{name}[/]: {_short(parameters)} parameters, {processes}, release {release}, stage {stage}, "
            + (f"from step {done} to {self._steps}" if done else f"{self._steps} steps")
        )

    def step(self, result: StepResult) -> None:
        """Tell of a step, where it is its turn."""
        if result.step % self._every and result.step not in {1, self._steps}:
            return
        losses = "  ".join(f"{name} {loss:6.3f}" for name, loss in result.losses.items())
        width = len(str(self._steps))
        self._say(
            f"step {result.step:{width}d}/{self._steps}  loss [bold]{result.loss:6.3f}[/]  {losses:54s}  "
            f"[dim]{result.tokens / result.seconds:,.0f} tokens/s  "
            f"gradient {result.grad_norm:.2f}  lr {result.lr:.1e}[/]"
        )

    def end(self, curve: Mapping[str, tuple[float, float]], checkpoint: str, stopped: bool) -> None:
        """Tell what the run came to."""
        if curve:
            falls = "  ".join(f"{name} {first:.2f} → {last:.2f}" for name, (first, last) in curve.items())
            self._say(f"loss, first to last: {falls}")
        if stopped:
            self._say("stopped as asked; --resume goes on")
        if checkpoint:
            self._say(f"checkpoint: {checkpoint}")

    def _say(self, text: str) -> None:
        if self._console:
            self._console.print(text, soft_wrap=True)
            self._console.file.flush()


def _short(count: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)
