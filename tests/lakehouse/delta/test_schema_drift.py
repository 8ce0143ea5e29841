from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.catalog import Catalog
from lakehouse.delta.schema_drift import compare_schema, fits

ID = Column("id", pa.string(), "Identity.", nullable=False)
N = Column("n", pa.int32(), "Number.")
PARTS = Column("parts", pa.list_(pa.struct([("a", pa.string())])), "Parts.")


def table(*columns):
    return Table("bronze.things", doc="A thing.", columns=[ID, *columns], key=["id"])


@pytest.fixture
def stored(tmp_path):
    catalog = Catalog(str(tmp_path))
    create(catalog, table(N, PARTS))
    return catalog.open("bronze.things")


def test_order_and_documentation_do_not_matter(stored):
    other = Column("n", pa.int32(), "Another text.")
    assert fits(stored, table(PARTS, other))
    drift = compare_schema(stored, table(PARTS, other))
    assert (drift.added, drift.incompatible) == ((), ())


def test_a_nullable_column_can_be_added(stored):
    drift = compare_schema(stored, table(N, PARTS, Column("new", pa.float64(), "New.")))
    assert (drift.added, drift.incompatible) == (("new",), ())
    assert not fits(stored, table(N, PARTS, Column("new", pa.float64(), "New.")))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((N,), "column parts is no longer declared"),
        ((Column("n", pa.int64(), "N."), PARTS), "column n is stored as int32, now int64"),
        ((N, PARTS, Column("new", pa.string(), "N.", nullable=False)), "column new is new and may not be null"),
        (
            (N, Column("parts", pa.list_(pa.struct([("a", pa.string()), ("b", pa.string())])), "P.")),
            "column parts is stored as list<item: struct<a: string>>, now list<item: struct<a: string, b: string>>",
        ),
    ],
)
def test_other_differences_are_incompatible(stored, columns, words):
    assert compare_schema(stored, table(*columns)).incompatible == (words,)


def test_a_column_under_a_former_name_is_renamed_where_its_type_is_the_same(stored):
    number = Column("number", pa.int32(), "Number.", renamed_from=["count", "n"])
    drift = compare_schema(stored, table(number, PARTS))
    assert (drift.added, drift.incompatible, dict(drift.renamed)) == ((), (), {"number": "n"})
    assert not fits(stored, table(number, PARTS))
    wider = Column("number", pa.int64(), "Number.", renamed_from="n")
    drift = compare_schema(stored, table(wider, PARTS))
    assert (drift.added, drift.incompatible, dict(drift.renamed)) == (
        ("number",),
        ("column n is no longer declared",),
        {},
    )


def test_a_former_name_that_is_not_stored_means_nothing(stored):
    assert fits(stored, table(Column("n", pa.int32(), "Number.", renamed_from="count"), PARTS))
