"""What became of samples, as views of outcomes and the ledger say."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from typing import Any

from lakehouse.engine.broken_values import broken_values, describe_check
from lakehouse.errors import MixlakeError
from lakehouse.ledger import tables as ledger
from lakehouse.lineage.story import Event
from lakehouse.query.connection import Connection
from lakehouse.query.outcome_views import OPTIONAL, REQUIRED, outcome_columns, outcome_views
from lakehouse.query.sql_guard import quoted

log = logging.getLogger("mixlake.outcomes")

_TEXTS = ("rule", "column", "value", "threshold", "detail")
# Of a few samples DuckDB pushes the ids into the scans of files.
_LITERALS = 500


def outcomes_of(connection: Connection, ids: Sequence[str]) -> Iterator[Event]:
    """Yield all outcomes of some samples; a view that cannot be read is left out, with a warning."""
    left_out: dict[str, str] = {}
    yield from declared_outcomes(connection, ids, left_out)
    for view, error in left_out.items():
        log.warning("the view %s is left out: %s", view, error)
    yield from quarantined_outcomes(connection, ids)
    yield from retracted_outcomes(connection, ids)


def declared_outcomes(connection: Connection, ids: Sequence[str], left_out: dict[str, str]) -> Iterator[Event]:
    """Yield what the views of outcomes say; a view that cannot be read is named in `left_out`."""
    if len(ids) > _LITERALS:
        connection.materialize("__wanted_ids", "SELECT unnest($1::VARCHAR[]) AS id", [list(ids)])
        wanted, parameters = "SELECT id FROM temp.__wanted_ids", []
    else:
        wanted, parameters = ", ".join(f"${n + 1}" for n in range(len(ids))), list(ids)
    for view in outcome_views(connection):
        try:
            columns = outcome_columns(connection, view)
            sql = f"FROM {quoted(view)} WHERE sample_id IN ({wanted})"
            rows = connection.rows(sql, parameters)
        except MixlakeError as error:
            left_out[view] = str(error)
            continue
        further = [name for name in columns if name not in {*REQUIRED, *OPTIONAL}]
        for row in sorted(rows, key=lambda row: (row.get("nth") or 1, str(row))):
            texts = {name: _text(row.get(name)) for name in _TEXTS}
            yield Event(
                str(row["sample_id"]),
                str(row["table"]),
                str(row["outcome"]),
                rule=texts["rule"],
                column=texts["column"],
                value=texts["value"],
                threshold=texts["threshold"],
                detail=texts["detail"],
                other=_others(row.get("other")),
                details={name: row[name] for name in further if row[name] is not None},
            )


def _text(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _others(value: object) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(item) for item in value if item is not None)
    return () if value is None else (str(value),)


def quarantined_outcomes(connection: Connection, ids: Sequence[str]) -> Iterator[Event]:
    """Yield why rows of some samples, or rows made from them, are in quarantine."""
    rows = connection.rows(
        'SELECT "table", flow, sample_id, origin, reason, "row", run_id, "at" FROM __outcomes.quarantined '
        "WHERE sample_id IN (SELECT unnest($1::VARCHAR[])) OR origin IN (SELECT unnest($1::VARCHAR[])) ORDER BY ALL",
        [list(ids)],
    )
    tables = connection.project.registry.tables
    known = set(ids)
    for row in rows:
        contract = tables.get(row["table"])
        # What was to be made of a sample may have an id of its own.
        own = row["sample_id"] or row["origin"]
        yield Event(
            own,
            row["table"],
            "quarantined",
            rule=row["reason"],
            value=broken_values(contract, row["reason"], row["row"]) if contract else "",
            threshold=describe_check(contract, row["reason"]) if contract else "",
            other=(row["origin"],) if row["origin"] in known - {own} else (),
            flow=row["flow"],
            run_id=row["run_id"] or "",
            at=time_text(row["at"]),
        )


def retracted_outcomes(connection: Connection, ids: Sequence[str]) -> Iterator[Event]:
    """Yield the orders that retracted some samples, or what they were made from."""
    rows = connection.rows(
        """
        SELECT retracted.id, max(retracted.kind) AS how, orders.ordinal, orders.kind, orders.value, orders.reason,
            orders.state, orders."at"
        FROM ledger.retracted AS retracted
        JOIN (
            SELECT * FROM ledger.retractions QUALIFY row_number() OVER (PARTITION BY ordinal ORDER BY "at" DESC) = 1
        ) AS orders USING (retraction_id)
        WHERE retracted.kind IN ('sample', 'derived') AND retracted.id IN (SELECT unnest($1::VARCHAR[]))
        GROUP BY ALL ORDER BY ALL
        """,
        [list(ids)],
    )
    for row in rows:
        derived = "made from what was retracted; " if row["how"] == "derived" else ""
        yield Event(
            row["id"],
            ledger.retractions.name,
            "retracted",
            rule=f"order {row['ordinal']}: {row['reason']}",
            value=f"{row['kind']} {row['value']}",
            detail=f"{derived}{row['state']}",
            at=time_text(row["at"]),
        )


def time_text(value: Any) -> str:
    """Return a time in ISO 8601, empty where there is none."""
    return "" if value is None else str(value.isoformat(timespec="seconds"))
