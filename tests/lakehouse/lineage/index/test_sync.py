from __future__ import annotations

import logging
import shutil
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakehouse.delta.history import newest_note
from lakehouse.delta.schema_drift import fits
from lakehouse.errors import CollisionError
from lakehouse.ledger import tables as ledger
from lakehouse.lineage.index import levels, spark_entries
from lakehouse.lineage.index import sync as sync_module
from lakehouse.lineage.index.embedded_entries import EmbeddedIndexEngine
from lakehouse.lineage.index.levels import level_sizes
from lakehouse.lineage.index.state import index_state
from lakehouse.lineage.trace import trace
from lakehouse.query.inventory import tables
from lakehouse.release.optimize import optimize
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse import words
from tests.lakehouse.lakes import lake_at, note, rows
from tests.lakehouse.lineage.index.graphs import all_entries, held_entries


@pytest.fixture(params=["embedded", "spark"])
def sync(request):
    """Updates the index of a project for a run, with each engine."""
    session = request.getfixturevalue("spark") if request.param == "spark" else None

    def call(project, run_id):
        engine = (
            spark_entries.SparkIndexEngine(session, project.catalog)
            if session
            else EmbeddedIndexEngine(project.catalog)
        )
        return sync_module.sync_edges(engine, project, run_id)

    call.engine = request.param
    return call


FEED = {"delta.enableChangeDataFeed": "true"}


def write(lake, table, made, run, mode="append", **options):
    """Commit rows to a table with a change feed, as a flow does."""
    properties = CommitProperties(custom_metadata={"userMetadata": note(table, run).to_json()})
    uri = lake.catalog.table_uri(table)
    write_deltalake(uri, made, mode=mode, commit_properties=properties, configuration=FEED, **options)


def many(first, count, parents=None, **columns):
    ids = [f"{first + i:032x}" for i in range(count)]
    return rows(ids, [[f"{parents + i // 3:032x}"] for i in range(count)] if parents is not None else None, **columns)


def right(lake):
    """Whether the index holds what the tables hold, in both orders."""
    held, wanted = held_entries(lake), all_entries(lake)
    assert held["child"] == wanted
    assert held["parent"] == Counter({entry: n for entry, n in wanted.items() if entry[0] is not None})
    return index_state(lake.project).current


def test_the_index_follows_whatever_happens_to_the_tables(sync, tmp_path):
    lake = lake_at(tmp_path / "lake")
    assert sync(lake.project, "r0") is None
    write(lake, "bronze.a", many(0, 400, uri=pa.array([f"https://example.org/{i}" for i in range(400)])), "r1")
    write(lake, "silver.b", many(1000, 1200, parents=0), "r1")
    write(lake, "silver.about", many(0, 3).drop_columns(["sample_id"]), "r1")
    assert sync(lake.project, "s1") is not None
    assert right(lake)
    assert sync(lake.project, "s1") is None

    # A little more is a level of its own; only what changed is read.
    write(lake, "silver.b", many(3000, 3, parents=1), "r2")
    version = sync(lake.project, "s2")
    assert right(lake)
    assert len(level_sizes(lake.catalog.open("ledger.edges"))) == 2
    found = newest_note(lake.catalog.open("ledger.edges"))
    assert (found[0], found[1].mode, found[1].counts["read"]) == (version, "incremental", 9)

    # Deletions, updates, a rewrite of all rows, and several commits between two syncs: what a kill left is made up.
    lake.catalog.open("silver.b").delete("sample_id < '0000000000000000000000000000040f'")
    lake.catalog.open("bronze.a").update(
        {"license": "'GPL-3.0-only'"}, predicate="sample_id < '0000000000000000000000000000000a'"
    )
    write(lake, "silver.b", many(4000, 2, parents=1), "r3")
    sync(lake.project, "s3")
    assert right(lake)
    write(lake, "silver.b", many(1000, 600, parents=2), "r4", mode="overwrite")
    sync(lake.project, "s4")
    assert right(lake)

    # A table that came, one that went, and one put in another's place.
    write(lake, "silver.c", many(9000, 5), "r5")
    shutil.rmtree(lake.catalog.table_uri("bronze.a"))
    shutil.rmtree(lake.catalog.table_uri("silver.b"))
    write(lake, "silver.b", many(7000, 20), "r5")
    sync(lake.project, "s5")
    assert right(lake)

    # A column more, which the feed cannot be read across; and a table that keeps no feed.
    write(lake, "silver.c", many(9100, 5, uri=pa.array(["https://example.org/c"] * 5)), "r6", schema_mode="merge")
    write_deltalake(lake.catalog.table_uri("silver.plain"), many(9500, 3, parents=9100))
    sync(lake.project, "s6")
    write_deltalake(lake.catalog.table_uri("silver.plain"), many(9600, 3, parents=9100), mode="append")
    sync(lake.project, "s7")
    assert right(lake)
    for name in ("silver.b", "silver.c", "silver.plain"):
        shutil.rmtree(lake.catalog.table_uri(name))
    sync(lake.project, "s8")
    assert held_entries(lake)["child"] == Counter()


