"""Walk from the rows that a retraction matches to all rows that it takes out, at one set of table versions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from lakehouse.ledger.retractions import Kind
from lakehouse.lineage.reader import SAMPLE_ID
from lakehouse.query.connection import Connection
from lakehouse.query.lineage_columns import create_lineage_view
from lakehouse.retraction.own_match import by_license, by_source, by_uri, uri_expression

# Distinct sources or licences that are read to suggest a spelling.
MAX_VALUES = 10_000
COLUMNS = ("sample_id", "parent_ids", "source", "license", "uri", "content_id", "keeper_id")

Frontier = int
"""A step of a walk: its frontier is the ids that this step and later ones added."""

ALL: Frontier = 0


class Closure:
    """The ids that a retraction reaches, found in stages.

    Ids have a kind: ``sample`` for the ids of rows that match, ``content`` for their content ids, and ``derived`` for
    the ids of all rows that match or were made from such. A stage reads a frontier, adds the ids that were not known
    yet, and returns the new frontier. Ids lie in a temporary table of DuckDB's, ``__ids`` (kind, id, step), since
    there may be more of them than memory holds.

    Args:
        connection: SQL over the lake, at the versions to search.
        tables: The tables to search, by default all.
    """

    def __init__(self, connection: Connection, tables: Collection[str] | None = None) -> None:
        self.connection = connection
        self.tables = create_lineage_view(connection, COLUMNS, tables)
        self._step = ALL
        connection.materialize("__ids", _NO_IDS)

    def matches(self, kind: Kind, values: Sequence[str]) -> Frontier:
        """Add the ids of the rows that match by themselves, and given ids also where no row has them.

        Rows of such an id may lie in quarantine, or land later.
        """
        value = uri_expression(values[:1]) if kind == "uri" else values[0]
        return self._add(_MATCHES[kind], [list(values) if kind == "id" else value])

    def equal_content(self, since: Frontier) -> Frontier:
        """Add the content ids of a frontier's rows, and the ids of all rows of equal content."""
        contents = self._add(_CONTENTS, [since])
        self._add(_EQUAL_CONTENT, [contents])
        return contents

    def verified_duplicates(self, since: Frontier) -> Frontier:
        """Add the other row of each pair of duplicates of which one is in a frontier."""
        return self._add(_DUPLICATES, [since])

    def descendants(self, since: Frontier = ALL) -> Frontier:
        """Add what was made from the rows of a frontier, however many steps down."""
        return self._add(_DESCENDANTS, [since])

    def include_duplicates(self) -> None:
        """Add rows of equal content and verified duplicates of the rows that match, and what equals those.

        Duplicates of one kept row go together, also those that were compared with it alone and not with each other.
        """
        self.descendants()
        equal = self.equal_content(since=ALL)
        kept = self.verified_duplicates(since=ALL)
        self.verified_duplicates(since=kept)
        self.equal_content(since=equal)

    def add_known(self, ids: pa.RecordBatchReader, *, derived: bool = False) -> None:
        """Add ids that were found at other versions, and the rows of their contents.

        Args:
            ids: string ``kind`` and ``id``.
            derived: Whether derived ids count, too, where no row says what it was made from: a row that does may have
                been made again, from other rows.
        """
        self.connection.register_rows("__known", ids)
        self._add(_KNOWN)
        self._add(_EQUAL_CONTENT, [ALL])
        if derived:
            self._add(_KNOWN_DERIVED)

    def ids(self, retraction_id: str, kinds: Sequence[str], batch_rows: int) -> pa.RecordBatchReader:
        """Return ids of some kinds as rows of ``ledger.retracted``, as a stream."""
        return self.connection.reader(_IDS, [retraction_id, list(kinds)], batch_rows=batch_rows)

    def row_counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return the rows of each table that match by themselves, and those that were made from such."""
        matched: dict[str, int] = {}
        derived: dict[str, int] = {}
        for row in self.connection.rows(_COUNTS):
            (matched if row["matched"] else derived)[row["table"]] = row["rows"]
        return matched, derived

    def tables_with_rows(self) -> set[str]:
        """Return the tables with a row that the retraction reaches."""
        return {row["table"] for row in self.connection.rows(_TABLES)}

    def has_rows(self) -> bool:
        """Whether any table has a row that the retraction reaches."""
        return bool(self.connection.rows(_ANY))

    def missing(self, ids: Sequence[str]) -> list[str]:
        """Return those of some ids that no row has, sorted."""
        return [row["id"] for row in self.connection.rows(_MISSING, [list(ids)])]

    def has_other_ids(self) -> bool:
        """Whether a row's id has another form than the ids that mixlake makes."""
        return bool(self.connection.rows(_OTHER_IDS, [SAMPLE_ID]))

    def values(self, kind: Kind) -> list[str]:
        """Return up to `MAX_VALUES` sources or single licences of the lake, each once, sorted."""
        return [row["value"] for row in self.connection.rows(_VALUES, [kind, MAX_VALUES])]

    def _add(self, stage: str, parameters: Sequence[object] = ()) -> Frontier:
        """Add what a stage finds and is not known yet, as a new step."""
        self._step += 1
        self.connection.materialize("__found", stage, parameters)
        self.connection.insert("__ids", _NEW, [self._step])
        return self._step


