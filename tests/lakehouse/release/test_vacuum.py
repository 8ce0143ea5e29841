from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

from lakehouse.declare.contract import ADDRESSES_FILES
from lakehouse.delta.change_feed import has_feed
from lakehouse.errors import LakeError, TableNotFoundError
from lakehouse.ledger.releases import break_release, drop_release
from lakehouse.release import create
from lakehouse.release import vacuum as module
from lakehouse.release.create import create_release
from lakehouse.release.retention import required_versions
from lakehouse.release.vacuum import vacuum
from lakehouse.release.verify import verify_release
from tests.lakehouse.lakes import followed, lake_at, note, noted, write

ROWS = pa.table({"n": [1, 2, 3]})
TABLES = ("bronze.a", "silver.b", "gold.c")


@pytest.fixture
def lake(tmp_path):
    """Three tables, each made from the one before, at version 1."""
    made = lake_at(tmp_path / "a lake")
    followed(made, *TABLES, schema=ROWS.schema)
    write(made, "bronze.a", ROWS, note("bronze.a", digest="a1"))
    write(made, "silver.b", ROWS, note("silver.b", inputs={"bronze.a": 1}, digest="b1"))
    write(made, "gold.c", ROWS, note("gold.c", inputs={"silver.b": 1}, digest="c1"))
    return made


def stored(lake, table):
    """Return the names of the data and change files that lie in a table's folder."""
    folder = Path(lake.catalog.table_uri(table))
    return {str(path.relative_to(folder)) for path in folder.rglob("*.parquet") if "_delta_log" not in path.parts}


def files(lake, table, version=None):
    return {Path(uri).name for uri in lake.catalog.open(table, version).file_uris()}


def rewritten(lake, table, digest, **fields):
    """Replace a table's rows, as a flow that starts over does."""
    write(lake, table, ROWS, note(table, f"run-{digest}", digest=digest, **fields), mode="overwrite")


def by_table(found):
    return {item.table: item for item in found}


def test_what_no_version_in_use_names_is_deleted(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    assert len(stored(lake, "gold.c")) == 2
    found = by_table(vacuum(lake.catalog))
    assert (found["gold.c"].files, found["gold.c"].retained) == (1, {2: "latest"})
    assert found["gold.c"].bytes > 0
    assert stored(lake, "gold.c") == files(lake, "gold.c")
    assert lake.catalog.open("gold.c").to_pyarrow_table().num_rows == 3
    assert [commit["version"] for commit in lake.catalog.open("gold.c").history()] == [2, 1, 0]
    assert all(item.files == 0 for item in vacuum(lake.catalog))


def test_a_release_is_guarded_until_it_is_dropped(lake):
    create_release(lake.project, "mix-1")
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    create_release(lake.project, "mix-2")
    rewritten(lake, "gold.c", "c3", inputs={"silver.b": 1})
    create_release(lake.project, "mix-3")
    assert required_versions(lake.catalog)["gold.c"].reasons() == {
        1: "release mix-1",
        2: "release mix-2",
        3: "latest, release mix-3",
    }
    assert sum(item.files for item in vacuum(lake.catalog)) == 0
    held = [files(lake, "gold.c", version) for version in (1, 2, 3)]
    drop_release(lake.catalog, "mix-2")
    assert by_table(vacuum(lake.catalog))["gold.c"].files == 1
    assert stored(lake, "gold.c") == held[0] | held[2]
    for name in ("mix-1", "mix-3"):
        assert verify_release(lake.catalog, name, deep=True) == []


def test_a_broken_release_guards_nothing(lake):
    create_release(lake.project, "mix-1")
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    break_release(lake.catalog, "mix-1", 1)
    assert by_table(vacuum(lake.catalog))["gold.c"].files == 1


def test_versions_that_a_flow_has_yet_to_read_are_kept_with_their_changes(lake):
    for text in ("n = 2", "n = 3"):
        lake.catalog.open("bronze.a").delete(text, commit_properties=noted(note("bronze.a", digest=text)))
    assert sum(item.files + item.change_files for item in vacuum(lake.catalog)) == 0
    assert has_feed(lake.catalog.log("bronze.a").store, 2, 3)
    assert required_versions(lake.catalog)["bronze.a"].reasons() == {
        1: "silver.b@1 was made from it, silver.b reads on from 1",
        2: "silver.b reads on from 1",
        3: "latest",
    }
    # silver.b reads the first of the two; what led there is free, what follows is not.
    write(lake, "silver.b", ROWS, note("silver.b", "run-2", inputs={"bronze.a": 2}, digest="b2"))
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", inputs={"silver.b": 2}, digest="c2"))
    found = by_table(vacuum(lake.catalog))["bronze.a"]
    assert (found.files, found.change_files) == (1, 1)
    assert has_feed(lake.catalog.log("bronze.a").store, 3, 3)
    assert not has_feed(lake.catalog.log("bronze.a").store, 2, 3)
    changed = pa.table(lake.catalog.open("bronze.a").load_cdf(starting_version=3))
    assert changed["n"].to_pylist() == [3]


def test_changes_that_no_flow_reads_are_deleted_and_counted(lake):
    lake.catalog.open("gold.c").delete("n = 2")
    found = by_table(vacuum(lake.catalog))["gold.c"]
    assert (found.files, found.change_files) == (1, 1)
    assert found.change_bytes > 0


def test_a_note_about_another_table_of_the_name_keeps_nothing(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1}, ids={"silver.b": "another"})
    rewritten(lake, "silver.b", "b2", inputs={"bronze.a": 1})
    assert required_versions(lake.catalog)["silver.b"].reasons() == {2: "latest"}


