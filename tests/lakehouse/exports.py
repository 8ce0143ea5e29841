"""Rows to export, and what a folder of an export holds; for tests of exports and their subprocesses."""

from __future__ import annotations

import pyarrow as pa
from deltalake import WriterProperties, write_deltalake

from tests.lakehouse.lakes import lake_at

FILES = 3
ROWS = 40


def some_rows(begin, count=ROWS):
    """Return rows numbered from `begin` on."""
    numbers = range(begin, begin + count)
    return pa.table(
        {
            "n": pa.array(numbers, pa.int64()),
            "text": pa.array([f"row {n} " * 20 for n in numbers]),
            "tags": pa.array([[f"t{n % 3}", None] for n in numbers], pa.list_(pa.string())),
        }
    )


def append(lake, rows, table="silver.rows"):
    """Commit rows as a file of several row groups."""
    properties = WriterProperties(max_row_group_size=16, write_batch_size=16)
    write_deltalake(lake.catalog.table_uri(table), rows, mode="append", writer_properties=properties)


def made_lake(folder):
    """Make a lake with a table of three files and a view over it."""
    views = folder / "views"
    views.mkdir()
    (views / "even.sql").write_text("SELECT n, text FROM silver.rows WHERE n % 2 = 0 ORDER BY n")
    lake = opened_lake(folder)
    for file in range(FILES):
        append(lake, some_rows(file * ROWS))
    return lake


def opened_lake(folder):
    """Open the lake that `made_lake` made."""
    return lake_at(folder / "lake", views=(str(folder / "views" / "*.sql"),))


def contents(folder):
    """Return the bytes of a folder's files by name, but for what the manifest says of its time and its lake."""
    files = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: data.split(b'"created_at"')[0] for name, data in files.items()}
