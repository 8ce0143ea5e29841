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
from lakehouse.engine.keys import KeyOrigins
from lakehouse.engine.rules import BROKEN, REASON, first_check

if TYPE_CHECKING:
    import polars as pl

_MAX_REASONS = 50


def check(table: Table, conformed: Stream, folder: Path) -> CheckedRows:
    """Compute rows once and keep them in a file, with their hashes; count them by reason, and count distinct keys.

    Args:
        table: The contract.
        conformed: Rows with its columns and those of `lakehouse.engine.rules`.
        folder: Where they are kept.
    """
    schema = conformed.schema.append(pa.field(HIGH, pa.int64())).append(pa.field(LOW, pa.int64()))
    digest, counts, broken = Digest(), Counter[tuple[str, bool]](), Counter[int]()
    first = first_check(table)

    def hashed() -> Iterator[pa.RecordBatch]:
        nonlocal digest
        for batch in conformed.batches:
            high, low = hash_rows(table, batch)
            good = pc.is_null(batch.column(REJECT))
            digest += digest_of(high.filter(good), low.filter(good))
            counts.update(_reasons(batch, first))
            broken.update(_counts(pc.list_flatten(batch.column(BROKEN))))
            yield pa.RecordBatch.from_arrays([*batch.columns, high, low], schema=schema)

    rows = write_rows(folder, Stream(schema, hashed()))
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    reasons, unchecked = Counter[str](), Counter[str]()
    for place, ((reason, by_check), count) in enumerate(ordered):
        shown = reason if place < _MAX_REASONS else OTHER_REASONS
        reasons[shown] += count
        unchecked[shown] += 0 if by_check else count
    names = {check.name: broken[first + place] for place, check in enumerate(table.checks)}
    return CheckedRows(
        rows,
        digest,
        dict(reasons),
        _distinct_keys(table, rows),
        broken={name: count for name, count in names.items() if count},
        unchecked=+unchecked,
    )


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


def rejected_examples(checked: CheckedRows, rule_or_reason: int | str, limit: int) -> list[Mapping[str, Any]]:
    """Return the values of some rows that break a rule, given by its place, or that were rejected for a reason."""
    found: list[Mapping[str, Any]] = []
    for batch in rejected_rows(checked):
        rows = pa.Table.from_batches([batch]).select(_shown_columns(batch.schema))
        if isinstance(rule_or_reason, str):
            same = rows.filter(pc.equal(batch.column(REASON), rule_or_reason))
        else:
            places = pc.list_parent_indices(batch.column(BROKEN)).filter(
                pc.equal(pc.list_flatten(batch.column(BROKEN)), rule_or_reason)
            )
            same = rows.take(places)
        found += same.slice(0, limit - len(found)).to_pylist()
        if len(found) == limit:
            break
    return found


def _shown_columns(schema: pa.Schema) -> list[str]:
    """Return the columns of texts, numbers and booleans, and of lists of them: their values are the same in Python."""
    plain = (pa.types.is_string, pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)

    def shows(kind: pa.DataType) -> bool:
        return any(test(kind) for test in plain) or (pa.types.is_list(kind) and shows(kind.value_type))

    return [f.name for f in schema if f.name not in {HIGH, LOW, REASON, BROKEN} and shows(f.type)]


def duplicate_key(table: Table, checked: CheckedRows) -> KeyOrigins:
    """Return a key that several good rows share, and how many."""
    import polars as pl

    shared = (
        good_keys(table, checked)
        .group_by(list(table.key))
        .len("_rows")
        .filter(pl.col("_rows") > 1)
        .sort(list(table.key))
    )
    row = shared.row(0, named=True)
    return KeyOrigins({key: row[key] for key in table.key}, rows=int(row["_rows"]))


def rows_with_key(checked: CheckedRows, key: Mapping[str, Any], limit: int) -> pa.RecordBatch:
    """Return some good rows of a key."""
    found: list[pa.RecordBatch] = []
    for batch in good_rows(checked):
        mask = pa.repeat(True, batch.num_rows)
        for name, value in key.items():
            kind = batch.schema.field(name).type
            mask = pc.and_(mask, pc.is_in(batch.column(name), value_set=pa.array([value], kind)))
        found.append(batch.filter(mask).slice(0, limit))
        if sum(part.num_rows for part in found) >= limit:
            break
    none = pa.RecordBatch.from_pylist([], checked.rows.schema)
    return pa.concat_batches([none, *found]).slice(0, limit)


def _distinct_keys(table: Table, rows: RowFile) -> int:
    import polars as pl

    if not table.key:
        return 0
    keys = keys_of(rows, [*table.key, REJECT]).filter(pl.col(REJECT).is_null()).drop(REJECT)
    return keys.n_unique() if keys.height else 0


def _reasons(batch: pa.RecordBatch, first: int) -> dict[tuple[str, bool], int]:
    """Count rejected rows by reason, and by whether a check is the first rule that they break."""
    reasons, broken = batch.column(REASON), batch.column(BROKEN)
    if reasons.null_count == batch.num_rows:
        return {}
    sizes = pc.list_value_length(broken)
    begins = pc.if_else(pc.greater(sizes, 0), broken.offsets.slice(0, batch.num_rows), pa.scalar(None, pa.int32()))
    by_check = pc.fill_null(pc.greater_equal(broken.values.take(begins), first), False)
    rejected = pa.table({"reason": reasons, "by_check": by_check}).filter(pc.is_valid(reasons))
    counted = rejected.group_by(["reason", "by_check"]).aggregate([([], "count_all")]).to_pylist()
    return {(row["reason"], row["by_check"]): row["count_all"] for row in counted}


def _counts(values: pa.Array) -> dict[int, int]:
    return {item["values"]: item["counts"] for item in pc.value_counts(values).to_pylist()}
