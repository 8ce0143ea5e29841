"""The training steps' place in the ledger, by which an auditor finds which steps saw a document."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from lakehouse.delta.append import append_rows
from lakehouse.errors import TableNotFoundError
from lakehouse.lake import Lake
from lakehouse.ledger import tables


class StepRecords:
    """Collects records of steps, and commits them to ``ledger.training_steps``.

    A commit carries its last step as the number of an idempotent transaction, so that the table itself
    says up to which step a run is recorded. A resumed run repeats the steps since its checkpoint on the
    same rows, and those that are recorded are left out: no step is doubled, however a run was killed.

    Args:
        lake: The lake.
        training_run: The run's identity.
        release: Name of the release.
        digest: Its digest.
        stage: Stage.
        seed: Order of its rows.
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
    ) -> None:
        self._lake = lake
        self._same = {
            "training_run": training_run,
            "release": release,
            "digest": digest,
            "stage": stage,
            "seed": seed,
        }
        self.pending: list[dict[str, Any]] = []

    def add(self, step: int, begin: int, end: int, positions: list[int]) -> None:
        """Note that a step saw rows [begin, end) of the loader's order, stored at `positions`."""
        record = {"step": step, "begin": begin, "end": end, "positions": positions, "at": datetime.now(UTC)}
        self.pending.append(record)

    def commit(self) -> int:
        """Commit what is pending, and return how many steps were new.

        Raises:
            LakeError: If the ledger cannot be written.
        """
        recorded = self.recorded()
        fresh = [{**self._same, **record} for record in self.pending if record["step"] > recorded]
        if fresh:
            append_rows(
                self._lake.catalog,
                tables.training_steps,
                pa.Table.from_pylist(fresh, schema=tables.training_steps.schema),
                app_id=self._transaction,
                version=fresh[-1]["step"],
            )
        self.pending.clear()
        return len(fresh)

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
