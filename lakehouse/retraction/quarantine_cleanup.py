"""Delete retracted rows from quarantine after a run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.scan import scan
from lakehouse.embedded.conditions import open_database
from lakehouse.embedded.delta_writer import delete_rows
from lakehouse.embedded.key_predicate import DIGITS, predicate_of_digests
from lakehouse.ledger import tables
from lakehouse.ledger.retractions import CONTENT, DERIVED, SAMPLE, Retraction, Retractions, load_retractions
from lakehouse.project import Project
from lakehouse.retraction.own_match import by_license, by_source, by_uri, uri_expression
from lakehouse.retraction.quarantined_columns import (
    TABLES,
    own_column,
    own_list,
    own_origin,
    own_text,
    quarantined_columns,
)
from lakehouse.retraction.remaining_rows import is_quarantined

TRANSACTION = "mixlake.retractions"
_REPEAT = f"{TRANSACTION}.again"
_KEY = ("attempt", "reason", "row")
# Rows named by each commit.
_ROWS_OF_A_COMMIT = 5_000


def delete_retracted_rows(project: Project, *, repeat: bool = False) -> bool:
    """Delete quarantined rows that match retractions, unless that was done before.

    Args:
        project: The project.
        repeat: Whether to delete them again: a run that did not know the retractions has quarantined rows since.

    Returns:
        Whether anything was to be done.
    """
    catalog = project.catalog
    orders = load_retractions(catalog)
    if not orders.orders or not catalog.has(tables.quarantine.name):
        return False
    opened = catalog.open(tables.quarantine.name)
    done = int(opened.transaction_version(TRANSACTION) or 0) >= orders.ordinal
    if done and not repeat:
        return False
    transaction = (TRANSACTION, orders.ordinal) if not done else (_REPEAT, int(opened.version()) + 1)
    # Deleting a row twice changes nothing, so that the last commit alone says that all is done.
    commits = [*_retracted(project, orders, int(opened.version()))] or [[]]
    for number, digests in enumerate(commits, 1):
        last = transaction if number == len(commits) else None
        delete_rows(catalog, tables.quarantine, predicate_of_digests(_KEY, digests), last)
    return True


def clear_quarantine(project: Project, order: Retraction) -> bool:
    """Delete the rows of an order that are quarantined, also those of a run that did not know it.

    Returns:
        Whether none is left.
    """
    if is_quarantined(project, order):
        delete_retracted_rows(project, repeat=True)
    return not is_quarantined(project, order)


def _retracted(project: Project, orders: Retractions, version: int) -> Iterator[list[str]]:
    """Yield the digests of quarantined rows that a retraction matches, or that were made from matching rows."""
    catalog = project.catalog
    with tempfile.TemporaryDirectory(prefix="mixlake-") as folder, open_database(folder, "2GB") as database:
        database.register("quarantine", scan(catalog.open(tables.quarantine.name, version), tables.quarantine.name))
        database.register("ids", _ids(catalog, orders))
        names = [name for (name,) in database.sql(TABLES.format(quarantine="quarantine")).fetchall()]
        database.register("columns", quarantined_columns(project, names))
        digest = " || ':' || ".join(f"substr(sha256({name}), 1, {DIGITS})" for name in _KEY)
        values = [orders.values("source"), orders.values("license"), uri_expression(orders.values("uri"))]
        answer = database.sql(_STATEMENT.format(digest=digest), params=values).to_arrow_reader(_ROWS_OF_A_COMMIT)
        for batch in answer:
            digests = batch.column(0).to_pylist()  # as many as one commit names
            for begin in range(0, len(digests), _ROWS_OF_A_COMMIT):
                yield digests[begin : begin + _ROWS_OF_A_COMMIT]


_STATEMENT = f"""
WITH rows AS (
  SELECT attempt, reason, "row",
    {by_source("$1::VARCHAR[]", own_column)}
      OR {by_license("$2::VARCHAR[]", own_column)}
      OR coalesce({by_uri("$3::VARCHAR", own_column)}, false) AS own_match,
    list_concat(
      [sample_id, {own_origin()}, {own_text("sample_id")}, {own_text("content_id")}],
      {own_list("parent_ids")}
    ) AS named
  FROM quarantine JOIN columns USING ("table")
  WHERE "row" IS NOT NULL
),
marks AS (SELECT attempt, reason, "row", unnest(named) AS id FROM rows),
matched AS (
  SELECT attempt, reason, "row" FROM rows WHERE own_match
  UNION
  SELECT attempt, reason, "row" FROM marks WHERE id IN (SELECT id FROM ids)
)
SELECT DISTINCT {{digest}} FROM matched
"""  # noqa: S608 - fixed texts


def _ids(catalog: Catalog, orders: Retractions) -> pa.Table:
    """Return the ids that orders name, as the column ``id``."""
    if orders.ids_version < 0:
        return pa.table({"id": pa.array([], pa.string())})
    opened = catalog.open(tables.retracted.name, orders.ids_version)
    retraction_ids = [order.retraction_id for order in orders.orders]
    condition = pc.field("retraction_id").isin(retraction_ids) & pc.field("kind").isin([SAMPLE, CONTENT, DERIVED])
    ids: pa.Table = scan(opened, tables.retracted.name).to_table(["id"], filter=condition)
    return ids
