from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import Read
from lakehouse.run.openlineage.column_lineage import Lineage, Source, declared

LINES = Table(
    "bronze.lines",
    doc="",
    columns=[Column("sample_id", pa.string(), "", lineage=True), Column("text", pa.string(), "")],
)
OTHER = Table("bronze.other", doc="", columns=[Column("sample_id", pa.string(), "", lineage=True)])
WORDS = Table(
    "silver.words",
    doc="",
    columns=[
        Column("sample_id", pa.string(), "", lineage=True),
        Column("parent_ids", pa.list_(pa.string()), "", lineage=True),
        Column("text", pa.string(), ""),
    ],
)


def flow(**fields):
    base = {"id": "f", "kind": "operator", "writes": WORDS, "reads": {"lines": Read(table="bronze.lines")}}
    return Flow(**{**base, "driving": "lines", **fields})


def test_an_operator_states_that_the_origin_is_the_source_key():
    assert declared(flow(), [LINES]).fields == {"sample_id": (Source("bronze.lines", "sample_id", "IDENTITY"),)}
    cut = declared(flow(source_key_sql="get(parent_ids, 0)"), [LINES])
    assert cut.fields == {"parent_ids": (Source("bronze.lines", "sample_id", "TRANSFORMATION"),)}
    assert cut.dataset == ()


def test_a_union_leads_to_each_of_its_tables():
    tables = {source.table for source in declared(flow(), [LINES, OTHER]).fields["sample_id"]}
    assert tables == {"bronze.lines", "bronze.other"}


@pytest.mark.parametrize(
    "spec",
    [
        flow(kind="frame"),
        flow(kind="frame", refresh="full", source_key_sql="sample_id"),
        flow(source_key_sql="coalesce(sample_id, text)"),
        flow(source_key_sql="nothing_of_the_kind"),
        flow(source_key_sql="concat(")
    ],
)  # fmt: skip
def test_where_nothing_is_stated_nothing_is_reported(spec):
    assert declared(spec, [LINES]) == Lineage()
    assert not declared(spec, [LINES])


def test_a_frame_that_merges_states_it_too():
    spec = flow(kind="frame", refresh="merge", source_key_sql="text", source_key="text")
    assert declared(spec, [LINES]).fields == {"text": (Source("bronze.lines", "text", "IDENTITY"),)}
    assert declared(spec, [OTHER]) == Lineage()