def test_a_feed_that_is_gone_is_done_without(sync, tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "silver.b", many(1000, 40, parents=0), "r1")
    write(lake, "silver.c", many(2000, 40, parents=1000), "r1")
    sync(lake.project, "s1")
    lake.catalog.open("silver.b").delete("sample_id < '000000000000000000000000000003f0'")
    write(lake, "silver.c", many(3000, 4, parents=1000), "r2")
    changes = Path(lake.catalog.table_uri("silver.b"), "_change_data")
    assert any(changes.iterdir())
    shutil.rmtree(changes)
    sync(lake.project, "s2")
    assert right(lake)


def test_levels_are_merged_sorted_and_pruned(sync, tmp_path, monkeypatch):
    monkeypatch.setattr(spark_entries, "ROWS_PER_FILE", 2000)
    monkeypatch.setattr(levels, "RATIO", 2)
    lake = lake_at(tmp_path / "lake")
    seen = []
    for number, count in enumerate((900, 300, 100, 30, 10, 3, 400)):
        write(lake, "silver.b", many(1000 * number, count, parents=0), f"r{number}")
        sync(lake.project, f"s{number}")
        seen.append(len(level_sizes(lake.catalog.open("ledger.edges"))))
    assert seen == [1, 2, 3, 4, 4, 4, 1]
    assert right(lake)
    held = lake.catalog.open("ledger.edges")
    actions = pa.table(held.get_add_actions(flatten=True))
    # Spark writes files of so many rows, delta-rs of so many bytes.
    assert actions.num_rows > 2 or sync.engine == "embedded"
    for path, order in zip(
        actions.column("path").to_pylist(), actions.column("partition.sorted_by").to_pylist(), strict=True
    ):
        file = pq.ParquetFile(Path(lake.catalog.table_uri("ledger.edges"), path))
        key = file.read([order]).column(order).to_pylist()
        assert key == sorted(key)
        assert all(file.metadata.row_group(0).column(i).compression == "ZSTD" for i in range(3))
    # The files of one order do not overlap, so that a sample is in one of each level.
    ranges = actions.filter(pa.compute.equal(actions.column("partition.sorted_by"), "child")).sort_by("min.child")
    lows, highs = (ranges.column(f"{end}.child").to_pylist() for end in ("min", "max"))
    assert len(lows) > 1 or sync.engine == "embedded"
    assert all(high < low for high, low in zip(highs, lows[1:], strict=False))

    # What others see of it: a plain table that every reader opens, with no feed of its own.
    assert held.protocol().min_reader_version == 1
    assert next(t for t in tables(lake.catalog) if t["name"] == "ledger.edges")["rows"] == sum(level_sizes(held))
    assert optimize(lake.project, ["ledger.edges"])[0].reason == "its writer determines its files"
    assert lake.sql("SELECT count(*) AS n FROM edges").to_pylist() == [{"n": 1743}]
    assert lake.sql("SELECT count(*) AS n FROM children").to_pylist() == [{"n": 1743}]
    assert lake.sql("SELECT count(*) AS n FROM nodes WHERE source = 'src'").to_pylist() == [{"n": 1743}]


