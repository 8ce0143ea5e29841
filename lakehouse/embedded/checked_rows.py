"""Compute a flow's conformed rows once, and count, sum up and sample them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.embedded.row_file import RowFile, Stream, write_rows
from lakehouse.embedded.row_hash import digest_of, hash_rows
from lakehouse.engine import OTHER_REASONS, CheckedRows

if TYPE_CHECKING:
    import polars as pl

_MAX_REASONS = 50


def check(table: Table, conformed: Stream, folder: Path) -> CheckedRows:
    """Compute rows once and keep them in a file, with their hashes; count them by reason, and count distinct keys.

    Args:
        table: The contract.
        conformed: Rows with its columns and ``_reject``.
        folder: Where they are kept.
    """
    schema = conformed.schema.append(pa.field(HIGH, pa.int64())).append(pa.field(LOW, pa.int64()))
    digest, counts = Digest(), Counter[str]()

    def hashed() -> Iterator[pa.RecordBatch]:
        nonlocal digest
        for batch in conformed.batches:
            high, low = hash_rows(table, batch)
            good = pc.is_null(batch.column(REJECT))
            digest += digest_of(high.filter(good), low.filter(good))
            counts.update(_reasons(batch))
            yield pa.RecordBatch.from_arrays([*batch.columns, high, low], schema=schema)

    rows = write_rows(folder, Stream(schema, hashed()))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    reasons = dict(ordered[:_MAX_REASONS])
    if len(ordered) > _MAX_REASONS:
        reasons[OTHER_REASONS] = sum(count for _, count in ordered[_MAX_REASONS:])
    return CheckedRows(rows, digest, reasons, _distinct_keys(table, rows))


def good_rows(checked: CheckedRows) -> Iterator[pa.RecordBatch]:
    """Yield the rows that satisfy the contract, with the hash columns."""
    for batch in checked.rows.batches():
        chosen = batch.filter(pc.is_null(batch.column(REJECT)))
        if chosen.num_rows:
            yield chosen


def rejected_rows(checked: CheckedRows) -> Iterator[pa.RecordBatch]:
    """Yield the rows that do not."""
    for batch in checked.rows.batches() if checked.reasons else ():
        chosen = batch.filter(pc.is_valid(batch.column(REJECT)))
        if chosen.num_rows:
            yield chosen


def good_keys(table: Table, checked: CheckedRows) -> pl.DataFrame:
    """Return the keys of the good rows."""
    import polars as pl

    return keys_of(checked.rows, [*table.key, REJECT]).filter(pl.col(REJECT).is_null()).drop(REJECT)


def keys_of(rows: RowFile, names: list[str]) -> pl.DataFrame:
    """Return some columns of rows."""
    import polars as pl

    return pl.DataFrame(rows.columns(names))


def rejected_example(checked: CheckedRows, reason: str) -> Mapping[str, Any]:
    """Return the values of one row that was rejected for a reason; empty where there is none."""
    for batch in rejected_rows(checked):
        same = batch.filter(pc.equal(_prefix(batch.column(REJECT)), reason))
        if same.num_rows:
            row: dict[str, Any] = same.slice(0, 1).to_pylist()[0]
            return {name: value for name, value in row.items() if name not in {HIGH, LOW}}
    return {}


def duplicate_key(table: Table, checked: CheckedRows) -> tuple[Mapping[str, Any], int]:
    """Return a key that several good rows share, and how many."""
    import polars as pl

    shared = good_keys(table, checked).group_by(list(table.key)).len("n").filter(pl.col("n") > 1).sort(list(table.key))
    row = shared.row(0, named=True)
    return {key: row[key] for key in table.key}, int(row["n"])


def shared_key(table: Table, checked: CheckedRows, stored: pl.DataFrame) -> Mapping[str, Any] | None:
    """Return a key of a good row that stored rows have, too; None where there is none."""
    shared = good_keys(table, checked).join(stored, on=list(table.key), how="semi").head(1)
    return shared.row(0, named=True) if shared.height else None


def _distinct_keys(table: Table, rows: RowFile) -> int:
    import polars as pl

    if not table.key:
        return 0
    keys = keys_of(rows, [*table.key, REJECT]).filter(pl.col(REJECT).is_null()).drop(REJECT)
    return keys.n_unique() if keys.height else 0


def _reasons(batch: pa.RecordBatch) -> dict[str, int]:
    found = pc.value_counts(_prefix(batch.column(REJECT).drop_null()))
    return {item["values"]: item["counts"] for item in found.to_pylist()}


def _prefix(reasons: pa.Array) -> pa.Array:
    """Return reasons up to their first colon."""
    return pc.list_element(pc.split_pattern(reasons, ":", max_splits=1), 0)
