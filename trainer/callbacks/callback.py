"""What a training run calls as it goes."""

from __future__ import annotations

from trainer.callbacks.step_result import StepResult
from trainer.callbacks.summary import Summary


class Callback:
    """Something that follows a run; each method does nothing unless it is overridden.

    Callbacks are called in the order of the run's list, on the ranks that have them in their list.
    """

    def on_step_end(self, result: StepResult) -> None:
        """Handle the end of a step.

        Args:
            result: What the step did, over all ranks.
        """

    def on_save(self, result: StepResult) -> None:
        """Save what belongs to the run; called at each checkpoint.

        Args:
            result: The last step that is done.
        """

    def on_end(self, summary: Summary | None) -> None:
        """Finish; called once, when the run ends.

        Args:
            summary: What the run came to, None where an error ended it.
        """
