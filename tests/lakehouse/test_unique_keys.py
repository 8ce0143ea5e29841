"""A declared key is unique after every commit, whatever a flow returns; of a flow that breaks one nothing is stored."""

from __future__ import annotations

import json

import pytest

from tests.module_text import ModuleText

FLOWS = ModuleText("""
import hashlib
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

HERE = Path(__file__).parent.parent
S, I = pa.string(), pa.int64()


def table(name, key, columns):
    columns = {**columns, "run_id": S}
    own = {"sample_id", "parent_ids", "run_id"}
    made = [Column(n, t, "A column.", volatile=n == "run_id", lineage=n in own) for n, t in columns.items()]
    return Table(name, doc="A case.", columns=made, key=key)


def outside(params):
    return (HERE / "input.json").read_text()


pages = table("n.pages", ["sample_id"], {"sample_id": S, "text": S})
texts = table("n.texts", ["sample_id"], {"sample_id": S, "parent_ids": pa.list_(S), "text": S})
orders = table("n.orders", ["id"], {"id": I, "amount": I})
doubles = table("n.doubles", ["id"], {"id": I, "twice": I})
dropped = table("n.dropped", ["id"], {"id": I, "twice": I})
wrong = table("n.wrong", ["sample_id"], {"sample_id": S, "of": S})
totals = table("n.totals", ["text"], {"text": S, "n": I})


@flow(writes=pages, kind="landing", external=outside)
def land_pages(params):
    rows = json.loads(outside(None))["pages"]
    return pa.table({"sample_id": pa.array(rows.keys(), S), "text": pa.array(rows.values(), S)})


@flow(writes=orders, kind="landing", external=outside)
def land_orders(params):
    rows = json.loads(outside(None))["orders"]
    return pa.table({"id": pa.array(map(int, rows), I), "amount": pa.array(rows.values(), I)})


@flow(writes=texts, reads={"pages": pages}, source_key_sql="get(parent_ids, 0)")
def by_content(batch, params):
    names = pa.array([hashlib.md5(text.encode()).hexdigest() for text in batch["text"].to_pylist()])
    parents = pa.array([[page] for page in batch["sample_id"].to_pylist()], pa.list_(S))
    return pa.record_batch({"sample_id": names, "parent_ids": parents, "text": batch["text"]})


@flow(writes=doubles, reads={"orders": orders}, kind=KIND, refresh="merge", source_key="id", source_key_sql="id")
def double(orders, affected, params, RELATIONS):
    return SQL


@flow(writes=dropped, reads={"orders": orders}, kind=KIND, refresh="merge", surplus="drop", source_key="id",
      source_key_sql="id")
def drop(orders, affected, params, RELATIONS):
    return SQL


@flow(writes=wrong, reads={"pages": pages}, source_key_sql="of", rows="any")
def misname(batch, params):
    origins = (HERE / "origin.txt").read_text()
    ids = pc.binary_join_element_wise(batch["sample_id"], "x", "/")
    return pa.record_batch({"sample_id": ids, "of": pa.repeat(origins, len(ids)) if origins else batch["sample_id"]})


@flow(writes=totals, reads={"pages": pages}, kind="group", group_by=["text"])
def total(rows, params):
    text = (HERE / "group.txt").read_text() or rows["text"][0].as_py()
    return pa.table({"text": [text], "n": [rows.num_rows]})
""")
STATEMENT = "SELECT id, amount * 2 AS twice FROM orders"
KINDS = {
    "embedded": {
        "KIND": '"relational"',
        "RELATIONS": "relations",
        "SQL": f'relations.sql("{STATEMENT}", orders=orders)',
    },
    "spark": {"KIND": '"frame"', ", RELATIONS": "", "SQL": 'orders.selectExpr("id", "amount * 2 AS twice")'},
}
PAGES, ORDERS = {"u1": "hello", "u2": "world"}, {1: 5, 2: 7, 3: 1}


