"""What became of the rows that flows read: each is counted, and counted once."""

from __future__ import annotations

import pytest

from lakehouse.query.connection import connect
from tests.lakehouse import words
from tests.lakehouse.lakes import query

ALL = 'SELECT "table", outcome, rule, sample_id FROM __outcomes.rows ORDER BY ALL'

SELECTING = (
    words.FLOWS.replace(
        'return pa.record_batch({"sample_id": batch["sample_id"], "text": text, "size": pc.utf8_length(text)})',
        """
    reject = pc.if_else(pc.starts_with(text, "Q"), "begins with a Q: " + "x", None)
    out = pa.record_batch({"sample_id": batch["sample_id"], "text": text, "size": pc.utf8_length(text), "_reject": reject})
    return out.filter(pc.invert(pc.starts_with(text, "Z")))""",
    )
    .replace(
        'params=Loudness, tags=["loud"])',
        'params=Loudness, tags=["loud"], rows="any", reject_tolerance=1.0)',
    )
    .replace('reads={"lines": lines}, params', 'reads={"lines": read(lines, where="text <> \'skip\'")}, params')
    .replace("from PACKAGE.tables", "from lakehouse.declare.reads import read\nfrom PACKAGE.tables")
)


def outcomes(project, table, at=None):
    rows = query(project.lake().project, ALL, at).to_pylist()
    return sorted((row["sample_id"], row["outcome"], row["rule"] or "") for row in rows if row["table"] == table)


@pytest.fixture
def lines(project):
    words.write(project, "a:hello|b:quiet|c:zoo|d:skip|e:")
    project.module("flows", SELECTING)
    project.run()
    return project


def test_every_row_that_an_operator_read_is_accounted_for_once(lines):
    assert outcomes(lines, "silver.shouts") == [
        ("a", "kept", ""),
        ("b", "quarantined", "begins with a Q: x"),
        ("c", "pruned", "the flow made nothing of it"),
    ]
    assert outcomes(lines, "bronze.lines") == [
        ("a", "kept", ""),
        ("b", "kept", ""),
        ("c", "kept", ""),
        ("d", "kept", ""),
        ("e", "quarantined", "text is not empty"),
    ]


def test_rows_that_are_new_in_the_input_are_not_counted_before_they_are_read(lines):
    before = outcomes(lines, "silver.shouts")
    words.land(lines, "a:hello|b:quiet|c:zoo|d:skip|f:new|g:zebra")
    lines.run("bronze.lines")
    assert outcomes(lines, "silver.shouts") == before
    lines.run()
    assert outcomes(lines, "silver.shouts") == [
        ("a", "kept", ""),
        ("b", "quarantined", "begins with a Q: x"),
        ("c", "pruned", "the flow made nothing of it"),
        ("f", "kept", ""),
        ("g", "pruned", "the flow made nothing of it"),
    ]


def test_an_earlier_version_has_its_own_account(lines):
    words.land(lines, "a:hello|b:better")
    lines.run()
    assert outcomes(lines, "silver.shouts") == [("a", "kept", ""), ("b", "kept", "")]
    with connect(lines.lake().project, tables={"silver.shouts": 1, "bronze.lines": 1}) as connection:
        rows = connection.rows(ALL)
    of_shouts = [(row["sample_id"], row["outcome"]) for row in rows if row["table"] == "silver.shouts"]
    assert ("b", "quarantined") in of_shouts
    assert ("c", "pruned") in of_shouts


def test_a_view_gives_the_rule_of_what_an_operator_left_out(lines):
    lines.view(
        "outcomes.shouts",
        """SELECT sample_id, 'silver.shouts' AS "table", 'removed' AS outcome, 'animals' AS rule
        FROM bronze.lines WHERE text LIKE 'zoo%'""",
    )
    assert ("c", "removed", "animals") in outcomes(lines, "silver.shouts")
    assert [sample for sample, *_ in outcomes(lines, "silver.shouts")] == ["a", "b", "c"]


def test_words_of_a_view_other_than_the_counted_ones_are_not_counted(lines):
    lines.view(
        "outcomes.greeted", """SELECT sample_id, 'bronze.lines' AS "table", 'greeted' AS outcome FROM bronze.lines"""
    )
    assert len(outcomes(lines, "bronze.lines")) == 5


def test_a_view_that_is_broken_is_left_out_with_a_warning(lines, caplog):
    lines.view("outcomes.broken", "SELECT nothing FROM bronze.lines")
    lines.view("outcomes.without", "SELECT sample_id FROM bronze.lines")
    assert len(outcomes(lines, "bronze.lines")) == 5
    assert "outcomes.broken is left out" in caplog.text
    assert "has no column 'table'" in caplog.text


def test_a_flow_that_cuts_counts_what_it_made_and_what_it_made_nothing_of(project):
    words.write(project, "a:hello|b:two words|c: ")
    project.module("tables", words.TABLES.replace('"length(text) > 0", tolerance=0.5', '"true"'))
    flows = words.FLOWS.replace(
        "    word = pc.list_flatten(parts)\n",
        "    word = pc.list_flatten(parts)\n    some = pc.greater(pc.utf8_length(word), 0)\n    parents, word = parents.filter(some), word.filter(some)\n",
    )
    project.module("flows", flows)
    project.run()
    assert outcomes(project, "silver.words") == [
        ("a/hello", "kept", ""),
        ("b/two", "kept", ""),
        ("b/words", "kept", ""),
        ("c", "pruned", "the flow made nothing of it"),
    ]
