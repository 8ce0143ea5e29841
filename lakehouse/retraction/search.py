"""Find the rows a retraction affects: matches, descendants, releases, training steps. No JVM."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa

from lakehouse.errors import MixlakeError, UsageError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import list_releases, load_release
from lakehouse.ledger.retractions import CONTENT, DERIVED, SAMPLE, Kind
from lakehouse.lineage.reader import SAMPLE_ID
from lakehouse.lineage.training_steps import steps_with_rows
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect
from lakehouse.retraction.closure import Closure
from lakehouse.retraction.report import AffectedSteps

# Ids of one batch, which one commit appends.
_IDS_ROWS = 1_000_000


class RetractionSearch:
    """One search: over the tables' latest versions, then over releases and what was trained on.

    Args:
        project: The project.
        kind: What is matched.
        values: The value; several only for ids.
        include_duplicates: Whether rows of equal content and verified duplicates match, too.
    """

    def __init__(self, project: Project, kind: Kind, values: Sequence[str], *, include_duplicates: bool) -> None:
        self.project = project
        self.retraction_id = uuid.uuid4().hex
        # Releases and trainings that cannot be searched, each with why.
        self.unresolved: list[str] = []
        self._kind, self._values, self._include_duplicates = kind, list(values), include_duplicates
        self._latest = Closure(connect(project))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the connection."""
        self._latest.connection.close()

    def run(self) -> None:
        """Search the latest versions."""
        self._latest.matches(self._kind, self._values)
        if self._include_duplicates:
            self._latest.include_duplicates()
        self._latest.descendants()

    def versions(self) -> dict[str, int]:
        """Return the version at which each table was searched."""
        return {name: self._latest.connection.versions[name] for name in self._latest.tables}

    def row_counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the rows of each table that match by themselves, and those that were made from such."""
        return self._latest.row_counts()

    def unmatched(self) -> list[str]:
        """Return the given ids that no row has, sorted.

        Raises:
            UsageError: If one of them does not have the form of an id, and all ids of the lake have it.
        """
        missing = self._latest.missing(self._values) if self._kind == "id" else []
        odd = [value for value in missing if not re.fullmatch(SAMPLE_ID, value)]
        if odd and not self._latest.has_other_ids():
            raise UsageError(f"{odd[0][:80]!r} is not a sample id", "give each id whole: 32 hex digits in lower case")
        return missing

    def suggestions(self) -> list[str]:
        """Return sources or licences of the lake that are spelled much like the given one."""
        if self._kind not in {"source", "license"}:
            return []
        by_case: dict[str, list[str]] = {}
        for value in self._latest.values(self._kind):
            by_case.setdefault(value.casefold(), []).append(value)
        close = difflib.get_close_matches(self._values[0].casefold(), by_case, n=3, cutoff=0.7)
        return [value for folded in close for value in by_case[folded]][:3]

    def ids(self) -> pa.RecordBatchReader:
        """Return the rows of ``ledger.retracted``, as a stream."""
        kinds = [DERIVED]
        if self._kind == "id" or self._include_duplicates:
            kinds.append(SAMPLE)
        if self._include_duplicates:
            kinds.append(CONTENT)
        return self._latest.ids(self.retraction_id, kinds, _IDS_ROWS)

    def releases(self) -> list[str]:
        """Return the live releases with matching rows, or with rows that were made from them."""
        affected = []
        for release in list_releases(self.project.catalog):
            try:
                with connect(self.project, release.name) as connection:
                    if self._closure_at(connection, release.tables).has_rows():
                        affected.append(release.name)
            except MixlakeError as error:  # a damaged release must not keep an order from being given
                self.unresolved.append(f"release {release.name}: {error.message}")
        return affected

    def training_steps(self) -> list[AffectedSteps]:
        """Return the training steps that saw the rows, by training run and release."""
        if not self.project.catalog.has(tables.training_steps.name):
            return []
        with connect(self.project) as connection:
            trained = connection.trained_releases()
        seen = []
        for name in trained:
            try:
                versions = load_release(self.project.catalog, name, dropped=True).tables
                with connect(self.project, tables=versions) as connection:
                    closure = self._closure_at(connection, versions)
                    if closure.has_rows():
                        ids = closure.ids(self.retraction_id, [DERIVED], _IDS_ROWS)
                        for run, steps, first, last in steps_with_rows(self.project, name, ids):
                            seen.append(AffectedSteps(run, name, steps, first, last))
            except MixlakeError as error:  # the versions that it read are gone
                self.unresolved.append(f"training on {name}: {error.message}")
        return seen

    def _closure_at(self, connection: Connection, versions: Mapping[str, int]) -> Closure:
        closure = Closure(connection, versions)
        closure.matches(self._kind, self._values)
        if self._include_duplicates:
            closure.add_known(self.ids())
        closure.descendants()
        return closure
