from __future__ import annotations

import pytest

from lakehouse.errors import QueryError
from lakehouse.query.connection import connect
from lakehouse.query.outcome_views import outcome_columns, outcome_views, selected
from tests.lakehouse import words


def test_views_of_outcomes_are_known_by_their_name(project):
    words.write(project)
    project.view("outcomes.b", "SELECT 1 AS n")
    project.view(
        "outcomes.a", """SELECT 'x' AS sample_id, 'bronze.lines' AS "table", 'kept' AS outcome, 2.5 AS value"""
    )
    project.view("other", "SELECT 1 AS n")
    with connect(project.lake().project) as connection:
        assert outcome_views(connection) == ["outcomes.a", "outcomes.b"]
        columns = outcome_columns(connection, "outcomes.a")
        with pytest.raises(QueryError, match=r"outcomes\.b has no column 'sample_id'"):
            outcome_columns(connection, "outcomes.b")
        (row,) = connection.rows(f'SELECT {selected(columns)} FROM "outcomes"."a"')
    assert row["value"] == "2.5"
    assert row["rule"] is None
    assert row["nth"] == 1
