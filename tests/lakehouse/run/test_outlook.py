from __future__ import annotations

import pytest

from lakehouse.run.outlook import outlook
from tests.lakehouse import words


@pytest.fixture
def ran(project):
    words.write(project)
    assert project.lake().run().ok
    return project


def ahead(project, table, **options):
    lake = project.lake()
    return outlook(lake.project, next(item for item in lake.plan().flows if item.writes == table), **options)


def test_what_the_last_run_took_and_left_is_told(ran):
    found = ahead(ran, "silver.shouts")
    assert found.rows == 3
    assert found.seconds >= 0
    assert found.problem == ""


def test_a_first_run_has_no_figures(project):
    words.write(project)
    found = ahead(project, "gold.counts")
    assert (found.problem, found.seconds, found.rows) == ("", None, None)


def test_a_contract_that_stored_rows_do_not_fit_asks_for_a_migration(ran):
    ran.module(
        "tables", words.TABLES.replace('Column("size", pa.int32(), "Characters.")', 'Column("size", pa.string(), "x")')
    )
    assert "--migrate" in ahead(ran, "silver.shouts").problem
    assert ahead(ran, "silver.shouts", migrate=True).problem == ""


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("SELECT size, count(*) AS m FROM silver.shouts GROUP BY size", "m"),
        ("SELECT size, [1] AS n FROM silver.shouts", "n"),
        ("SELECT sise AS size, 1 AS n FROM silver.shouts", "sise"),
    ],
)
def test_a_statement_that_does_not_fit_its_contract_is_told_before_it_runs(ran, statement, says):
    ran.sql("gold.counts", words.PORTABLE + statement)
    before = ran.lake().catalog.log("gold.counts").version
    assert says in ahead(ran, "gold.counts").problem
    assert ran.lake().catalog.log("gold.counts").version == before
