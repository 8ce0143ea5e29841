"""Record training steps in the ledger, by which an auditor finds the steps that saw a document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from lakehouse.delta.append import append_rows
from lakehouse.errors import TableNotFoundError
from lakehouse.lake import Lake
from lakehouse.ledger import tables
from trainer.callbacks.callback import Callback
from trainer.callbacks.step_result import StepResult


class LedgerSteps(Callback):
    """Collects records of steps, and commits them to ``ledger.training_steps``.

    A commit carries its last step as the number of an idempotent transaction, so that the table itself
    says up to which step a run is recorded. A resumed run repeats the steps since its checkpoint on the
    same rows, and those that are recorded are left out: no step is recorded twice, however a run was killed.

    Args:
        lake: The lake.
        training_run: The run's identity.
        release: Name of the release.
        digest: Its digest.
        stage: Stage.
        seed: Order of its rows.
        every: Steps between commits.
    """

    def __init__(  # noqa: PLR0913
        self,
        lake: Lake,
        *,
        training_run: str,
        release: str,
        digest: str,
        stage: str,
        seed: int,
        every: int = 1,
    ) -> None:
        self._lake = lake
        self._same = {
            "training_run": training_run,
            "release": release,
            "digest": digest,
            "stage": stage,
            "seed": seed,
        }
        self._every = every
        self.pending: list[dict[str, Any]] = []

    def on_step_end(self, result: StepResult) -> None:
        """Collect a step's record, and commit where it is time to.

        Raises:
            LakeError: If the ledger cannot be written.
        """
        record = {name: getattr(result, name) for name in ("step", "begin", "end", "positions")}
        self.pending.append({**record, "at": datetime.now(UTC)})
        if result.step % self._every == 0:
            self.commit()

    def on_save(self, result: StepResult) -> None:  # noqa: ARG002 - the protocol's argument
        """Commit what is pending.

        Raises:
            LakeError: If the ledger cannot be written.
        """
        self.commit()

    def commit(self) -> int:
        """Commit what is pending, and return how many steps were new.

        Raises:
            LakeError: If the ledger cannot be written.
        """
        recorded = self.recorded()
        new_records = [{**self._same, **record} for record in self.pending if record["step"] > recorded]
        if new_records:
            append_rows(
                self._lake.catalog,
                tables.training_steps,
                pa.Table.from_pylist(new_records, schema=tables.training_steps.schema),
                app_id=self._transaction,
                version=new_records[-1]["step"],
            )
        self.pending.clear()
        return len(new_records)

    def recorded(self) -> int:
        """Return the last step that is in the ledger, 0 where none is."""
        try:
            table = self._lake.catalog.open(tables.training_steps.name)
        except TableNotFoundError:
            return 0
        return int(table.transaction_version(self._transaction) or 0)

    @property
    def _transaction(self) -> str:
        return f"training:{self._same['training_run']}"
