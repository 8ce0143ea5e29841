from __future__ import annotations

import json

import pytest

from lakehouse.retraction.quarantine_cleanup import clear_quarantine, delete_retracted_rows
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.lakes import lake_at, note, quarantine, rows, write

A, B, CUT = "aa" * 16, "bb" * 16, "cc" * 16


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "bronze.pages", rows([A, B], source="src"), note("bronze.pages"))
    write(made, "silver.pieces", rows([CUT], [[A]]), note("silver.pieces", inputs={"bronze.pages": 0}))
    return made


def row(name, **fields):
    return {"sample_id": name, "source": "beta", "license": "MIT", "uri": "site/x", "parent_ids": [], **fields}


def held(lake):
    """Return the ids of the rows that are in the quarantine, None for an origin that was processed again."""
    found = (item["row"] for item in lake.table("ledger.quarantine").to_pylist())
    return sorted((json.loads(text)["sample_id"] if text else None for text in found), key=str)


def test_where_nothing_is_retracted_or_quarantined_nothing_is_done(lake):
    assert not delete_retracted_rows(lake.project)
    retract(lake.project, RetractionRequest("source", ["alpha"], reason="asked"))
    assert not delete_retracted_rows(lake.project)
    other = lake_at(lake.config.root / "other")
    quarantine(other, "silver.texts", "one", (None, "a bad word", row("x")))
    assert not delete_retracted_rows(other.project)
    assert held(other) == ["x"]


def test_what_an_order_matches_or_was_made_from_it_goes_once_for_each_order(lake):
    gone = [
        (None, row("by-source", source="alpha")),
        (None, row("by-licence", license="GPL-3.0-only")),
        (None, row("by-joined-licence", license="GPL-3.0-only AND MIT")),
        (None, row("by-address", uri="https://site.example/a")),
        (None, row(A)),
        (A, row("by-origin")),
        (None, row("by-parent", parent_ids=[B, CUT])),
        (None, row("by-content", content_id=A)),
    ]
    kept = [
        (None, row("other")),
        (B, row("other-origin", uri="https://other.example/https://site.example/")),
        (None, row("other-licence", license="LGPL-3.0-only")),
        (None, {"sample_id": "bare"}),
        (None, {"sample_id": "odd", "source": None, "parent_ids": None}),
    ]
    quarantine(lake, "silver.texts", "one", *((origin, "a bad word", made) for origin, made in [*gone, *kept]))
    quarantine(lake, "silver.texts", "two", (A, "processed again", None))
    for kind, value in (
        ("source", "alpha"),
        ("license", "GPL-3.0-only"),
        ("uri", "https://site.example/*"),
        ("id", A),
    ):
        retract(lake.project, RetractionRequest(kind, [value], reason="asked", scope="origin"))
    assert delete_retracted_rows(lake.project)
    left = sorted([None, *(made["sample_id"] for _, made in kept)], key=str)
    assert held(lake) == left

    # Done for these orders: not again, unless a run that did not know them has quarantined rows since.
    assert not delete_retracted_rows(lake.project)
    quarantine(lake, "silver.texts", "late", (A, "a bad word", row("late")))
    assert not delete_retracted_rows(lake.project)
    assert delete_retracted_rows(lake.project, repeat=True)
    assert held(lake) == left
    quarantine(lake, "silver.texts", "later", (A, "a bad word", row("later")))
    assert delete_retracted_rows(lake.project, repeat=True)
    assert held(lake) == left


def test_the_rows_of_an_order_that_a_later_attempt_quarantined_are_deleted_again(lake):
    order = retract(lake.project, RetractionRequest("id", [A], reason="asked")).order
    assert clear_quarantine(lake.project, order)
    quarantine(lake, "silver.texts", "one", (A, "a bad word", row("one")), (B, "a bad word", row("two")))
    delete_retracted_rows(lake.project)
    quarantine(lake, "silver.texts", "late", (A, "a bad word", row("late")))
    assert not delete_retracted_rows(lake.project)
    assert clear_quarantine(lake.project, order)
    assert held(lake) == ["two"]