_NO_IDS = "SELECT ''::VARCHAR AS kind, ''::VARCHAR AS id, 0 AS step WHERE false"
_NEW = """
SELECT DISTINCT kind, id, $1::INTEGER FROM __found AS found WHERE id IS NOT NULL
AND NOT EXISTS (SELECT 1 FROM __ids AS known WHERE known.kind = found.kind AND known.id = found.id)
"""
_OWN = "SELECT 'sample' AS kind, sample_id AS id FROM __lineage WHERE {}"
_MATCHES: Mapping[Kind, str] = {
    "id": "SELECT 'sample' AS kind, unnest($1::VARCHAR[]) AS id",
    "source": _OWN.format(by_source("[$1]")),
    "uri": _OWN.format(by_uri("$1")),
    "license": _OWN.format(by_license("[$1]")),
}
_CONTENTS = """
SELECT 'content' AS kind, content_id AS id FROM __lineage
WHERE sample_id IN (SELECT id FROM __ids WHERE kind <> 'content' AND step >= $1)
"""
_EQUAL_CONTENT = """
SELECT 'sample' AS kind, sample_id AS id FROM __lineage
WHERE content_id IN (SELECT id FROM __ids WHERE kind = 'content' AND step >= $1)
"""
_DUPLICATES = """
WITH frontier AS (SELECT id FROM __ids WHERE kind <> 'content' AND step >= $1)
SELECT 'sample' AS kind, sample_id AS id FROM __lineage WHERE keeper_id IN (FROM frontier)
UNION ALL
SELECT 'sample', keeper_id FROM __lineage WHERE keeper_id IS NOT NULL AND sample_id IN (FROM frontier)
"""
_DESCENDANTS = """
WITH RECURSIVE made AS (SELECT DISTINCT sample_id AS child, unnest(parent_ids) AS parent FROM __lineage),
walk(id) AS (
    SELECT id FROM __ids WHERE kind = 'sample' AND step >= $1
    UNION SELECT made.child FROM made JOIN walk ON made.parent = walk.id
)
SELECT 'derived' AS kind, id FROM walk
"""
_KNOWN = "SELECT kind, id FROM __known WHERE kind <> 'derived'"
_KNOWN_DERIVED = """
SELECT 'sample' AS kind, id FROM __known WHERE kind = 'derived'
AND id NOT IN (SELECT sample_id FROM __lineage WHERE parent_ids IS NOT NULL AND sample_id IS NOT NULL)
"""
_IDS = "SELECT $1 AS retraction_id, kind, id FROM __ids WHERE kind IN (SELECT unnest($2::VARCHAR[]))"
# Each row of an id, or of a content, that matches has an id of kind sample.
_COUNTS = """
SELECT "table", sample_id IN (SELECT id FROM __ids WHERE kind = 'sample') AS matched, count(*) AS rows
FROM __lineage WHERE sample_id IN (SELECT id FROM __ids WHERE kind = 'derived') GROUP BY ALL ORDER BY ALL
"""
_TABLES = """SELECT DISTINCT "table" FROM __lineage WHERE sample_id IN (SELECT id FROM __ids WHERE kind = 'derived')"""
_ANY = "SELECT 1 AS one FROM __lineage WHERE sample_id IN (SELECT id FROM __ids WHERE kind = 'derived') LIMIT 1"
_MISSING = "SELECT unnest($1::VARCHAR[]) AS id EXCEPT SELECT sample_id FROM __lineage ORDER BY ALL"
_OTHER_IDS = "SELECT 1 AS one FROM __lineage WHERE NOT regexp_full_match(sample_id, $1) LIMIT 1"
_VALUES = """
SELECT DISTINCT unnest(string_split(CASE WHEN $1 = 'source' THEN source ELSE license END, ' AND ')) AS value
FROM __lineage ORDER BY ALL LIMIT $2
"""
