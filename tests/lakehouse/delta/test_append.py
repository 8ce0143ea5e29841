from __future__ import annotations

import threading

import pyarrow as pa
import pytest
from deltalake.exceptions import CommitFailedError

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta import append as module
from lakehouse.delta.append import add_columns, append_once, append_rows, create, set_properties
from lakehouse.delta.catalog import FORMAT, FORMAT_PROPERTY, Catalog
from lakehouse.delta.file_actions import columns_in_log
from lakehouse.errors import LakeError

N, TEXT = Column("n", pa.int64(), "Number.", nullable=False), Column("text", pa.string(), "Text.")
THINGS = Table("ledger.things", doc="A thing.", columns=[N, TEXT], key=["n"])


def rows(*numbers):
    return pa.table({"text": [f"text {n}" for n in numbers], "n": pa.array(numbers, pa.int32())})


@pytest.fixture
def catalog(tmp_path):
    return Catalog(str(tmp_path / "lake"))


def numbers(catalog):
    return sorted(catalog.open("ledger.things").to_pyarrow_table()["n"].to_pylist())


def test_a_table_is_created_once_with_its_contract_s_properties(catalog):
    create(catalog, THINGS)
    create(catalog, THINGS)
    table = catalog.open("ledger.things")
    assert table.version() == 0
    assert table.metadata().configuration.items() >= {**THINGS.table_properties(), FORMAT_PROPERTY: str(FORMAT)}.items()


def test_columns_are_cast_and_ordered_and_their_values_are_not_in_the_log(catalog):
    assert append_rows(catalog, THINGS, rows(1, 2)) == 1
    table = catalog.open("ledger.things").to_pyarrow_table()
    assert table.column_names == ["n", "text"]
    assert numbers(catalog) == [1, 2]
    assert columns_in_log(catalog.open("ledger.things")) == {"n"}


def test_a_number_of_a_transaction_is_used_once(catalog):
    assert append_once(catalog, THINGS, rows(1), {"a": 2, "b": 1})
    assert not append_once(catalog, THINGS, rows(2), {"a": 2})
    assert not append_once(catalog, THINGS, rows(2), {"a": 1, "c": 9})
    assert append_once(catalog, THINGS, rows(3), {"a": 3})
    assert numbers(catalog) == [1, 3]


def test_of_writers_of_one_number_one_wins(catalog):
    create(catalog, THINGS)
    won = []
    barrier = threading.Barrier(4)

    def write(number):
        barrier.wait()
        if append_once(catalog, THINGS, rows(number), {"a": 1}):
            won.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers(catalog) == won
    assert len(won) == 1


@pytest.mark.parametrize("failures", [2, 1000])
def test_a_conflict_is_tried_again_up_to_a_limit(catalog, monkeypatch, failures):
    create(catalog, THINGS)
    real, calls = module.write_deltalake, []

    def contested(*args, **kwargs):
        calls.append(1)
        if len(calls) <= failures:
            raise CommitFailedError("another version came first")
        return real(*args, **kwargs)

    monkeypatch.setattr(module, "write_deltalake", contested)
    if failures == 2:
        assert append_once(catalog, THINGS, rows(1), {})
        assert numbers(catalog) == [1]
    else:
        with pytest.raises(LakeError, match="other writers committed first"):
            append_once(catalog, THINGS, rows(1), {})
        assert numbers(catalog) == []


def test_a_table_gains_columns_and_properties_of_its_contract(catalog):
    append_rows(catalog, THINGS, rows(1))
    more = Column("more", pa.string(), "More.")
    grown = Table("ledger.things", doc="A thing.", columns=[N, TEXT, more], key=["n"], cluster_by=["more"])
    set_properties(catalog, grown)  # of a column that is not stored yet no statistics are asked for
    statistics = "delta.dataSkippingStatsColumns"
    assert catalog.open("ledger.things").metadata().configuration[statistics] == "n"
    add_columns(catalog, grown, ["more"])
    add_columns(catalog, grown, ["more"])
    table = catalog.open("ledger.things")
    assert table.metadata().configuration[statistics] == "n,more"
    assert table.to_pyarrow_table().to_pylist() == [{"n": 1, "text": "text 1", "more": None}]
    version = table.version()
    set_properties(catalog, grown)
    assert catalog.open("ledger.things").version() == version
