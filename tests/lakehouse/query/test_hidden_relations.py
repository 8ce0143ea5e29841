from __future__ import annotations

import pytest

from lakehouse.errors import TableNotFoundError
from lakehouse.query.hidden_relations import BY_SCHEMA
from tests.lakehouse import words
from tests.lakehouse.lakes import query


def test_tables_of_a_tag_are_united_with_null_for_missing_columns(project):
    words.write(project)
    tables = words.TABLES.replace('key=["sample_id"], cluster_by=["size"],', 'key=["sample_id"], tags=["Loud"],')
    tables = tables.replace(
        'TEXT, RUN], key=["sample_id"],\n)\ncounts', 'TEXT, RUN], key=["sample_id"], tags=["Loud"],\n)\ncounts'
    )
    project.module("tables", tables)
    project.run()
    found = query(
        project.lake().project, "SELECT _table, text, size FROM __tagged.Loud WHERE text ILIKE 'x%' ORDER BY ALL"
    )
    assert found.to_pylist() == [
        {"_table": "silver.shouts", "text": "X!", "size": 2},
        {"_table": "silver.words", "text": "x", "size": None},
    ]


def test_a_tag_that_no_table_has(project):
    words.write(project)
    with pytest.raises(TableNotFoundError, match="no table has the tag 'loud'"):
        query(project.lake().project, "FROM __tagged.loud")


def test_a_view_may_read_them(project):
    words.write(project)
    project.view("lost", "SELECT outcome, count(*) AS n FROM __outcomes.rows GROUP BY ALL")
    project.run()
    assert {row["outcome"]: row["n"] for row in query(project.lake().project, "FROM lost").to_pylist()} == {"kept": 10}


def test_other_relations_of_the_schemas_do_not_exist(project):
    words.write(project)
    assert set(BY_SCHEMA) == {"__trained", "__tagged", "__outcomes"}
    with pytest.raises(TableNotFoundError, match=r"there is no relation __outcomes\.other"):
        query(project.lake().project, "FROM __outcomes.other")