def test_compaction_frees_the_small_files_though_a_flow_has_read_them(lake):
    write(lake, "bronze.a", ROWS, note("bronze.a", "run-2", digest="a2"))
    rewritten(lake, "silver.b", "b2", inputs={"bronze.a": 2})
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 2})
    small = files(lake, "bronze.a")
    lake.catalog.open("bronze.a").optimize.compact()
    assert by_table(vacuum(lake.catalog))["bronze.a"].files == len(small) == 2
    # The flow reads on all the same, and a release pins the compacted version, which holds the same rows.
    assert has_feed(lake.catalog.log("bronze.a").store, 3, 3)
    release = create_release(lake.project, "mix-1")
    assert (release.tables["bronze.a"], release.digests["bronze.a"]) == (3, "a2")
    assert verify_release(lake.catalog, "mix-1", deep=True) == []


def test_a_release_made_after_a_vacuum_pins_what_one_before_would_have(lake):
    # silver.b and bronze.a went on; gold.c descends from their first versions.
    rewritten(lake, "bronze.a", "a2")
    rewritten(lake, "silver.b", "b2", inputs={"bronze.a": 2})
    vacuum(lake.catalog)
    release = create_release(lake.project, "mix-1")
    assert release.tables == {"bronze.a": 1, "silver.b": 1, "gold.c": 1}
    assert verify_release(lake.catalog, "mix-1", deep=True) == []


def test_files_that_rows_of_another_table_name_are_kept(lake):
    lake.catalog.open("gold.c").alter.set_table_properties({ADDRESSES_FILES: "true"}, raise_if_not_exists=False)
    write(lake, "silver.b", ROWS, note("silver.b", "run-2", inputs={"bronze.a": 1}, digest="b2"))
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 2})
    addressed = files(lake, "silver.b")
    lake.catalog.open("silver.b").optimize.compact()
    create_release(lake.project, "mix-1")
    vacuum(lake.catalog)
    reasons = required_versions(lake.catalog)["silver.b"].reasons()
    assert reasons == {2: "gold.c@3 names its files", 3: "latest, release mix-1"}
    assert addressed < stored(lake, "silver.b")
    assert verify_release(lake.catalog, "mix-1", deep=True) == []


