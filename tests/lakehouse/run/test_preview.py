from __future__ import annotations

from pathlib import Path

import pytest

from lakehouse.errors import FlowError, TableNotFoundError, UsageError
from lakehouse.query.connection import connect
from lakehouse.run.preview import preview
from tests.lakehouse import words

LOUDER = {"silver.shouts": {"mark": "!!!"}}
SIZES = "SELECT size, n FROM {} ORDER BY size"


@pytest.fixture
def lake(project):
    words.write(project)
    lake = project.lake()
    assert lake.run().ok
    return lake


def sizes(project, table="gold.counts"):
    with connect(project) as connection:
        return [tuple(row.values()) for row in connection.rows(SIZES.format(table))]


def test_tables_are_computed_under_other_parameters_and_the_lake_stays(lake):
    before = {name: lake.catalog.open(name).version() for name in lake.catalog.names()}
    with preview(lake.project, LOUDER, ("gold.counts",)) as tried:
        assert tried.tables == ("silver.shouts", "gold.counts")
        assert tried.warnings == ()
        assert sizes(tried.project) == [(4, 1), (8, 1), (12, 1)]
        assert sizes(tried.project, 'standing."gold.counts"') == sizes(lake.project) == [(2, 1), (6, 1), (10, 1)]
        folder = tried.project.catalog.uri
    assert {name: lake.catalog.open(name).version() for name in lake.catalog.names()} == before
    assert not Path(folder).exists()
    assert not lake.plan().stale


def test_only_the_flows_on_the_way_to_the_wanted_tables_run(lake):
    with preview(lake.project, LOUDER, ("silver.shouts",)) as tried:
        assert tried.tables == ("silver.shouts",)
        assert sizes(tried.project) == sizes(lake.project)


def test_what_changes_for_another_reason_is_said(lake, project):
    words.land(project, "a:hello")
    assert lake.run(["bronze.lines"]).ok
    with preview(lake.project, LOUDER, ("gold.counts",)) as tried:
        assert sizes(tried.project) == [(8, 1)]
        (shouts, *_) = tried.warnings
        assert "silver.shouts is not up to date" in shouts
        assert "bronze.lines" in shouts


@pytest.mark.parametrize(
    ("params", "message"), [({"silver.shots": {}}, "silver.shouts"), ({"silver.words": {}}, "does not depend")]
)
def test_parameters_that_change_nothing_are_refused(lake, params, message):
    with pytest.raises(UsageError) as error, preview(lake.project, params, ("gold.counts",)):
        pass
    assert message in f"{error.value} {error.value.hint}"


def test_a_missing_input_and_a_flow_that_fails_are_told(project):
    words.write(project)
    lake = project.lake()
    missing = pytest.raises(TableNotFoundError, match=r"bronze\.lines, which was never written")
    with missing, preview(lake.project, LOUDER, ("gold.counts",)):
        pass
    assert lake.run().ok
    (flows,) = project.root.glob("acme_*/flows.py")
    flows.write_text(flows.read_text().replace("loud(batch", "louder(batch"))
    broken = project.lake()
    with pytest.raises(FlowError, match="louder"), preview(broken.project, LOUDER, ("gold.counts",)):
        pass
    project.module("flows", words.FLOWS)
    lake = project.lake()
    assert not lake.plan().stale
