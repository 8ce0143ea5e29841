"""How far a retraction reaches: the rows that match, what was made from them, who has seen it. No JVM."""

from __future__ import annotations

import difflib
import re
import uuid
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import pyarrow as pa

from lakehouse.errors import MixlakeError, UsageError
from lakehouse.ledger import tables
from lakehouse.ledger.releases import list_releases, load_release
from lakehouse.ledger.retractions import CONTENT, DERIVED, SAMPLE, Kind
from lakehouse.lineage.training_steps import steps_that_saw
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect
from lakehouse.retraction.closure import COLUMN, ID, Closure
from lakehouse.retraction.report import Seen

# Ids that are held at a time, and that one commit adds.
_IDS_ROWS = 1_000_000


class Reach:
    """One search, over the tables at their latest versions.

    Args:
        lake: The lake.
    """

    def __init__(self, project: Project) -> None:
        """Name the search."""
        self.project = project
        self.name = uuid.uuid4().hex
        self._kind: Kind = "id"
        self._values: list[str] = []
        self._content = False
        # What cannot be told, and why: of a damaged release, or of one whose versions are gone.
        self.untold: list[str] = []
        self._now = Closure(project, connect(project))

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of the tables."""
        self._now.connection.close()

    def search(self, kind: Kind, values: Sequence[str], *, content: bool) -> None:
        """Find the rows that match, and what was made from them."""
        self._kind, self._values, self._content = kind, list(values), content
        self._now.match(kind, self._values)
        if content:
            self._now.widen()
        self._now.close()

    def looked(self) -> dict[str, int]:
        """Return the version at which each table was searched."""
        return {name: self._now.connection.versions[name] for name in self._now.tables}

    def matched(self) -> dict[str, int]:
        """Return how many rows of each table match by themselves."""
        return self._now.counts("self_matched")

    def derived(self) -> dict[str, int]:
        """Return how many rows of each table were made from rows that match."""
        return self._now.counts("NOT self_matched")

    def unmatched(self) -> list[str]:
        """Return the given ids that no row carries, sorted.

        Raises:
            UsageError: If one of them has not the form of an id, and all ids of the lake have it.
        """
        missing = self._now.missing(self._values) if self._kind == "id" else []
        odd = [value for value in missing if not re.fullmatch(ID, value)]
        if odd and not self._now.has_other_ids():
            raise UsageError(f"{odd[0][:80]!r} is no sample id", "give each id whole: 32 hex digits in lower case")
        return missing

    def near(self) -> list[str]:
        """Return sources or licences of the lake that are spelt much like the given one."""
        if self._kind not in {"source", "license"}:
            return []
        by_case: dict[str, list[str]] = {}
        for value in self._now.values(COLUMN[self._kind]):
            by_case.setdefault(value.casefold(), []).append(value)
        close = difflib.get_close_matches(self._values[0].casefold(), by_case, n=3, cutoff=0.7)
        return [value for folded in close for value in by_case[folded]][:3]

    def ids(self) -> pa.RecordBatchReader:
        """Return the rows of ``ledger.retracted``, as a stream."""
        kinds = [DERIVED]
        if self._kind == "id" or self._content:
            kinds.append(SAMPLE)
        if self._content:
            kinds.append(CONTENT)
        return self._now.connection.reader(
            "SELECT $1 AS retraction_id, kind, id FROM __reached WHERE kind IN (SELECT unnest($2::VARCHAR[]))",
            [self.name, kinds],
            batch_rows=_IDS_ROWS,
        )

    def releases(self) -> list[str]:
        """Return the live releases that hold such rows, or what was made from them."""
        found = []
        for release in list_releases(self.project.catalog):
            try:
                with connect(self.project, release.name) as connection:
                    there = Closure(self.project, connection)
                    there.match(self._kind, self._values)
                    if self._content:
                        there.take(self.ids())
                    there.close()
                    if there.any():
                        found.append(release.name)
            except MixlakeError as error:  # a release that is damaged stops no order
                self.untold.append(f"release {release.name}: {error.message}")
        return found

    def seen(self) -> list[Seen]:
        """Return the training steps that saw such rows, by training run and release."""
        if not self.project.catalog.has(tables.training_steps.name):
            return []
        with connect(self.project) as connection:
            trained = connection.rows("SELECT DISTINCT release FROM ledger.training_steps ORDER BY ALL")
        found = []
        for row in trained:
            try:
                with _at_release(self.project, row["release"]) as connection:
                    there = Closure(self.project, connection)
                    there.match(self._kind, self._values)
                    if self._content:
                        there.take(self.ids())
                    there.close()
                    if not there.any():
                        continue
                    ids = connection.reader("SELECT id FROM __reached WHERE kind = 'derived'")
                    for run, steps, first, last in steps_that_saw(self.project, row["release"], ids):
                        found.append(Seen(run, row["release"], steps, first, last))
            except MixlakeError as error:  # its versions are gone: nothing can be told any more
                self.untold.append(f"training on {row['release']}: {error.message}")
        return found


def _at_release(project: Project, name: str) -> Connection:
    release = load_release(project.catalog, name, dropped=True)
    return connect(project, tables=release.tables)