def test_young_files_that_no_commit_names_are_another_writers(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    folder = Path(lake.catalog.table_uri("gold.c"))
    young, old = folder / "young.parquet", folder / "old.parquet"
    change = folder / "_change_data" / "young.parquet"
    change.parent.mkdir(exist_ok=True)
    for path in (young, old, change):
        pq.write_table(ROWS, path)
    week = time.time() - 8 * 86_400
    os.utime(old, (week, week))
    found = by_table(vacuum(lake.catalog))["gold.c"]
    assert (found.files, found.recent_orphans) == (2, 2)
    assert young.exists()
    assert change.exists()
    assert not old.exists()
    vacuum(lake.catalog, retention_hours=0)
    assert stored(lake, "gold.c") == files(lake, "gold.c")


def test_a_dry_run_deletes_nothing_and_tells_the_same(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    before = stored(lake, "gold.c")
    planned = vacuum(lake.catalog, dry_run=True)
    assert stored(lake, "gold.c") == before
    assert not lake.catalog.has("ledger.releases")
    assert by_table(vacuum(lake.catalog))["gold.c"] == by_table(planned)["gold.c"]


def test_only_the_named_tables_are_vacuumed(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    rewritten(lake, "bronze.a", "a2")
    assert [item.table for item in vacuum(lake.catalog, ["bronze.a"])] == ["bronze.a"]
    assert len(stored(lake, "gold.c")) == 2
    with pytest.raises(TableNotFoundError, match=r"silver\.b"):
        vacuum(lake.catalog, ["silver.bb"])


def test_nothing_is_deleted_where_what_is_needed_is_unknown(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    log = Path(lake.catalog.table_uri("silver.b")) / "_delta_log" / f"{1:020d}.json"
    log.write_text("{")
    with pytest.raises(LakeError, match=r"silver\.b"):
        vacuum(lake.catalog)
    assert len(stored(lake, "gold.c")) == 2


def test_a_release_made_while_a_vacuum_looks_is_seen(lake, monkeypatch):
    rewritten(lake, "bronze.a", "a2")
    real, made = module.required_versions, []

    def looked(catalog):
        found = real(catalog)
        if not made:
            made.append(create_release(lake.project, "late", ["gold.c"]))
            # What it pins is superseded at once, and nothing but the release holds it.
            rewritten(lake, "silver.b", "b2", inputs={"bronze.a": 2})
            rewritten(lake, "gold.c", "c2", inputs={"silver.b": 2})
        return found

    monkeypatch.setattr(module, "required_versions", looked)
    vacuum(lake.catalog, retention_hours=0)
    assert made[0].tables == {"bronze.a": 1, "silver.b": 1, "gold.c": 1}
    assert verify_release(lake.catalog, "late", deep=True) == []


def test_a_release_that_a_vacuum_overtakes_chooses_again(lake, monkeypatch):
    real, done = create.seal, []

    def sealed(name, table):
        if not done:
            done.append(True)
            rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
            vacuum(lake.catalog, retention_hours=0)
        return real(name, table)

    monkeypatch.setattr(create, "seal", sealed)
    release = create_release(lake.project, "mix-1")
    assert release.tables["gold.c"] == 2
    assert verify_release(lake.catalog, "mix-1", deep=True) == []


def test_a_commit_of_files_that_lay_ready_is_seen(lake, monkeypatch):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    path = Path(lake.catalog.table_uri("gold.c")) / "ready.parquet"
    pq.write_table(ROWS, path)
    real, done = module.listing, []

    def listed(store):
        found = real(store)
        if path.name in found["path"].to_pylist() and not done:
            done.append(True)
            table = lake.catalog.open("gold.c")
            add = AddAction(path.name, path.stat().st_size, {}, 0, True, json.dumps({"numRecords": 3}))
            table.create_write_transaction([add], "append", table.schema())
        return found

    monkeypatch.setattr(module, "listing", listed)
    vacuum(lake.catalog, retention_hours=0)
    assert lake.catalog.open("gold.c").to_pyarrow_table().num_rows == 6


def test_checksum_files_go_with_their_files(lake):
    rewritten(lake, "gold.c", "c2", inputs={"silver.b": 1})
    for name in stored(lake, "gold.c"):
        (Path(lake.catalog.table_uri("gold.c")) / f".{name}.crc").write_bytes(b"crc")
    vacuum(lake.catalog)
    left = {path.name for path in Path(lake.catalog.table_uri("gold.c")).glob(".*.crc")}
    assert left == {f".{name}.crc" for name in stored(lake, "gold.c")}


def test_a_partitioned_table_with_odd_names_is_vacuumed(tmp_path):
    from deltalake import write_deltalake

    lake = lake_at(tmp_path / "lake")
    rows = pa.table({"n": [1, 2], "part": ["a b", "ü%/x"]})
    for _ in range(2):
        write_deltalake(lake.catalog.table_uri("gold.p"), rows, mode="overwrite", partition_by=["part"])
    assert by_table(vacuum(lake.catalog))["gold.p"].files == 2
    assert lake.catalog.open("gold.p").to_pyarrow_table().sort_by("n")["part"].to_pylist() == ["a b", "ü%/x"]
    assert vacuum(lake.catalog, retention_hours=0)[0].files == 0


def test_an_object_store_is_listed_and_deleted_from(lake, monkeypatch):
    # The file system that tables in an object store are reached through, over a folder.
    def store(table):
        return pafs.PyFileSystem(DeltaStorageHandler(Path(unquote(table.table_uri.removeprefix("file://"))).as_uri()))

    lake.catalog.open("gold.c").delete("n = 2")
    for name in ("lakehouse.delta.store.delete", "lakehouse.release.vacuum"):
        monkeypatch.setattr(f"{name}.table_store", store)
    found = by_table(vacuum(lake.catalog))["gold.c"]
    assert (found.files, found.change_files) == (1, 1)
    assert stored(lake, "gold.c") == files(lake, "gold.c")


def test_a_lake_of_another_tool_is_vacuumed_too(tmp_path):
    lake = lake_at(tmp_path)
    write(lake, "gold.x", ROWS)
    write(lake, "gold.x", ROWS, mode="overwrite")
    assert vacuum(lake.catalog)[0].files == 1
    assert DeltaTable(lake.catalog.table_uri("gold.x")).to_pyarrow_table().num_rows == 3


def test_the_vacuum_of_delta_rs_does_not_keep_what_this_one_keeps(lake):
    lake.catalog.open("bronze.a").delete("n = 2")
    table = lake.catalog.open("bronze.a")
    folder = Path(lake.catalog.table_uri("bronze.a"))
    (changes,) = folder.glob("_change_data/*.parquet")
    pq.write_table(ROWS, folder / "orphan.parquet")

    def required():
        return list(required_versions(lake.catalog)["bronze.a"].by_version)

    def listed(hours, kept):
        found = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=True, keep_versions=kept)
        return {Path(path).name for path in found}

    # With no age, orphans of a moment ago go, and changes that silver.b has yet to read.
    assert listed(0, required()) == {"orphan.parquet", changes.name}
    # With one, files of versions that nobody needs stay as long.
    rewritten(lake, "bronze.a", "a2")
    table = lake.catalog.open("bronze.a")
    for name in ("silver.b", "gold.c"):
        rewritten(lake, name, name, inputs={"silver.b": 2} if name == "gold.c" else {"bronze.a": 3})
    assert by_table(vacuum(lake.catalog, dry_run=True))["bronze.a"].files == 2
    assert listed(168, required()) == set()
    # What is committed after the table was opened counts as orphans.
    kept = required()
    write(lake, "bronze.a", ROWS, note("bronze.a", digest="a3"))
    assert files(lake, "bronze.a") - {Path(uri).name for uri in table.file_uris()} <= listed(0, kept)
