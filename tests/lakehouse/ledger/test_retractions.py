"""Orders in the ledger: numbers, states and which rows they concern."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import write_deltalake

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.errors import CollisionError
from lakehouse.ledger import retractions, tables
from lakehouse.ledger.retractions import (
    ORDERED,
    PURGED,
    Retraction,
    Retractions,
    append_order,
    current,
    load_retractions,
    pattern,
    reopen_orders,
    revision,
    update_order,
)
from tests.lakehouse.lakes import lake_at, note

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
PAGES = Table("bronze.pages", doc="A page.", columns=[ID], key=["sample_id"])
COUNTS = Table("gold.counts", doc="A count.", columns=[Column("n", pa.int64(), "N.", nullable=False)], key=["n"])


def order(value="alpha", *, purge=False, searched=None, matched=None):
    return Retraction(
        ordinal=0, retraction_id=f"id-{value}", kind="source", value=value, scope="origin", reason="why", purge=purge,
        searched_versions=searched or {}, matched=matched or {}, releases=("mix-1",), state=ORDERED, at=datetime.now(UTC),
    )  # fmt: skip


@pytest.fixture
def catalog(tmp_path):
    return lake_at(tmp_path / "lake").catalog


def test_a_lake_without_orders_has_none(catalog):
    assert load_retractions(catalog) == Retractions()
    assert Retractions().ordinal == 0


def test_orders_are_numbered_and_read_back(catalog):
    first = append_order(catalog, order("alpha", searched={"bronze.pages": 3}, matched={"bronze.pages": 2}))
    second = append_order(catalog, order("beta"))
    assert (first.ordinal, second.ordinal) == (1, 2)
    found = load_retractions(catalog)
    assert found.orders == (first, second)
    assert found.values("source") == ["alpha", "beta"]
    assert found.values("license") == []


def test_orders_given_at_once_take_different_numbers(catalog):
    append_order(catalog, order())
    made = []
    threads = [threading.Thread(target=lambda v=v: made.append(append_order(catalog, order(v)))) for v in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(item.ordinal for item in made) == [2, 3, 4, 5]
    assert sorted(item.value for item in load_retractions(catalog).orders) == ["a", "alpha", "b", "c", "d"]


def test_an_order_changes_only_as_it_was_when_it_was_read(catalog):
    made = append_order(catalog, order(purge=True))
    number = revision(catalog, made)
    assert number == 0
    assert update_order(catalog, made, number, tables=("bronze.pages",))
    assert not update_order(catalog, made, number, state=PURGED)
    assert current(catalog, made).tables == ("bronze.pages",)
    assert current(catalog, made).to_purge
    assert update_order(catalog, made, revision(catalog, made), state=PURGED)
    assert (current(catalog, made).state, current(catalog, made).tables) == (PURGED, ("bronze.pages",))
    assert not current(catalog, made).to_purge


def test_orders_of_an_older_ledger_are_read(catalog):
    made = append_order(catalog, order(purge=True, searched={"bronze.pages": 3}))
    rows = pa.table(catalog.open(tables.retractions.name).to_pyarrow_table())
    names = ["looked" if name == "searched_versions" else name for name in rows.column_names]
    older = rows.rename_columns(names).drop_columns(["derived", "run_id", "files"])
    write_deltalake(catalog.table_uri(tables.retractions.name), older, mode="overwrite", schema_mode="overwrite")
    assert load_retractions(catalog).orders == (made,)
    assert update_order(catalog, made, revision(catalog, made), state=PURGED, run_id="run-2", files=3)
    (purged,) = load_retractions(catalog).orders
    assert (purged.searched_versions, purged.derived) == ({"bronze.pages": 3}, {})
    assert (purged.run_id, purged.files) == ("run-2", 3)


def test_an_order_concerns_rows_that_matched_or_came_after_the_search():
    searched = replace(order(searched={"bronze.pages": 3}), ordinal=1)
    made = Retractions((searched, replace(order(searched={"bronze.pages": 9}, matched={"bronze.pages": 1}), ordinal=2)))
    before, after = note("bronze.pages"), note("bronze.pages", retraction=2)
    assert [o.ordinal for o in made.pending(PAGES, 4, before)] == [1, 2]
    assert [o.ordinal for o in made.pending(PAGES, 3, before)] == [2]
    assert made.pending(PAGES, 4, after) == []
    assert made.pending(COUNTS, 4, before) == []


def test_a_purge_is_reopened_where_rows_came_back(catalog):
    made = append_order(catalog, order(purge=True, searched={"bronze.pages": 3}))
    assert update_order(catalog, made, 0, state=PURGED)
    orders = load_retractions(catalog)
    reopen_orders(catalog, PAGES, 3, note("bronze.pages"), orders)
    assert current(catalog, made).state == PURGED
    reopen_orders(catalog, PAGES, 4, note("bronze.pages"), orders)
    assert current(catalog, made).state == ORDERED
    assert revision(catalog, made) == 2


def test_reopening_a_purge_gives_up_where_others_come_first_each_time(catalog, monkeypatch):
    made = append_order(catalog, order(purge=True, searched={"bronze.pages": 3}))
    monkeypatch.setattr(retractions, "update_order", lambda *_, **__: False)
    with pytest.raises(CollisionError, match="retraction 1 could not be reopened"):
        reopen_orders(catalog, PAGES, 4, note("bronze.pages"), Retractions((made,)))


@pytest.mark.parametrize(
    ("glob", "text", "wanted"),
    [
        ("https://a/*", "https://a/b/c", True),
        ("https://a/?", "https://a/b", True),
        ("https://a/?", "https://a/bc", False),
        ("a.c", "abc", False),
        ("*[x]*", "1[x]2", True),
        ("*", "two\nlines", True),
        ("two", "two\n", False),
    ],
)
def test_patterns(glob, text, wanted):
    assert pc.match_substring_regex(pa.array([text]), pattern(glob)).to_pylist() == [wanted]