def test_what_is_to_be_purged_leaves_no_trace(sync, tmp_path):
    lake = lake_at(tmp_path / "lake")
    uri = pa.array([f"https://example.org/{i}" for i in range(300)])
    write(lake, "bronze.a", many(0, 300, uri=uri), "r1")
    sync(lake.project, "s1")
    sample = f"{7:032x}"
    retract(lake.project, RetractionRequest("id", [sample], reason="asked to", purge=True))
    lake.catalog.open("bronze.a").delete(f"sample_id = '{sample}'")
    sync(lake.project, "s2")
    assert right(lake)
    assert level_sizes(lake.catalog.open("ledger.edges")) == [299]
    assert lake.sql(f"SELECT * FROM ledger.edges WHERE child = '{sample}'").num_rows == 0
    assert sync(lake.project, "s3") is None


def test_two_at_once_write_each_entry_once(sync, tmp_path, monkeypatch):
    lake = lake_at(tmp_path / "lake")
    write(lake, "silver.b", many(0, 10, parents=0), "r1")
    sync(lake.project, "s1")
    write(lake, "silver.b", many(100, 10, parents=0), "r2")
    original = sync_module._commit
    between = []

    def late(*args):
        """Let another run win between looking and committing."""
        if not between:
            between.append(1)
            assert sync(lake.project, "other") is not None
        return original(*args)

    monkeypatch.setattr(sync_module, "_commit", late)
    assert sync(lake.project, "s2") is None
    assert right(lake)
    assert [n.run_id for n in [newest_note(lake.catalog.open("ledger.edges"))[1]]] == ["other"]

    def never(*_):
        raise CollisionError("another run", "again")

    write(lake, "silver.b", many(200, 10, parents=0), "r3")
    monkeypatch.setattr(sync_module, "_commit", never)
    with pytest.raises(CollisionError):
        sync(lake.project, "s3")


def test_an_index_of_other_columns_is_made_anew(sync, tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "silver.b", many(0, 10, parents=0), "r1")
    DeltaTable.create(
        lake.catalog.table_uri("ledger.edges"), pa.schema([("parent", pa.string()), ("child", pa.string())])
    )
    sync(lake.project, "s1")
    assert right(lake)
    assert fits(lake.catalog.open("ledger.edges"), ledger.edges)


@pytest.mark.indexed
def test_a_run_keeps_the_index_and_does_not_fail_by_it(project, monkeypatch, caplog):
    words.write(project, "0aaa:hello|0bbb:two words")
    project.run()
    lake = project.lake()
    assert right(lake)
    version = lake.catalog.open("ledger.edges").version()
    assert {node.table for node in trace(lake.project, "0aaa").nodes} == {"bronze.lines", "silver.shouts"} | {
        "silver.words"
    }

    def broken(*_):
        raise OSError("the disk is full")

    words.land(project, "0aaa:hello|0bbb:three words now")
    with monkeypatch.context() as patched, caplog.at_level(logging.WARNING, "mixlake.run"):
        patched.setattr(sync_module, "_commit", broken)
        outcomes = project.run("bronze.lines")
    assert outcomes["bronze.lines"].status == "done"
    assert "ledger.edges could not be updated: the disk is full; the next run tries again" in caplog.text
    assert index_state(project.lake().project).changed == {"bronze.lines"}
    project.run()
    assert right(project.lake())
    assert project.lake().catalog.open("ledger.edges").version() == version + 1
