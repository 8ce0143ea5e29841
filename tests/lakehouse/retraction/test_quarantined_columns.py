from __future__ import annotations

import json

import duckdb
import pyarrow as pa

from lakehouse.declare.lineage_columns import TYPES
from lakehouse.retraction.quarantined_columns import own_list, own_origin, own_text, quarantined_columns
from tests.lakehouse.lakes import lake_at, rows, write


def test_of_a_table_without_a_contract_names_and_types_decide(tmp_path):
    lake = lake_at(tmp_path)
    write(lake, "other.pages", rows(["aa" * 16]))
    write(lake, "other.labs", pa.table({"sample_id": [1], "source": [{"app": "x"}], "uri": ["u"]}))
    found = quarantined_columns(lake.project, ["other.pages", "other.labs", "other.gone"]).to_pylist()
    own = {row["table"]: row["own"] for row in found}
    assert {"sample_id", "parent_ids"} <= set(own["other.pages"])
    assert "origin" in own["other.pages"]
    assert own["other.labs"] == ["uri"]
    assert own["other.gone"] == sorted([*TYPES, "origin"])


def test_a_value_under_a_name_that_is_the_owners_is_not_read():
    row = json.dumps({"sample_id": "a", "parent_ids": ["b", "c"], "source": "s"})
    columns = f"{own_text('sample_id')}, {own_text('source')}, {own_list('parent_ids')}"
    with duckdb.connect() as database:
        query = f'SELECT {columns} FROM (SELECT $row AS "row", $own AS own)'
        found = [
            database.execute(query, {"row": row, "own": own}).fetchone()
            for own in (["sample_id", "parent_ids"], ["source"])
        ]
    assert found == [("a", None, ["b", "c"]), (None, "s", [])]


def test_an_origin_is_an_id_where_that_is_what_the_flow_reads():
    with duckdb.connect() as database:
        query = f"SELECT {own_origin()} FROM (SELECT 'a' AS origin, $own AS own)"
        found = [database.execute(query, {"own": own}).fetchone() for own in (["origin"], ["uri"])]
    assert found == [("a",), (None,)]
