from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.embedded.read_back import differing_row, stored_digest
from lakehouse.engine import Write
from tests.lakehouse.embedded.embedded_lakes import batch, checked, project_of
from tests.lakehouse.lakes import write

COLUMNS = [Column("id", pa.string(), "Id."), Column("n", pa.int64(), "Number.")]
KEYED = Table("silver.things", doc="Things.", columns=COLUMNS, key=["id"])
LOOSE = Table("silver.bags", doc="Bags.", columns=COLUMNS)
MADE = [("a", 1), ("b", 2)]


@pytest.fixture
def compare(tmp_path):
    """Return a function that stores some rows where others were made, and compares."""

    def compare(table, stored, mode="append"):
        catalog = project_of(tmp_path / str(len(stored)), table).catalog
        ids, numbers = zip(*stored, strict=True)
        rows = pa.table([pa.array(ids), pa.array(numbers, pa.int64())], names=["id", "n"])
        write(type("L", (), {"catalog": catalog}), table.name, rows)
        made = checked(tmp_path, table, batch(table, [*MADE, ("bad", 9)], None, None, "rejected"))
        assert (stored_digest(catalog, table, 1) == made.digest) == (sorted(stored) == MADE)
        return differing_row(catalog, table, Write(mode, made), 1, "run")

    return compare


def test_rows_that_are_stored_as_they_were_made_agree(compare):
    assert compare(KEYED, MADE[::-1]) is None
    assert compare(LOOSE, [*MADE, MADE[0]]) is None


def test_a_row_that_is_stored_otherwise_is_named_by_its_key(compare):
    assert compare(KEYED, [("a", 1), ("b", None)]) == {"id": "b"}
    assert compare(KEYED, [("a", 1), ("c", 2), ("b", 2)]) == {"id": "c"}
    assert compare(KEYED, [("bad", 9)]) == {"id": "bad"}
    assert compare(LOOSE, [("a", 1), ("b", 1), ("b", 2), ("b", 2)]) == {}


def test_rows_that_a_merge_copies_are_passed_over(compare):
    assert compare(KEYED, [("old", 7), ("a", 1)], "merge") is None
    assert compare(KEYED, [("old", 7), ("a", 2), ("b", 2)], "merge") == {"id": "a"}
