from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger.releases import drop_release
from lakehouse.query.time_travel import Pins, pinned_version, resolve_at, version_at
from lakehouse.release.create import create_release
from tests.lakehouse.lakes import lake_at, note, rows, write


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    for run in range(2):
        write(made, "gold.samples", rows(["a"]), note("gold.samples", f"run-{run}"), mode="overwrite")
    return made


def test_what_a_user_gives_is_a_release_a_time_or_versions(lake):
    create_release(lake.project, "mix-1")
    assert resolve_at(lake.project, None) == Pins()
    assert resolve_at(lake.project, " 3 ") == Pins(every=3)
    assert resolve_at(lake.project, "gold.samples@0") == Pins(versions={"gold.samples": 0})
    assert resolve_at(lake.project, "mix-1") == Pins(versions={"gold.samples": 1}, release="mix-1")
    assert resolve_at(lake.project, "2026-01-01").time == datetime(2026, 1, 1, tzinfo=UTC)
    for wrong, kind in (
        ("", ReleaseError),
        ("mix-2", ReleaseError),
        ("gold.samples@0,gold.samples@1", ReleaseError),
        ("gold.sampels@0", TableNotFoundError),
    ):
        with pytest.raises(kind):
            resolve_at(lake.project, wrong)


def test_a_release_refuses_tables_outside_it_but_the_ledgers(lake):
    pins = Pins({"gold.samples": 1}, "mix-1")
    assert pins.version(lake.catalog, "gold.samples") == 1
    assert pins.version(lake.catalog, "ledger.runs") is None
    with pytest.raises(ReleaseError, match=r"silver\.other is not part of the release mix-1"):
        pins.version(lake.catalog, "silver.other")


def test_the_version_at_a_time_is_the_last_that_was_committed(lake):
    table = lake.catalog.open("gold.samples")
    assert version_at(table, "gold.samples", datetime.now(UTC)) == 1
    with pytest.raises(TableNotFoundError, match="did not exist"):
        version_at(table, "gold.samples", datetime(2001, 1, 1, tzinfo=UTC))


def test_a_dropped_release_pins_while_its_files_exist(lake):
    create_release(lake.project, "mix-1")
    drop_release(lake.catalog, "mix-1")
    assert pinned_version(lake.catalog, "mix-1", "gold.samples") == 1
    assert pinned_version(lake.catalog, "mix-1", "gold.other") is None
    write(lake, "gold.samples", rows(["b"]), note("gold.samples", "run-9"), mode="overwrite")
    lake.catalog.open("gold.samples").vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert pinned_version(lake.catalog, "mix-1", "gold.samples") is None
