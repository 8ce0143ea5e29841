"""The files whose records have ids, with those of their records that repeat one."""

from __future__ import annotations

from lakehouse.declare.flow import NoParams, flow
from lakehouse.declare.reads import read
from lakehouse.declare.relations import Relations, Rows
from schemas.sources import files, record_ids
from schemas.sources import record_files as table

_KEPT = [column.name for column in table.columns if column.name not in ("run_id", "ready", "repeated")]


@flow(
    id="jobs.acquire.record_files",
    writes=table,
    kind="relational",
    reads={
        "files": read(files, where="not ready"),
        "ids": read(record_ids, columns=["sample_id", "source", "uri", "number", "place"]),
    },
    tags=["landing"],
)
def record_files(files: Rows, ids: Rows, relations: Relations, params: NoParams) -> Rows:  # noqa: ARG001 - has none
    """Find, of the records of a source that have one id, all but the first: by the address of its file, and by number.

    Args:
        files: Rows of `bronze.files` that are not ready.
        ids: `bronze.record_ids`.
        relations: The engine's.
        params: None.

    Returns:
        Rows of `bronze.record_files`.
    """
    one = "named_struct('number', number, 'first', first)"
    listed = f"sort_array(collect_list({one}))"
    if relations.dialect == "duckdb":
        listed = "list({'number': number, 'first': first} ORDER BY number)"
    return relations.sql(
        f"""
        WITH ranked AS (
          SELECT source, uri, number,
            first_value(concat(uri, ' ', place)) OVER by_id AS first, row_number() OVER by_id AS rank
          FROM ids
          WINDOW by_id AS (PARTITION BY sample_id ORDER BY uri, number)
        ),
        listed AS (SELECT source, uri, {listed} AS repeated FROM ranked WHERE rank > 1 GROUP BY source, uri)
        SELECT {", ".join(f"f.{name}" for name in _KEPT)}, true AS ready, l.repeated
        FROM files AS f
        LEFT JOIN listed AS l ON f.source = l.source AND f.uri = l.uri
        """,  # noqa: S608 - declared names
        files=files,
        ids=ids,
    )
