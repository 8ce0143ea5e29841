from __future__ import annotations

import pytest

from lakehouse.errors import UsageError
from lakehouse.query.attrition import attrition
from tests.lakehouse import words


@pytest.fixture
def lines(project):
    words.write(project, "a:hello|b:two words|c:")
    project.run()
    return project


def test_steps_are_counted_in_the_order_of_the_way_without_a_view(lines):
    rows = attrition(lines.lake().project)
    assert [(row["table"], row["outcome"], row["rule"], row["rows"]) for row in rows] == [
        ("bronze.lines", "kept", "", 2),
        ("bronze.lines", "quarantined", "text is not empty", 1),
        ("silver.shouts", "kept", "", 2),
        ("silver.words", "kept", "", 3),
    ]


def test_one_step_by_other_columns(lines):
    assert attrition(lines.lake().project, ["outcome"], "bronze.lines") == [
        {"outcome": "kept", "rows": 2},
        {"outcome": "quarantined", "rows": 1},
    ]


def test_a_view_of_the_project_adds_columns_and_measures(lines):
    lines.view(
        "attrition",
        """SELECT "table", outcome, rule, 'of ' || length(sample_id) AS bucket, count(*) AS rows,
            sum(length(sample_id))::BIGINT AS letters
        FROM __outcomes.rows GROUP BY ALL""",
    )
    assert attrition(lines.lake().project, ["bucket"], "silver.words") == [
        {"bucket": "of 7", "rows": 2, "letters": 14},
        {"bucket": "of 5", "rows": 1, "letters": 5},
    ]


@pytest.mark.parametrize(
    ("by", "table", "message"),
    [
        (["rul"], None, "'rul' is nothing to count by — did you mean rule"),
        (["rows"], None, "'rows' is nothing to count by"),
        (["rule"], "silver.shout", "no step that writes silver.shout is counted — did you mean silver.shouts"),
    ],
)
def test_what_is_not_counted_is_refused(lines, by, table, message):
    with pytest.raises(UsageError, match=message):
        attrition(lines.lake().project, by, table)


def test_a_lake_without_tables_counts_nothing(project):
    words.write(project)
    assert attrition(project.lake().project) == []
