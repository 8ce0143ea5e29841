"""Show a run on a terminal: a line every few steps."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console

from trainer.callbacks.callback import Callback
from trainer.callbacks.step_result import StepResult
from trainer.callbacks.summary import Summary
from trainer.recipe.recipe import Recipe


class Progress(Callback):
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

    def begin(self, recipe: Recipe, release: str, *, world: int, parameters: int, done: int) -> None:
        """Print what is trained on what.

        Args:
            recipe: The recipe.
            release: Name of the release.
            world: Number of processes.
            parameters: Parameters of the whole model.
            done: Steps that are finished already.
        """
        processes = "1 process" if world == 1 else f"{world} processes"
        self._print(
            f"[bold]{recipe.name}[/]: {_short(parameters)} parameters, {processes}, release {release}, "
            f"stage {recipe.data.stage}, " + (f"from step {done} to {self._steps}" if done else f"{self._steps} steps")
        )

    def on_step_end(self, result: StepResult) -> None:
        """Print a step, where it is its turn."""
        if result.step % self._every and result.step not in {1, self._steps}:
            return
        losses = "  ".join(f"{name} {loss:6.3f}" for name, loss in result.losses.items())
        width = len(str(self._steps))
        self._print(
            f"step {result.step:{width}d}/{self._steps}  loss [bold]{result.loss:6.3f}[/]  {losses:54s}  "
            f"[dim]{result.tokens / result.seconds:,.0f} tokens/s  "
            f"gradient {result.grad_norm:.2f}  lr {result.lr:.1e}[/]"
        )

    def on_end(self, summary: Summary | None) -> None:
        """Print what the run came to."""
        if summary is None:
            return
        if summary.curve:
            losses = "  ".join(f"{name} {first:.2f} → {last:.2f}" for name, (first, last) in summary.curve.items())
            self._print(f"loss, first to last: {losses}")
        if summary.stopped:
            self._print("stopped by a signal; --resume continues")
        if summary.checkpoint:
            self._print(f"checkpoint: {summary.checkpoint}")

    def _print(self, text: str) -> None:
        if self._console:
            self._console.print(text, soft_wrap=True)
            self._console.file.flush()


def _short(count: int) -> str:
    for unit, size in (("B", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)
