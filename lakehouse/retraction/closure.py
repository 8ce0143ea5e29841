"""The rows that a retraction matches."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger.retractions import DERIVED, Kind, pattern
from lakehouse.project import Project
from lakehouse.query.connection import Connection

DUPLICATES = "duplicates"
LEDGER = "ledger."
# Values among which one that is spelt alike is looked for.
VALUES = 10_000
ID = "[0-9a-f]{32}"
WANTED = ("sample_id", "parent_ids", "source", "license", "uri", "content_id", "keeper_id")
COLUMN: Mapping[str, str] = {"source": "source", "license": "license", "uri": "uri", "id": "sample_id"}


class Closure:
    """The rows that match, and all that was made from them, over one set of versions.

    ``__reached`` holds (kind, id): sample and content ids that match, and as ``derived`` the ids of all rows
    that are, or were made from, a row that matches.

    Args:
        lake: The lake.
        connection: Says at which versions the tables are read.
    """

    def __init__(self, project: Project, connection: Connection) -> None:
        self.project = project
        self.connection = connection
        self.tables: list[str] = []
        parts = []
        for name in project.catalog.names():
            if name.startswith(LEDGER) or not self._is_part(name):
                continue
            columns = connection.columns(name)
            if "sample_id" not in columns:
                continue
            self.tables.append(name)
            told = []
            for wanted in WANTED:
                kind = "VARCHAR[]" if wanted == "parent_ids" else "VARCHAR"
                there = wanted in columns and (wanted != "keeper_id" or self._is_pairs(name))
                told.append(wanted if there else f"NULL::{kind} AS {wanted}")
            layer, table = name.split(".", 1)
            parts.append(f'SELECT \'{name}\' AS "table", {", ".join(told)} FROM "{layer}"."{table}"')  # noqa: S608 - names of the lake
        self.rows = f"({' UNION ALL '.join(parts)})" if parts else ""
        self._predicate = "false"
        connection.hold("__reached", "SELECT NULL::VARCHAR AS kind, NULL::VARCHAR AS id WHERE false")

    def _is_part(self, name: str) -> bool:
        """Whether the versions that are looked at hold the table; a release need not."""
        pins = self.connection.pins
        if pins.versions and name not in pins.versions:
            return False
        try:
            self.connection.columns(name)
        except (ReleaseError, TableNotFoundError):
            return False
        return True

    def _is_pairs(self, name: str) -> bool:
        table = self.project.registry.tables.get(name)
        return table is not None and DUPLICATES in table.tags

    def match(self, kind: Kind, values: list[str]) -> None:
        """Find the rows that match by themselves."""
        if not self.rows:
            return
        column = COLUMN[kind]
        given = values if kind == "id" else []
        literals = ", ".join("'" + value.replace("'", "''") + "'" for value in values)
        self._predicate = f"{column} IN ({literals})"
        if kind == "license":
            self._predicate += (
                f" OR (coalesce(len(parent_ids), 0) = 0 AND list_contains(string_split(license, ' AND '), {literals}))"
            )
        elif kind == "uri":
            escaped = pattern(values[0]).replace("'", "''")
            self._predicate = f"regexp_full_match(uri, '{escaped}')"
        self.connection.hold(
            "__reached",
            f"SELECT 'sample' AS kind, sample_id AS id FROM {self.rows} "  # noqa: S608 - quoted
            # An id counts also where no table holds it (any more): its rows may lie in quarantine, or land later.
            f"WHERE coalesce({self._predicate}, false) UNION SELECT 'sample', unnest($1::VARCHAR[])",
            [given],
        )

    def take(self, ids: pa.RecordBatchReader, *, derived: bool = False) -> None:
        """Add ids that were found elsewhere, and the rows that carry them.

        Args:
            ids: string ``kind`` and ``id``.
            derived: Whether ids of rows that were made from such that match count, too, where no row tells what it
                was made from. A row with such an id may have been made anew from others.
        """
        if not self.rows:
            return
        self.connection.lend("__taken", ids)
        self.connection.hold(
            "__reached",
            f"WITH known AS (FROM __reached UNION SELECT kind, id FROM __taken WHERE kind <> '{DERIVED}') "  # noqa: S608 - quoted
            "SELECT kind, id FROM known UNION SELECT 'sample', sample_id "
            f"FROM {self.rows} WHERE content_id IN (SELECT id FROM known WHERE kind = 'content')",
        )
        if derived:
            self.connection.hold(
                "__reached",
                f"FROM __reached UNION SELECT 'sample', id FROM __taken WHERE kind = '{DERIVED}' "  # noqa: S608 - quoted
                f"AND id NOT IN (SELECT sample_id FROM {self.rows} "
                "WHERE parent_ids IS NOT NULL AND sample_id IS NOT NULL)",
            )

    def widen(self) -> None:
        """Add rows of equal content and verified duplicates of the rows that match, and note their contents.

        Duplicates of one kept row go together, also those that were compared with it alone and not with each other.
        """
        if not self.rows:
            return
        samples = "(SELECT id FROM __reached WHERE kind IN ('sample', 'derived'))"
        contents = "(SELECT id FROM __reached WHERE kind = 'content')"
        self.close()
        noted = (
            f"FROM __reached UNION SELECT 'content', content_id FROM {self.rows} "  # noqa: S608 - quoted
            f"WHERE content_id IS NOT NULL AND sample_id IN {samples}"
        )
        equal = f"FROM __reached UNION SELECT 'sample', sample_id FROM {self.rows} WHERE content_id IN {contents}"  # noqa: S608 - quoted
        pairs = (
            f"FROM __reached UNION "  # noqa: S608 - quoted
            f"SELECT 'sample', sample_id FROM {self.rows} WHERE keeper_id IN {samples} UNION "
            f"SELECT 'sample', keeper_id FROM {self.rows} WHERE keeper_id IS NOT NULL AND sample_id IN {samples}"
        )
        # What equals the rows, what they repeat and what repeats that, and what equals it.
        for step in (noted, equal, pairs, pairs, noted, equal):
            self.connection.hold("__reached", step)

    def close(self) -> None:
        """Add what was made from the rows that match, however far."""
        if not self.rows:
            return
        self.connection.hold(
            "__reached",
            "WITH RECURSIVE made AS ("  # noqa: S608 - names of the lake
            f"SELECT DISTINCT sample_id AS child, unnest(parent_ids) AS parent FROM {self.rows}"
            "), walk(id) AS (SELECT id FROM __reached WHERE kind = 'sample' "
            "UNION SELECT made.child FROM made JOIN walk ON made.parent = walk.id) "
            "SELECT kind, id FROM __reached WHERE kind <> 'derived' UNION SELECT 'derived', id FROM walk",
        )

    def missing(self, ids: list[str]) -> list[str]:
        """Return those of some ids that no row carries, sorted."""
        held = f" EXCEPT SELECT sample_id FROM {self.rows}" if self.rows else ""  # noqa: S608 - names of the lake
        found = self.connection.rows(f"SELECT unnest($1::VARCHAR[]) AS id{held} ORDER BY ALL", [ids])
        return [row["id"] for row in found]

    def has_other_ids(self) -> bool:
        """Whether a row's id has another form than those that mixlake makes."""
        other = f"SELECT 1 FROM {self.rows} WHERE NOT regexp_full_match(sample_id, '{ID}') LIMIT 1"  # noqa: S608 - names of the lake
        return bool(self.rows and self.connection.rows(other))

    def values(self, column: str) -> list[str]:
        """Return what a column holds, each once, up to a bound; of licences that are joined by AND each."""
        if not self.rows:
            return []
        found = self.connection.rows(
            f"SELECT DISTINCT unnest(string_split({column}, ' AND ')) AS value FROM {self.rows} "  # noqa: S608 - names of the lake
            f"WHERE {column} IS NOT NULL ORDER BY ALL LIMIT {VALUES}"
        )
        return [row["value"] for row in found]

    def any(self) -> bool:
        """Whether a row is reached that is there."""
        if not self.rows:
            return False
        reached = "(SELECT id FROM __reached WHERE kind = 'derived')"
        return bool(self.connection.rows(f"SELECT 1 FROM {self.rows} WHERE sample_id IN {reached} LIMIT 1"))  # noqa: S608 - names of the lake

    def holders(self) -> set[str]:
        """Return the tables that hold a row that is reached."""
        if not self.rows:
            return set()
        reached = "(SELECT id FROM __reached WHERE kind = 'derived')"
        found = self.connection.rows(f'SELECT DISTINCT "table" FROM {self.rows} WHERE sample_id IN {reached}')  # noqa: S608 - names of the lake
        return {row["table"] for row in found}

    def counts(self, which: str) -> dict[str, int]:
        """Return the rows of each table that are reached and satisfy a condition."""
        if not self.rows:
            return {}
        found = self.connection.rows(
            'WITH reached AS (SELECT "table", coalesce('  # noqa: S608 - names of the lake
            f"{self._predicate}, false) OR sample_id IN (SELECT id FROM __reached WHERE kind = 'sample') "
            "OR coalesce(content_id IN (SELECT id FROM __reached WHERE kind = 'content'), false) AS self_matched "
            f"FROM {self.rows} WHERE sample_id IN (SELECT id FROM __reached WHERE kind = 'derived')) "
            f'SELECT "table", count(*) AS n FROM reached WHERE {which} GROUP BY ALL ORDER BY ALL'
        )
        return {row["table"]: row["n"] for row in found}
