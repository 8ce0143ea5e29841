from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from deltalake import QueryBuilder, write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.append import create
from lakehouse.delta.commit_note import NotedVersion
from lakehouse.delta.content_digest import Digest
from lakehouse.errors import CollisionError, ContractError
from lakehouse.execute.target import inspect_target
from tests.lakehouse.execute.executions import FLOW, LINES, execution
from tests.lakehouse.lakes import lake_at, note, noted, write

ROWS = pa.table({"id": ["a"], "text": ["x"]})
NOTE = note(LINES.name, key=("id",), digest=str(Digest(1, 7)))


def written(tmp_path, *, external=False):
    one = execution(tmp_path, last=False)
    lake = lake_at(tmp_path / "lake")
    write(lake, LINES.name, ROWS, NOTE)
    if external:
        write(lake, LINES.name, ROWS)
    return one.project.catalog, replace(one.flow_plan, last=NotedVersion(1, NOTE))


def test_a_table_that_was_never_written_is_made_and_empty(tmp_path):
    one = execution(tmp_path, last=False)
    state = inspect_target(one.project.catalog, one.flow_plan)
    assert (state.version, state.digest, state.fits_contract, state.replace_whole) == (0, Digest(), True, False)
    assert state.transaction == 1


def test_the_last_note_speaks_for_the_rows(tmp_path):
    catalog, item = written(tmp_path)
    state = inspect_target(catalog, item)
    assert (state.version, state.digest, state.external_writes) == (1, Digest(1, 7), False)


def test_of_a_digest_of_an_older_form_the_rows_count(tmp_path):
    catalog, item = written(tmp_path)
    write(lake_at(tmp_path / "lake"), LINES.name, ROWS, older := replace(NOTE, digest=f"2-{7:032x}"))
    state = inspect_target(catalog, replace(item, last=NotedVersion(2, older)))
    assert (state.digest.rows, state.digest.comparable) == (2, False)


def test_rows_that_something_else_changed_are_planned_first(tmp_path):
    catalog, item = written(tmp_path, external=True)
    with pytest.raises(CollisionError, match="changed since it was planned"):
        inspect_target(catalog, item)


def test_a_commit_that_the_plan_did_not_see_is_a_collision(tmp_path):
    catalog, item = written(tmp_path)
    with pytest.raises(CollisionError, match="another run committed"):
        inspect_target(catalog, replace(item, last=None))


def test_a_contract_that_stored_rows_do_not_fit_needs_to_be_migrated(tmp_path):
    catalog, item = written(tmp_path)
    columns = [LINES.columns[0], Column("text", pa.int64(), "Text.")]
    changed = Table(LINES.name, doc="Lines.", columns=columns, key=["id"])
    item = replace(item, flow=replace(FLOW, writes=changed))
    with pytest.raises(ContractError, match="does not match its contract") as error:
        inspect_target(catalog, item)
    assert "--migrate" in error.value.hint
    state = inspect_target(catalog, item, migrate=True)
    assert (state.fits_contract, state.replace_whole) == (False, True)


def test_a_column_that_the_contract_gained_is_added(tmp_path):
    catalog, item = written(tmp_path)
    grown = Table(LINES.name, doc="Lines.", columns=[*LINES.columns, Column("n", pa.int64(), "N.")], key=["id"])
    state = inspect_target(catalog, replace(item, flow=replace(FLOW, writes=grown)))
    assert state.fits_contract
    assert [field.name for field in catalog.open(LINES.name).schema().fields] == ["id", "text", "n"]


def test_rows_of_another_key_are_replaced_whole(tmp_path):
    catalog, item = written(tmp_path)
    rekeyed = replace(FLOW, writes=replace(LINES, key=("text",)))
    with pytest.raises(ContractError, match="its key was id, and is now text"):
        inspect_target(catalog, replace(item, flow=rekeyed))


def renamed_lines(**options):
    columns = [LINES.columns[0], Column("words", pa.string(), "Text.", renamed_from="text")]
    return Table(LINES.name, doc="Lines.", columns=columns, key=["id"], **options)


def test_renaming_a_column_says_what_it_costs_where_the_format_has_no_other_way(tmp_path):
    catalog, item = written(tmp_path)
    item = replace(item, flow=replace(FLOW, writes=renamed_lines()))
    with pytest.raises(
        ContractError, match=r"renaming text to words writes its 1 rows anew \(0.0 MiB in 1 files\)"
    ) as error:
        inspect_target(catalog, item)
    assert "--migrate" in error.value.hint
    assert "delta.columnMapping.mode" in error.value.hint
    state = inspect_target(catalog, item, migrate=True)
    assert (state.fits_contract, state.replace_whole) == (False, True)
    assert [field.name for field in catalog.open(LINES.name).schema().fields] == ["id", "text"]


def test_a_table_with_column_mapping_is_renamed_without_writing_a_row(tmp_path):
    catalog = lake_at(tmp_path / "lake").catalog
    mapped = replace(LINES, properties=[("delta.columnMapping.mode", "name")])
    create(catalog, mapped)
    write_deltalake(catalog.open(LINES.name), ROWS, mode="append", commit_properties=noted(NOTE))
    files = catalog.open(LINES.name).file_uris()
    item = replace(execution(tmp_path).flow_plan, last=NotedVersion(1, NOTE))
    state = inspect_target(catalog, replace(item, flow=replace(FLOW, writes=renamed_lines())))
    assert (state.version, state.fits_contract, state.replace_whole, state.digest) == (2, True, False, Digest(1, 7))
    opened = catalog.open(LINES.name)
    assert opened.file_uris() == files
    assert pa.table(QueryBuilder().register("t", opened).execute("SELECT * FROM t")).to_pylist() == [
        {"id": "a", "words": "x"}
    ]


def test_a_key_that_was_renamed_is_the_same_key(tmp_path):
    catalog = lake_at(tmp_path / "lake").catalog
    create(catalog, replace(LINES, properties=[("delta.columnMapping.mode", "name")]))
    write_deltalake(catalog.open(LINES.name), ROWS, mode="append", commit_properties=noted(NOTE))
    columns = [Column("name", pa.string(), "Id.", nullable=False, renamed_from=["id"]), LINES.columns[1]]
    table = Table(LINES.name, doc="Lines.", columns=columns, key=["name"])
    item = replace(execution(tmp_path).flow_plan, last=NotedVersion(1, NOTE), flow=replace(FLOW, writes=table))
    state = inspect_target(catalog, item)
    assert (state.fits_contract, state.replace_whole) == (True, False)
    properties = catalog.open(LINES.name).metadata().configuration
    assert "name" in properties["delta.dataSkippingStatsColumns"]
