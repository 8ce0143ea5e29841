"""Relations that views may read beside tables: unions whose parts are known only as a statement is prepared.

``__trained.NAME``
    The rows of ``gold.NAME`` as training saw them, with the column `release` first: the versions that the releases
    named in ``ledger.training_steps`` pin, united, since a position names a row only there. At a release, it is that
    release's alone.
``__tagged.TAG``
    The rows of all tables whose contract has the tag, with the column ``_table`` first; a column that a table lacks is
    null.
``__outcomes.rows``, ``__outcomes.quarantined``
    What became of the rows that flows read; see `lakehouse.query.flow_outcomes`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from lakehouse.errors import MixlakeError, ReleaseError, TableNotFoundError, unknown_table
from lakehouse.query import flow_outcomes
from lakehouse.query.sql_guard import literal, quoted
from lakehouse.query.time_travel import pinned_version


class Reader(flow_outcomes.Reader, Protocol):
    """What a connection offers to those that write the text of a relation."""

    def trained_releases(self) -> list[str]:
        """Return the names of the releases that training steps are recorded of."""

    def empty_rows(self, name: str) -> str | None:
        """Return a relation without rows under a declared table's schema; None where no contract declares it."""


def trained_rows(reader: Reader, name: str) -> str:
    """Return the SQL of a table's rows over the releases that were trained on, each at the version that it pins."""
    table = f"gold.{name}"
    parts = []
    for release in reader.trained_releases():
        if reader.pins.release and release != reader.pins.release:
            continue
        version = pinned_version(reader.project.catalog, release, table)
        if version is not None:
            parts.append(f"SELECT {literal(release)} AS release, * FROM {reader.rows_at(table, version)}")  # noqa: S608 - quoted
    if not parts:
        rows = reader.empty_rows(table)
        if rows is None:
            raise unknown_table(table, reader.known())
        parts.append(f"SELECT '' AS release, * FROM {rows}")  # noqa: S608 - quoted
    # By name: a table may have gained columns between two releases.
    return " UNION ALL BY NAME ".join(parts)


def tagged_rows(reader: Reader, tag: str) -> str:
    """Return the SQL of the rows of all tables that carry a tag.

    Raises:
        TableNotFoundError: If no table carries it.
    """
    declared = reader.project.registry.tables
    names = sorted(table.name for table in declared.values() if tag in (word.lower() for word in table.tags))
    parts = []
    missing: MixlakeError | None = None
    for name in names:
        try:
            reader.columns(name)
        except (ReleaseError, TableNotFoundError) as error:
            missing = error  # not part of the release, or created later
            continue
        parts.append(f"SELECT {literal(name)} AS _table, * FROM {quoted(name)}")  # noqa: S608 - quoted
    if parts:
        return " UNION ALL BY NAME ".join(parts)
    if missing is not None:
        raise missing
    tags = {word for table in declared.values() for word in table.tags}
    raise TableNotFoundError(f"no table has the tag {tag!r}", f"there are {', '.join(sorted(tags)) or 'none'}")


def outcome_rows(reader: Reader, name: str) -> str:
    """Return the SQL of one of the relations of `lakehouse.query.flow_outcomes`.

    Raises:
        TableNotFoundError: If there is none of that name.
    """
    made = {"rows": flow_outcomes.rows_sql, "quarantined": flow_outcomes.quarantined_sql}.get(name)
    if made is None:
        raise TableNotFoundError(f"there is no relation __outcomes.{name}", "there are rows and quarantined")
    return made(reader)


BY_SCHEMA: Mapping[str, Callable[[Reader, str], str]] = {
    "__trained": trained_rows,
    "__tagged": tagged_rows,
    "__outcomes": outcome_rows,
}
