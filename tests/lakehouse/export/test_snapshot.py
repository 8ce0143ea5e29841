from __future__ import annotations

import pytest

from lakehouse.errors import ExportError
from lakehouse.export.snapshot import Snapshot, require_snapshot, require_views, take_snapshot
from lakehouse.query.connection import connect
from lakehouse.release.create import create_release


def snapshot_of(lake, sql, at=None):
    with connect(lake.project, at) as connection:
        connection.reader(sql)
        return take_snapshot(lake.project, connection, [sql])


def test_it_names_the_tables_and_views_that_a_statement_reads(lake):
    found = snapshot_of(lake, "SELECT * FROM even JOIN silver.rows USING (n)")
    assert found.tables == {"silver.rows": 2}
    assert list(found.views) == ["even"]
    assert found.ids == {"silver.rows": lake.catalog.open("silver.rows").metadata().id}
    assert snapshot_of(lake, "SELECT 1").tables == {}


def test_a_release_is_named_with_its_digest(lake):
    made = create_release(lake.project, "r1", ["silver.rows"])
    found = snapshot_of(lake, "SELECT * FROM silver.rows", "r1")
    assert (found.release, found.release_digest) == ("r1", made.digest)
    require_snapshot(lake.project, found, "work")
    with pytest.raises(ExportError, match="another release"):
        require_snapshot(lake.project, Snapshot(found.tables, found.ids, "r1", "0" * 64), "work")


def test_a_version_that_is_gone_is_refused(lake):
    found = snapshot_of(lake, "SELECT * FROM silver.rows")
    with pytest.raises(ExportError, match=r"no version 9.* delete work"):
        require_snapshot(lake.project, Snapshot({"silver.rows": 9}, found.ids), "work")


def test_views_are_compared_by_their_text(lake, tmp_path):
    found = snapshot_of(lake, "SELECT * FROM even")
    (tmp_path / "views" / "even.sql").write_text("SELECT 1 AS n")
    with connect(lake.project) as connection, pytest.raises(ExportError, match="even has changed"):
        require_views(connection, ["SELECT * FROM even"], found, "work")
