from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import CommitProperties, DeltaTable, write_deltalake

from lakehouse.delta.append import create
from lakehouse.delta.data_version import read_data_version
from lakehouse.delta.log import read_log
from lakehouse.delta.store.table_folder import table_folder
from lakehouse.errors import LakeError, TableNotFoundError
from lakehouse.ledger.tables import runs
from lakehouse.plan.table_state import TableStates
from tests.lakehouse.lakes import lake_at, newer, note, write

ROWS = pa.table({"n": [1]})


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "a lake")


def logs(lake, name):
    return Path(lake.catalog.table_uri(name)) / "_delta_log"


def same_as_opened(lake, name):
    log, table = read_log(table_folder(lake.catalog.table_uri(name))), DeltaTable(lake.catalog.table_uri(name))
    assert log is not None
    assert (log.version, log.identity, log.properties) == (
        table.version(),
        table.metadata().id,
        table.metadata().configuration,
    )
    return log


def test_it_tells_what_opening_tells_with_and_without_checkpoints(lake):
    create(lake.catalog, runs)
    same_as_opened(lake, runs.name)
    for number in range(12):
        write(lake, "gold.c", ROWS, note("gold.c", f"run-{number}"))
        if number in {4, 9}:
            DeltaTable(lake.catalog.table_uri("gold.c")).create_checkpoint()
        same_as_opened(lake, "gold.c")
    log = same_as_opened(lake, "gold.c")
    assert [commit.version for commit in log.tail] == [10, 11]
    assert [commit.version for commit in log.commits()] == list(range(11, -1, -1))
    DeltaTable(lake.catalog.table_uri("gold.c")).alter.set_table_properties({"delta.appendOnly": "false"})
    assert same_as_opened(lake, "gold.c").properties["delta.appendOnly"] == "false"


def test_a_checkpoint_that_is_the_newest_version(lake):
    write(lake, "gold.c", ROWS)
    DeltaTable(lake.catalog.table_uri("gold.c")).create_checkpoint()
    assert same_as_opened(lake, "gold.c").tail == ()


def test_no_table_and_layouts_that_it_does_not_know_are_left_to_others(lake):
    assert read_log(table_folder(lake.catalog.table_uri("gold.c"))) is None
    with pytest.raises(TableNotFoundError):
        lake.catalog.log("gold.c")
    write(lake, "gold.c", ROWS)
    DeltaTable(lake.catalog.table_uri("gold.c")).create_checkpoint()
    hint = logs(lake, "gold.c") / "_last_checkpoint"
    pointer = json.loads(hint.read_text())
    hint.write_text(json.dumps({**pointer, "parts": 2}))
    assert read_log(table_folder(lake.catalog.table_uri("gold.c"))) is None
    # A hint older than the log's oldest file names a version after which nothing can be found.
    hint.write_text(json.dumps({**pointer, "version": 40}))
    assert read_log(table_folder(lake.catalog.table_uri("gold.c"))) is None


def test_a_newer_format_and_a_damaged_log_are_refused(lake):
    newer(lake, "gold.new")
    with pytest.raises(LakeError, match="format 9"):
        lake.catalog.log("gold.new")
    write(lake, "gold.c", ROWS)
    write(lake, "gold.c", ROWS)
    newest = logs(lake, "gold.c") / f"{1:020d}.json"
    whole = newest.read_text()
    for length in range(0, whole.index("\n"), 7):
        newest.write_text(whole[:length])
        with pytest.raises(LakeError, match=r"gold\.c"):
            TableStates(lake.project).version("gold.c")


@pytest.mark.parametrize("checkpoint", [False, True])
@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"minReaderVersion": 3, "readerFeatures": ["quantumRows"], "writerFeatures": ["quantumRows"]}, "quantumRows"),
        ({"minReaderVersion": 4}, "minimum reader version 4"),
    ],
)
def test_a_table_that_asks_for_what_no_reader_here_knows_is_refused_by_a_plan_too(lake, asked, says, checkpoint):
    noted(lake)
    if checkpoint:
        DeltaTable(lake.catalog.table_uri("gold.c")).create_checkpoint()
    protocol = {"minWriterVersion": 7 if "readerFeatures" in asked else 2, **asked}
    lines = [{"commitInfo": {"timestamp": 1}}, {"protocol": protocol}]
    (logs(lake, "gold.c") / f"{1:020d}.json").write_text("".join(json.dumps(line) + "\n" for line in lines))
    for look in (lake.catalog.open, lake.table, TableStates(lake.project).version):
        with pytest.raises(LakeError, match=rf"gold\.c cannot be read: it needs Delta's .*{says}.* newer mixlake"):
            look("gold.c")


