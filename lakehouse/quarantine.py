"""Rows that flows set aside: which are aside still, why, and asking for them again.

A row counts once a commit note names its attempt. It is aside until the flow's next full run, or until the row
that it came from is processed again: an incremental run leaves a mark (a row of ``ledger.quarantine`` whose
``row`` is null) for each such origin, under its own attempt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lakehouse import inputs, ledger
from lakehouse.contract import Check
from lakehouse.errors import TableNotFoundError
from lakehouse.flow import Flow
from lakehouse.history import noted
from lakehouse.lake import Lake

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

MARK = "processed again"


def attempts(table: DeltaTable) -> list[str]:
    """Return the attempts that count for a table, oldest first: those since its last full commit."""
    found = []
    for _, _, note in noted(table):
        if note.quarantine:
            found.append(note.quarantine)
        if note.mode == "full" or not note.aside:
            break
    return found[::-1]


def visible(lake: Lake, table: str | None = None) -> list[dict[str, Any]]:
    """Return what is aside, grouped.

    Args:
        lake: The lake.
        table: The table that the rows were meant for, by default any.

    Returns:
        Dictionaries with table, flow, reason (up to its first colon), rows, first and last (times), largest first.
    """
    return _asked(
        lake,
        table,
        'SELECT "table", flow, split_part(reason, \':\', 1) AS reason, count(*) AS rows, min("at") AS first, '
        'max("at") AS last FROM aside GROUP BY ALL ORDER BY rows DESC, "table", reason',
    )


def examples(lake: Lake, table: str, reason: str | None = None, limit: int = 5) -> list[dict[str, Any]]:
    """Return some rows that are aside, of each reason at most `limit`.

    Returns:
        Dictionaries with reason, sample_id, origin, row (JSON), run_id and at.
    """
    return _asked(
        lake,
        table,
        'SELECT reason, sample_id, origin, "row", run_id, "at" FROM aside '
        "WHERE $3::VARCHAR IS NULL OR starts_with(reason, $3) "
        "QUALIFY row_number() OVER (PARTITION BY split_part(reason, ':', 1) ORDER BY sample_id, origin) <= $4 "
        "ORDER BY ALL",
        [reason, limit],
    )


def rule(flow: Flow, reason: str) -> str:
    """Say which rule a reason stands for: a check with its SQL, a required column, or the operator's own word."""
    short = reason.split(":", 1)[0]
    checks: Mapping[str, Check] = {check.name: check for check in flow.writes.checks}
    if short in checks:
        return f"check of {flow.writes.name}: {checks[short].sql}"
    if short in {f"column {name} is null" for name in flow.writes.required}:
        return f"a column that {flow.writes.name} requires"
    return f"said by the flow ({flow.place})"


def _asked(lake: Lake, table: str | None, sql: str, parameters: list[Any] | None = None) -> list[dict[str, Any]]:
    from lakehouse.query import connect

    if not lake.has(ledger.quarantine.name):
        return []
    names = [table] if table else [name for name in lake.names() if not name.startswith("ledger.")]
    found: list[str] = []
    for name in names:
        try:
            found.extend(attempts(lake.open(name)))
        except TableNotFoundError:
            if table:
                raise
    text = f"""
        WITH counted AS (SELECT unnest($1::VARCHAR[]) AS attempt, unnest($2::BIGINT[]) AS place),
        newest AS (
            SELECT quarantine.*, counted.place, max(counted.place) OVER (PARTITION BY "table", origin) AS last_place
            FROM ledger.quarantine AS quarantine JOIN counted USING (attempt)
        ), aside AS (
            SELECT * FROM newest WHERE "row" IS NOT NULL AND (origin IS NULL OR place = last_place)
        ) {sql}
    """  # noqa: S608 - fixed texts
    with connect(lake) as connection:
        return connection.rows(text, [found, list(range(len(found))), *(parameters or [])])


def _aside(session: SparkSession, lake: Lake, flow: Flow) -> DataFrame | None:
    """Return (origin) of the rows of a flow's table that are aside, one row each."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    counted = attempts(lake.open(flow.writes.name))
    if not counted or not lake.has(ledger.quarantine.name):
        return None
    rows = inputs.load(session, lake, ledger.quarantine, int(lake.open(ledger.quarantine.name).version()))
    place = session.createDataFrame([(name, i) for i, name in enumerate(counted)], "attempt string, place int")
    of_table = rows.where(F.col("table") == flow.writes.name).join(F.broadcast(place), "attempt")
    last = F.max("place").over(Window.partitionBy("origin"))
    return (
        of_table.withColumn("last_place", last)
        .where(F.col("row").isNotNull() & (F.col("origin").isNull() | (F.col("place") == F.col("last_place"))))
        .select("origin")
    )


def origins(session: SparkSession, lake: Lake, flow: Flow) -> DataFrame | None:
    """Return the driving keys of the rows that are aside; None where one of them is not known."""
    aside = _aside(session, lake, flow)
    if aside is None or not aside.where("origin IS NULL").isEmpty():
        return None
    return aside.distinct()


def marks(  # noqa: PLR0913, PLR0917 - what a mark says
    session: SparkSession, lake: Lake, flow: Flow, keys: DataFrame, attempt: str, run_id: str
) -> DataFrame | None:
    """Return one mark for each origin of rows that are aside and that is processed again now; None where none is."""
    from pyspark.sql import functions as F

    aside = _aside(session, lake, flow)
    if aside is None:
        return None
    again = keys.toDF("origin").select(F.col("origin").cast("string").alias("origin"))
    origin = aside.where("origin IS NOT NULL").distinct().join(again, "origin", "left_semi").persist()
    if origin.isEmpty():
        return None
    null = F.lit(None).cast("string")
    return origin.select(
        F.lit(attempt).alias("attempt"),
        F.lit(flow.id).alias("flow"),
        F.lit(flow.writes.name).alias("table"),
        null.alias("sample_id"),
        "origin",
        F.lit(MARK).alias("reason"),
        null.alias("row"),
        F.lit(run_id).alias("run_id"),
        F.current_timestamp().alias("at"),
    )
