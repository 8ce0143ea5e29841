from __future__ import annotations

import pyarrow as pa

from lakehouse.query.connection import connect
from lakehouse.query.lineage_columns import create_lineage_view
from tests.lakehouse.lakes import lake_at, rows, write


def test_tables_with_a_sample_id_are_united_and_what_one_lacks_is_null(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "bronze.a", rows(["a"], uri=pa.array(["file:a"]), keeper_id=pa.array(["k"])))
    write(lake, "silver.b", pa.table({"sample_id": ["b"]}))
    write(lake, "silver.counts", pa.table({"n": [1]}))
    write(lake, "silver.document_duplicates", pa.table({"sample_id": ["c"], "keeper_id": ["d"]}))
    with connect(lake.project) as connection:
        united = create_lineage_view(connection, ("sample_id", "uri", "keeper_id"))
        assert united == ("bronze.a", "silver.b", "silver.document_duplicates")
        found = connection.rows("FROM __lineage ORDER BY ALL")
        # Only verified duplicates have a keeper.
        assert [tuple(row.values()) for row in found] == [
            ("bronze.a", "a", "file:a", None),
            ("silver.b", "b", None, None),
            ("silver.document_duplicates", "c", None, "d"),
        ]
        assert create_lineage_view(connection, ("sample_id",), ["silver.b", "silver.counts"]) == ("silver.b",)
        assert connection.rows("FROM __lineage") == [{"table": "silver.b", "sample_id": "b"}]