def noted(lake, **fields):
    write(lake, "gold.c", ROWS, note("gold.c", **fields))


def stands(lake):
    return read_data_version(lake.catalog.log("gold.c"))


def test_maintenance_changes_no_rows(lake):
    noted(lake)
    noted(lake)
    write(lake, "gold.c", ROWS.slice(0, 0), note("gold.c", "run-no-op", changed=False))
    before = stands(lake)
    assert (before.changed, before.note[0], before.external_writes) == (1, 2, ())
    table = DeltaTable(lake.catalog.table_uri("gold.c"))
    table.optimize.compact()
    table.optimize.z_order(["n"])
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    table.alter.set_table_properties({"delta.logRetentionDuration": "interval 3 days"})
    table.alter.set_table_description("by hand")
    table.create_checkpoint()
    assert table.version() > 4
    assert stands(lake) == before


def test_rows_changed_by_something_else_are_told(lake):
    noted(lake)
    write(lake, "gold.c", ROWS)
    DeltaTable(lake.catalog.table_uri("gold.c")).optimize.compact()
    DeltaTable(lake.catalog.table_uri("gold.c")).delete("n = 1")
    found = stands(lake)
    assert [commit.version for commit in found.external_writes] == [3, 1]
    assert (found.note[0], found.changed) == (0, 3)
    noted(lake)
    assert stands(lake).external_writes == ()


def test_rows_changed_while_a_flow_ran_are_told(lake):
    noted(lake)
    write(lake, "gold.c", ROWS)
    noted(lake, base_version=0)
    found = stands(lake)
    assert [commit.version for commit in found.external_writes] == [1]
    assert (found.note[0], found.changed) == (2, 2)
    noted(lake, base_version=2)
    assert stands(lake).external_writes == ()


def test_a_table_without_notes_counts_by_its_last_change(lake):
    write(lake, "gold.c", ROWS)
    write(lake, "gold.c", ROWS)
    DeltaTable(lake.catalog.table_uri("gold.c")).optimize.compact()
    found = stands(lake)
    assert (found.note, found.changed) == (None, 1)


def test_where_the_log_does_not_reach_back_the_last_change_was_before_it(lake):
    for _ in range(4):
        noted(lake)
    write(lake, "gold.c", ROWS.slice(0, 0), note("gold.c", changed=False))
    DeltaTable(lake.catalog.table_uri("gold.c")).create_checkpoint()
    for version in range(4):
        (logs(lake, "gold.c") / f"{version:020d}.json").unlink()
    assert stands(lake).changed == 3


def test_words_in_the_data_do_not_pass_for_changes(lake):
    rows = pa.table({"text": ['{"dataChange":true}', '"dataChange": true']})
    noted(lake)
    other = lake.catalog.table_uri("gold.d")
    write(lake, "gold.d", rows, note("gold.d"))
    write_deltalake(
        other, rows, mode="append", commit_properties=CommitProperties(custom_metadata={"x": '"dataChange":true'})
    )
    DeltaTable(other).optimize.compact(commit_properties=CommitProperties(custom_metadata={"x": '"dataChange":true'}))
    found = read_data_version(lake.catalog.log("gold.d"))
    assert [commit.version for commit in found.external_writes] == [1]


def test_commits_made_while_the_log_is_read_are_no_gap(lake):
    write(lake, "gold.c", ROWS)
    log = logs(lake, "gold.c")

    class Busy:
        """A store in which two more commits appear as soon as the first of them was not found."""

        def __init__(self, store):
            self._store = store

        def open_input_file(self, path):
            try:
                return self._store.open_input_file(path)
            except FileNotFoundError:
                for version in (1, 2) if path.endswith(f"{1:020d}.json") else ():
                    (log / f"{version:020d}.json").write_text('{"commitInfo":{"timestamp":1}}')
                raise

        def get_file_info(self, path):
            return self._store.get_file_info(path)

    assert read_log(Busy(table_folder(lake.catalog.table_uri("gold.c")))).version == 2
    (log / f"{1:020d}.json").unlink()
    with pytest.raises(ValueError, match=r"1\.json is missing"):
        read_log(table_folder(lake.catalog.table_uri("gold.c")))