@pytest.fixture(params=["embedded", "spark"])
def lake(request, project):
    """Return a function that lands something else and runs some flows."""
    if request.param == "spark":
        request.getfixturevalue("spark")
    project.use(request.param)
    text = str(FLOWS)
    for name, value in KINDS[request.param].items():
        text = text.replace(name, value)
    project.module("flows", text)

    def run(*select, pages=None, orders=None, origin="", group="", **options):
        body = {"pages": PAGES if pages is None else pages, "orders": ORDERS if orders is None else orders}
        (project.root / "input.json").write_text(json.dumps(body))
        (project.root / "origin.txt").write_text(origin)
        (project.root / "group.txt").write_text(group)
        return {name: outcome for name, outcome in project.run(*select, **options).items() if name == select[-1]}.get(
            select[-1]
        )

    run.project = project
    return run


def values(project, name, *columns):
    return sorted(tuple(row[column] for column in columns) for row in project.rows(name))


def test_a_key_made_of_content_that_another_page_has_is_refused_with_both_pages(lake):
    select = ("n.pages", "n.texts")
    assert lake(*select).status == "done"
    more = {**PAGES, "u3": "hello"}
    refused = lake(*select, pages=more)
    assert refused.status == "failed"
    assert (
        "a second row of n.texts with the key sample_id='5d41402abc4b2a76b9719d911017c592': the new row is of "
        "sample_id='u3', the stored one of sample_id='u1'"
    ) in str(refused.error)
    assert values(lake.project, "n.texts", "text") == [("hello",), ("world",)]
    assert lake(*select, pages=more, full=True).status == "failed"
    assert "made from sample_id='u" in str(lake(*select, pages=more, full=True).error)
    # The text moves to another page, and the page that repeated it says something else.
    assert lake(*select, pages={"u2": "world", "u3": "hello", "u4": "more"}).status == "done"
    assert values(lake.project, "n.texts", "text", "parent_ids") == [
        ("hello", ["u3"]),
        ("more", ["u4"]),
        ("world", ["u2"]),
    ]


def test_a_merge_that_returns_more_than_the_affected_rows_is_refused_or_its_surplus_is_left_out(lake):
    select = ("n.orders", "n.dropped", "n.doubles")
    assert lake(*select).status == "done"
    more = {**ORDERS, 4: 9}
    refused = lake(*select, orders=more)
    assert refused.status == "failed"
    assert "of id=" in str(refused.error)
    assert 'surplus="drop"' in str(refused.error)
    assert values(lake.project, "n.doubles", "id", "twice") == [(1, 10), (2, 14), (3, 2)]
    assert values(lake.project, "n.dropped", "id", "twice") == [(1, 10), (2, 14), (3, 2), (4, 18)]
    lake(*select, orders={1: 5, 2: 8, 4: 9})
    assert values(lake.project, "n.dropped", "id", "twice") == [(1, 10), (2, 16), (4, 18)]
    assert lake(*select, orders=more, full=True).status == "done"
    assert values(lake.project, "n.doubles", "id", "twice") == [(1, 10), (2, 14), (3, 2), (4, 18)]


def test_an_operator_whose_rows_name_another_origin_is_refused(lake):
    select = ("n.pages", "n.wrong")
    assert "of sample_id='u7', which is not among" in str(lake(*select, origin="u7").error)
    assert lake(*select).status == "done"
    # Given before, but not now.
    refused = lake(*select, pages={**PAGES, "u3": "new"}, origin="u1")
    assert "of sample_id='u1', which is not among" in str(refused.error)
    assert values(lake.project, "n.wrong", "of") == [("u1",), ("u2",)]
    assert lake(*select, pages={**PAGES, "u3": "new"}).status == "done"


def test_a_group_that_returns_a_row_of_another_group_is_refused(lake):
    select = ("n.pages", "n.totals")
    assert lake(*select).status == "done"
    refused = lake(*select, pages={**PAGES, "u3": "new"}, group="hello")
    assert "returned a row of text='hello' for the group of text='" in str(refused.error)
    assert values(lake.project, "n.totals", "text", "n") == [("hello", 1), ("world", 1)]
