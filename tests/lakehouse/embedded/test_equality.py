from __future__ import annotations

import json

import pytest

from lakehouse.delta.catalog import Catalog
from lakehouse.delta.history import newest_note
from lakehouse.errors import TableNotFoundError
from lakehouse.retraction.retract import RetractionRequest, retract
from tests.lakehouse.embedded import made

TABLES = ("bronze.docs", "bronze.notes", "silver.facts", "silver.words", "gold.sizes")
ENGINES = ("embedded", "spark")
VOLATILE = ("run_id", "at")


def noted(catalog, table):
    """Return what a note says that does not differ from run to run."""
    _, note = newest_note(catalog.open(table))
    names = (
        "digest",
        "counts",
        "reasons",
        "mode",
        "changed",
        "has_quarantined",
        "quarantine",
        "retraction",
        "kind",
        "code",
    )
    return {name: getattr(note, name) for name in names}


def rows(catalog, table, leave=VOLATILE):
    found = catalog.open(table).to_pyarrow_table().to_pylist()
    return sorted(
        repr(
            {
                name: value
                for name, value in row.items()
                if name not in leave or (table == "silver.facts" and name == "at")
            }
        )
        for row in found
    )


def quarantined(catalog):
    try:
        found = catalog.open("ledger.quarantine").to_pyarrow_table().to_pylist()
    except TableNotFoundError:
        return []
    values = []
    for row in found:
        body = row["row"] and {name: value for name, value in json.loads(row["row"]).items() if name != "run_id"}
        values.append((row["table"], row["attempt"], row["flow"], row["reason"], row["sample_id"], row["origin"], body))
    return sorted(values, key=repr)


@pytest.fixture
def both(project, monkeypatch, spark):
    """Return a function that runs the project once with each engine, and compares what they made."""
    made.write(project)

    def run(**options):
        results = []
        for engine in ENGINES:
            monkeypatch.setenv("MIXLAKE_ENGINE", engine)
            outcomes = project.run(lake=engine, **options)
            assert {str(outcome.error) for outcome in outcomes.values()} == {"None"}, engine
            catalog = Catalog(str(project.root / engine))
            results.append(
                {
                    "outcomes": {name: (outcome.status, outcome.version) for name, outcome in outcomes.items()},
                    "notes": {table: noted(catalog, table) for table in TABLES},
                    "rows": {table: rows(catalog, table) for table in TABLES},
                    "quarantine": quarantined(catalog),
                }
            )
        ours, theirs = results
        for what in theirs:
            if isinstance(theirs[what], dict):
                for name, value in theirs[what].items():
                    assert ours[what][name] == value, (what, name)
            assert ours[what] == theirs[what], what
        return ours

    return run


def order(project, kind, value):
    """Order the same retraction in both lakes."""
    for engine in ENGINES:
        retract(project.lake(engine).project, RetractionRequest(kind, (value,), reason="why"))


@pytest.mark.slow
def test_both_engines_make_the_same_of_each_kind_of_change(project, both):
    first = both()
    assert first["notes"]["silver.facts"]["reasons"] == {"bad": 1, "it is short": 2, 'the "score" is no ä': 1}
    assert first["notes"]["silver.words"]["reasons"] == {"it is no number": 2}

    # Orders alone: the rows go, and nothing is computed.
    order(project, "source", "ä𝔸")
    order(project, "license", "GPL-3.0")
    second = both()
    assert second["notes"]["silver.facts"]["counts"]["read"] == 0
    assert second["notes"]["silver.facts"]["counts"]["deleted"] == 2
    assert second["notes"]["silver.words"]["retraction"] == 2

    # Changed, gone, new and retracted rows; one moves to another partition, a good one becomes bad and a bad one good.
    docs = made.ModuleText(made.DOCS).replace("hello world", "minus").replace("e|s2|MIT|minus", "e|s2|MIT|plus")
    docs = docs.replace("b|s1|MIT|two 1 words\n", "").replace("f|s3|MIT|bad one", "f|s3|MIT|bad two 2")
    docs += "new|s1|MIT|new\nlate|ä𝔸|MIT|late\n"
    made.land(project, docs, made.ModuleText(made.NOTES).replace("n1|s1", "n1|s9") + "n4|s1|MIT|1\n")
    third = both()
    assert third["notes"]["silver.facts"]["mode"] == third["notes"]["silver.words"]["mode"] == "incremental"
    assert third["notes"]["silver.facts"]["counts"]["deleted"] == 2
    assert any(row[3] == "processed again" for row in third["quarantine"])
    assert both(retry=True)["notes"]["silver.facts"]["counts"]["read"] > 0

    # Another code computes all rows again, without those that are retracted.
    project.module("flows", made.FLOWS.replace('MARK = "!"', 'MARK = "?"'))
    last = both()
    assert last["notes"]["silver.facts"]["mode"] == "full"
    assert not any("ä𝔸" in row for row in last["rows"]["silver.facts"])
