from __future__ import annotations

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from lakehouse.delta.log import log_of
from lakehouse.delta.writer_features import unsupported_feature


@pytest.mark.parametrize(
    ("properties", "asked"),
    [
        ({}, ""),
        ({"delta.enableChangeDataFeed": "true"}, ""),
        ({"delta.appendOnly": "true"}, "appendOnly"),
        ({"delta.enableDeletionVectors": "true"}, "deletionVectors"),
    ],
)
def test_what_a_table_asks_of_its_writers(tmp_path, properties, asked):
    schema = pa.schema([("sample_id", pa.string()), ("at", pa.timestamp("us"))])
    table = DeltaTable.create(str(tmp_path / "t"), schema, configuration=properties)
    assert unsupported_feature(log_of(table)) == asked


def test_constraints_are_asked_of_writers(tmp_path):
    table = DeltaTable.create(str(tmp_path), pa.schema([("n", pa.int64())]))
    table.alter.add_constraint({"positive": "n > 0"})
    assert unsupported_feature(log_of(DeltaTable(str(tmp_path)))) == "delta.constraints.positive"
