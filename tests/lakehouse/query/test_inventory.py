from __future__ import annotations

from lakehouse.query.inventory import commits, tables
from tests.lakehouse.lakes import lake_at, note, rows, write


def test_tables_and_commits_are_listed_from_their_logs(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.samples", rows(["a", "b"]), note("gold.samples", "run-1", counts={"inserted": 2}))
    write(lake, "gold.samples", rows(["c"]))
    write(lake, "bronze.other", rows(["d"]))
    found = {row["name"]: row for row in tables(lake.catalog)}
    assert sorted(found) == ["bronze.other", "gold.samples"]
    assert (found["gold.samples"]["version"], found["gold.samples"]["rows"]) == (1, 3)
    assert found["gold.samples"]["bytes"] > 0
    newest, oldest = commits(lake.project, "gold.samples")
    assert (newest["version"], newest["flow"], newest["changed"], newest["counts"]) == (1, "", None, {})
    assert (oldest["flow"], oldest["run_id"], oldest["counts"]) == ("flows.gold.samples", "run-1", {"inserted": 2})
    assert newest["time"] == found["gold.samples"]["updated"]
    assert len(commits(lake.project, "gold.samples", 1)) == 1
