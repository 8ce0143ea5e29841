"""Compare stored rows with those that were committed, by their hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.content_digest import HIGH, LOW, Digest
from lakehouse.delta.read_back import sample
from lakehouse.embedded.checked_rows import good_rows
from lakehouse.embedded.flow_inputs import in_types, table_rows
from lakehouse.embedded.row_file import CHUNK_ROWS
from lakehouse.embedded.row_hash import digest_of, hash_rows
from lakehouse.engine import CheckedRows, Write

if TYPE_CHECKING:
    import polars as pl


def stored_digest(catalog: Catalog, table: Table, version: int) -> Digest:
    """Return the content digest of all rows of a table, read from its files."""
    digest = Digest()
    for batch in table_rows(catalog, table, version, list(table.stable_columns), CHUNK_ROWS):
        digest += digest_of(*hash_rows(table, batch))
    return digest


def differing_row(catalog: Catalog, table: Table, write: Write, version: int, seed: str) -> Mapping[str, Any] | None:
    """Return the key of a sampled row that is not the committed one of that key; None where there is none."""
    import polars as pl

    names = list(table.key) or [HIGH, LOW]
    columns = list(dict.fromkeys([*table.key, *table.stable_columns]))
    schema = pa.schema([pa.field(name, table.column(name).stored_type) for name in columns])
    parts = []
    for batch in sample(catalog.open(table.name, version), columns, seed):
        typed = in_types(batch, schema)
        high, low = hash_rows(table, typed)
        parts.append(pa.table([*(typed.column(key) for key in table.key), high, low], [*table.key, HIGH, LOW]))
    read = pl.DataFrame(pa.concat_tables(parts)) if parts else None
    if read is None or not read.height:
        return None
    made = _committed(write.checked, read, names).rename({HIGH: "_high", LOW: "_low"})
    if not table.key:
        made = made.with_columns(pl.col("_high").alias(HIGH), pl.col("_low").alias(LOW))
    joined = read.join(made, on=names, how="left", nulls_equal=True)
    unknown = pl.col("_high").is_null()
    wrong = (pl.col(HIGH) != pl.col("_high")) | (pl.col(LOW) != pl.col("_low"))
    # A merge copies rows of other keys from the files that it replaces.
    found = joined.filter(wrong.fill_null(False) if write.mode == "merge" else wrong | unknown).head(1)
    return {key: found[key][0] for key in table.key} if found.height else None


def _committed(checked: CheckedRows, read: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """Return key and hashes of the good rows that may have a key of some rows that were read."""
    import polars as pl

    kind = checked.rows.schema.field(names[0]).type
    wanted = read[names[0]].unique().to_arrow().cast(kind)
    columns = list(dict.fromkeys([*names, HIGH, LOW]))
    parts = [checked.rows.schema.empty_table().select(columns)]
    for batch in good_rows(checked):
        same = batch.filter(pc.is_in(batch.column(names[0]), value_set=wanted)).select(columns)
        parts.append(pa.Table.from_batches([same]))
    return pl.DataFrame(pa.concat_tables(parts)).unique()
