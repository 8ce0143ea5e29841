"""Which files a compaction rewrites; `tests/lakehouse/spark/test_replace_files.py` has the commit itself."""

from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import ADDRESSES_FILES, Table
from lakehouse.delta.append import append_rows
from lakehouse.errors import CollisionError, TableNotFoundError, UsageError
from lakehouse.release import optimize as module
from lakehouse.release.optimize import optimize
from tests.lakehouse.lakes import lake_at, note, write

N = Column("n", pa.int64(), "Number.", nullable=False)


def contract(name="gold.things", **fields):
    return Table(name, doc="A thing.", columns=[N, *fields.pop("columns", [])], key=["n"], **fields)


@pytest.fixture
def lake(tmp_path, monkeypatch):
    """A lake whose one table has three small files; its contract is declared."""
    made = lake_at(tmp_path / "lake")
    for numbers in ([1, 2], [3], [4]):
        append_rows(made.catalog, contract(), pa.table({"n": pa.array(numbers, pa.int64())}))
    monkeypatch.setitem(made.project.registry.tables, "gold.things", contract(cluster_by=["n"]))
    return made


def planned(lake, **options):
    return {item.table: item for item in optimize(lake.project, dry_run=True, **options)}


def test_small_files_are_planned_in_the_order_of_the_clustering(lake):
    item = planned(lake)["gold.things"]
    assert (item.files, item.files_after, len(item.steps), item.reason) == (3, 1, 1, "")
    actions = pa.table(lake.catalog.open("gold.things").get_add_actions(flatten=True)).sort_by("min.n")
    assert list(item.steps[0].paths) == actions["path"].to_pylist()
    assert item.bytes == sum(actions["size_bytes"].to_pylist())
    assert item.as_dict()["files_after"] == 1


def test_files_near_the_target_size_are_left(lake):
    size = max(pa.table(lake.catalog.open("gold.things").get_add_actions(flatten=True))["size_bytes"].to_pylist())
    assert planned(lake, target_bytes=size)["gold.things"].reason == "there is nothing to gain"


def test_a_table_without_a_contract_or_with_another_one_is_left(lake, monkeypatch):
    write(lake, "gold.other", pa.table({"n": [1]}))
    assert planned(lake)["gold.other"].reason.startswith("no contract declares it")
    tables = lake.project.registry.tables
    monkeypatch.setitem(tables, "gold.things", contract(columns=[Column("new", pa.string(), "New.")]))
    assert planned(lake)["gold.things"].reason.startswith("its contract has changed; run its flow first")
    monkeypatch.setitem(
        tables, "gold.things", contract(columns=[Column("part", pa.string(), "Part.")], partition_by=["part"])
    )
    assert planned(lake)["gold.things"].reason == "its writer determines its files"


def test_a_table_whose_files_another_ones_rows_name_is_compacted_only_by_name(lake):
    write(lake, "gold.addresses", pa.table({"n": [1]}), note("gold.addresses", inputs={"gold.things": 3}))
    addresses = lake.catalog.open("gold.addresses")
    addresses.alter.set_table_properties({ADDRESSES_FILES: "true"}, raise_if_not_exists=False)
    assert planned(lake)["gold.things"].reason.startswith("gold.addresses names its files")
    assert planned(lake, tables=["gold.things"])["gold.things"].steps


def test_wrong_arguments_are_refused(lake):
    with pytest.raises(UsageError, match="not possible"):
        optimize(lake.project, target_bytes=0)
    with pytest.raises(TableNotFoundError, match=r"did you mean gold\.things"):
        optimize(lake.project, ["gold.thing"])


@pytest.mark.parametrize("lost", [1, 9])
def test_after_a_conflict_the_table_is_planned_again(lake, monkeypatch, lost):
    calls = []

    def replaced(session, catalog, table, paths, files):
        calls.append(paths)
        if len(calls) <= lost:
            append_rows(catalog, table, pa.table({"n": pa.array([10 + len(calls)], pa.int64())}))
            raise CollisionError("files were removed meanwhile", "it is planned again")
        return 7

    class Session:
        def newSession(self):  # noqa: N802 - Spark's name
            return self

    monkeypatch.setattr(module, "replace_files", replaced)
    monkeypatch.setattr(module, "start", lambda *_: Session())
    (item,) = optimize(lake.project, ["gold.things"])
    if lost == 1:
        assert (item.version, item.failed, [len(paths) for paths in calls]) == (7, False, [3, 4])
    else:
        assert (item.version, item.failed, len(calls)) == (None, True, 3)
        assert item.reason == "other writers committed first each time"
