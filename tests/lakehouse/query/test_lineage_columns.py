from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from lakehouse.query.connection import connect
from lakehouse.query.lineage_columns import TYPES, create_lineage_view
from lakehouse.release.create import create_release
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


def test_a_lake_without_samples_has_an_empty_view_with_all_columns(tmp_path):
    lake = lake_at(tmp_path / "lake")
    with connect(lake.project) as connection:
        assert create_lineage_view(connection, tuple(TYPES)) == ()
        assert connection.table("FROM __lineage").column_names == ["table", *TYPES]
        assert connection.rows("FROM __lineage") == []


def test_at_a_release_its_tables_alone_are_united_at_their_versions(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.a", rows(["a"]))
    create_release(lake.project, "mix-1")
    write(lake, "gold.a", rows(["later"]))
    write(lake, "gold.b", rows(["b"]))
    with connect(lake.project, "mix-1") as connection:
        assert create_lineage_view(connection, ("sample_id",)) == ("gold.a",)
        assert connection.rows("FROM __lineage") == [{"table": "gold.a", "sample_id": "a"}]


texts = st.none() | st.sampled_from(["x", "y'", 'z"'])
values = {
    "parent_ids": st.none() | st.lists(texts, max_size=2),
    **dict.fromkeys(("source", "uri", "content_id"), texts),
}
made_tables = st.dictionaries(
    st.sampled_from(["bronze.a", "silver.b", "gold.c"]),
    st.sets(st.sampled_from(sorted(values))).flatmap(
        lambda names: st.tuples(
            st.just(sorted(names)),
            st.lists(st.fixed_dictionaries({"sample_id": texts, **{name: values[name] for name in names}}), max_size=3),
        )
    ),
)


@settings(max_examples=15)
@given(made_tables, st.permutations(["sample_id", *values]))
def test_the_view_has_each_row_of_each_table_whatever_columns_it_has(made, columns):
    with tempfile.TemporaryDirectory() as folder:
        lake = lake_at(Path(folder) / "lake")
        for table, (names, held) in made.items():
            kinds = {name: pa.list_(pa.string()) if name == "parent_ids" else pa.string() for name in names}
            schema = pa.schema({"sample_id": pa.string(), **kinds, "n": pa.int64()})
            write(lake, table, pa.Table.from_pylist(held, schema=schema))
        with connect(lake.project) as connection:
            assert create_lineage_view(connection, columns) == tuple(sorted(made))
            found = connection.rows("FROM __lineage")
    expected = [
        {"table": table, **{name: row.get(name) for name in columns}}
        for table, (_, held) in made.items()
        for row in held
    ]
    assert sorted(found, key=repr) == sorted(expected, key=repr)
