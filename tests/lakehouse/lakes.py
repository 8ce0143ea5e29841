"""Small lakes, written through delta-rs with commit notes as flows leave them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakehouse.declare.config import Config
from lakehouse.delta.append import append_rows
from lakehouse.delta.catalog import FORMAT_PROPERTY
from lakehouse.delta.commit_note import CommitNote
from lakehouse.delta.content_digest import Digest
from lakehouse.lake import Lake
from lakehouse.ledger import tables as ledger
from lakehouse.project import Project
from lakehouse.query.connection import connect


def lake_at(path: Path, **config) -> Lake:
    """Return a lake in a folder."""
    return Lake(config=Config(lake=str(path), root=path, **config))


def note(table: str, run_id: str = "run-1", **fields) -> CommitNote:
    """Return a note of the flow that writes a table."""
    base = {
        "run_id": run_id,
        "flow": f"flows.{table}",
        "kind": "operator",
        "mode": "full",
        "code": "c0de",
        "params": "{}",
        "contract": "c0ntract",
        "inputs": {},
        "changed": True,
        "counts": {"inserted": 1},
        "digest": str(Digest(len(table), 1)),
        "seconds": 0.5,
    }
    return CommitNote(**{**base, **fields})


def write(lake: Lake, table: str, rows: pa.Table, of: CommitNote | None = None, mode: str = "append") -> None:
    """Commit rows, with a note where one is given."""
    properties = CommitProperties(custom_metadata={"userMetadata": of.to_json()}) if of else None
    write_deltalake(
        lake.catalog.table_uri(table),
        rows,
        mode=mode,
        commit_properties=properties,
        schema_mode=None,
        storage_options=lake.catalog.storage_options,
    )


def query(project: Project, sql: str, at: str | None = None, tables: Mapping[str, int] | None = None) -> pa.Table:
    """Answer one statement over a lake."""
    with connect(project, at, tables) as connection:
        return connection.table(sql)


def newer(lake: Lake, table: str) -> None:
    """Make an empty table as a newer mixlake would."""
    DeltaTable.create(
        lake.catalog.table_uri(table),
        schema=pa.schema([("n", pa.int64())]),
        configuration={FORMAT_PROPERTY: "9"},
        raise_if_key_not_exists=False,
    )


def rows(ids, parents=None, source="src", license="MIT", run_id="run-1", **columns) -> pa.Table:  # noqa: A002
    """Return rows with the lineage columns."""
    n = len(ids)
    return pa.table(
        {
            "sample_id": pa.array(ids, pa.string()),
            "parent_ids": pa.array(parents or [[] for _ in ids], pa.list_(pa.string())),
            "source": pa.array([source] * n, pa.string()),
            "license": pa.array([license] * n if isinstance(license, str) else license, pa.string()),
            "run_id": pa.array([run_id] * n, pa.string()),
            **columns,
        }
    )


def trained(lake: Lake) -> tuple[str, str]:
    """Write a lake with documents, samples, sequences, a release and two training steps.

    Two documents, one GPL and one MIT; the first is cut in two paragraphs; three sequences.

    Returns:
        The id of the GPL document and of its first paragraph.
    """
    from lakehouse.release.create import create_release

    doc, other = "aa" * 16, "bb" * 16
    cut = ["a1" * 16, "a2" * 16]
    write(lake, "bronze.documents", rows([doc, other], license=["GPL-3.0-only", "MIT"]), note("bronze.documents"))
    write(
        lake,
        "silver.paragraphs",
        rows([*cut, other], [[doc], [doc], []], license=["GPL-3.0-only", "GPL-3.0-only", "MIT"], run_id="run-2"),
        note("silver.paragraphs", "run-2", inputs={"bronze.documents": 0}),
    )
    names = ["text"] * 3
    write(
        lake,
        "gold.samples",
        rows(
            [*cut, other],
            [[doc], [doc], []],
            license=["GPL-3.0-only", "GPL-3.0-only", "MIT"],
            run_id="run-2",
            table=pa.array(["silver.paragraphs"] * 3),
            language=pa.array(["en"] * 3),
            kind=pa.array(names),
            cell=pa.array(names),
        ),
        note("gold.samples", "run-2", inputs={"silver.paragraphs": 0}),
    )
    segment = lambda sample, begin, end: {"sample_id": sample, "begin": begin, "end": end, "modality": "text"}  # noqa: E731
    write(
        lake,
        "gold.sequences",
        rows(
            ["51" * 16, "52" * 16, "53" * 16],
            [[cut[0]], [cut[1], other], [other]],
            license=["GPL-3.0-only", "GPL-3.0-only AND MIT", "MIT"],
            run_id="run-3",
            stage=pa.array(["cold"] * 3),
            position=pa.array([0, 1, 2]),
            n_tokens=pa.array([10, 12, 5], pa.int32()),
            segments=pa.array(
                [
                    [segment(cut[0], 0, 4), segment(cut[0], 4, 10)],
                    [segment(cut[1], 0, 5), segment(other, 5, 12)],
                    [segment(other, 0, 5)],
                ]
            ),
        ),
        note("gold.sequences", "run-3", inputs={"gold.samples": 0}),
    )
    release = create_release(lake.project, "mix-1")
    at = datetime(2026, 1, 1, tzinfo=UTC)
    steps = [
        {"training_run": "t1", "step": 1, "positions": [0, 2]},
        {"training_run": "t1", "step": 2, "positions": [1]},
        {"training_run": "t1", "step": 3, "positions": [2]},
    ]
    common = {"release": "mix-1", "digest": release.digest, "stage": "cold", "seed": 0, "begin": 0, "end": 2, "at": at}
    append_rows(
        lake.catalog,
        ledger.training_steps,
        pa.Table.from_pylist([{**common, **step} for step in steps], schema=ledger.training_steps.schema),
    )
    return doc, cut[0]


def followed(lake: Lake, *tables: str, schema: pa.Schema) -> None:
    """Make empty tables that keep a change feed, as contracts do."""
    for table in tables:
        DeltaTable.create(lake.catalog.table_uri(table), schema, configuration={"delta.enableChangeDataFeed": "true"})


def noted(of: CommitNote) -> CommitProperties:
    """Return commit properties that carry a note."""
    return CommitProperties(custom_metadata={"userMetadata": of.to_json()})


def quarantine(lake: Lake, table: str, attempt: str, *rows: tuple[str | None, str, dict | None]) -> None:
    """Append to ``ledger.quarantine`` what an attempt at a flow quarantined; it counts once a note names the attempt.

    Args:
        lake: The lake.
        table: The table that the rows were meant for.
        attempt: The attempt.
        rows: (origin, reason, the row) of each; None for the row where its origin was processed again.
    """
    common = {"attempt": attempt, "flow": f"flows.{table}", "table": table, "run_id": f"run-{attempt}"}
    made = [
        {
            **common,
            "sample_id": (row or {}).get("sample_id"),
            "origin": origin,
            "reason": reason,
            "row": None if row is None else json.dumps(row),
            "at": datetime(2026, 1, 1, tzinfo=UTC),
        }
        for origin, reason, row in rows
    ]
    schema = ledger.quarantine.schema
    append_rows(lake.catalog, ledger.quarantine, pa.Table.from_pylist(made, schema=schema))
