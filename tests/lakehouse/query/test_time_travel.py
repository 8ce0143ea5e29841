from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.delta import history as delta_history
from lakehouse.delta.history import commit_time, history
from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger.releases import drop_release
from lakehouse.query.inventory import commits
from lakehouse.query.time_travel import Pins, pinned_version, resolve_at, version_at
from lakehouse.release.create import create_release
from tests.lakehouse.lakes import lake_at, note, query, rows, write


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


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A lake with tables of odd names."""
    made = lake_at(tmp_path_factory.mktemp("odd") / "lake")
    for name in ("a.b", "a1.b_2", "gold.samples", "l_.x0"):
        write(made, name, rows(["a"]))
    return made.project


blanks = st.sampled_from(["", " ", "  "])


@given(
    st.dictionaries(st.sampled_from(["a.b", "a1.b_2", "gold.samples", "l_.x0"]), st.integers(0, 999), min_size=1),
    blanks,
)
def test_versions_of_tables_are_read_back_whatever_the_blanks(project, versions, blank):
    text = f"{blank},{blank}".join(f"{name}@{version}" for name, version in versions.items())
    assert resolve_at(project, f"{blank}{text}{blank}") == Pins(versions=versions)
    name, version = next(iter(versions.items()))
    with pytest.raises(ReleaseError, match="names a table twice"):
        resolve_at(project, f"{text},{name}@{version + 1}")


@given(st.datetimes(), st.integers(-12, 14))
def test_a_time_without_a_zone_is_of_utc_and_one_with_it_is_that_moment(project, moment, hours):
    meant = moment if moment.microsecond else moment.replace(microsecond=999_999)
    assert resolve_at(project, moment.isoformat()).time == meant.replace(tzinfo=UTC)
    assert resolve_at(project, moment.isoformat(" ")).time == meant.replace(tzinfo=UTC)
    zone = timezone(timedelta(hours=hours))
    assert resolve_at(project, moment.replace(tzinfo=zone).isoformat()).time == meant.replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2026-01-02T03:04:05.6", datetime(2026, 1, 2, 3, 4, 5, 600_000, tzinfo=UTC)),
        ("2026-01-02 03:04:05", datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)),
        ("2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, 999_999, tzinfo=UTC)),
        ("2026-01-02T03:04:05.000", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02", datetime(2026, 1, 2, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_fraction_lasts_to_the_end_of_its_second(project, text, time):
    assert resolve_at(project, text).time == time


def test_each_time_of_a_history_reads_its_version(lake):
    for run in range(2, 6):
        write(lake, "gold.samples", rows(["a"]), note("gold.samples", f"run-{run}"), mode="overwrite")
    table = lake.catalog.open("gold.samples")
    listed = commits(lake.project, "gold.samples")
    assert [entry["version"] for entry in commits(lake.project, "gold.samples", 2)] == [5, 4]
    for entry in listed:
        pins = resolve_at(lake.project, entry["time"][:23])
        assert pins.version(lake.catalog, "gold.samples") == entry["version"]
        assert version_at(table, "gold.samples", resolve_at(lake.project, entry["time"]).time) == entry["version"]


def test_commits_of_one_millisecond_are_found_each_by_its_listed_time(lake, monkeypatch):
    for run in range(2, 6):
        write(lake, "gold.samples", rows(["a"]), note("gold.samples", f"run-{run}"), mode="overwrite")
    stamps = {0: 1000, 1: 1000, 2: 1001, 3: 999, 4: 5000, 5: 5000}
    read = delta_history.read_info
    monkeypatch.setattr(
        delta_history,
        "read_info",
        lambda store, version: {**read(store, version), "timestamp": stamps[version], "inCommitTimestamp": None},
    )
    listed = commits(lake.project, "gold.samples")
    assert len({entry["time"] for entry in listed}) == len(listed) == 6
    for entry in listed:
        found = resolve_at(lake.project, entry["time"]).version(lake.catalog, "gold.samples")
        assert found == entry["version"]


def test_pins_choose_a_version_by_table_by_time_or_for_all(lake):
    table = lake.catalog.open("gold.samples")
    made = [commit_time(commit) for commit in history(table)]
    assert Pins(every=1).version(lake.catalog, "gold.samples") == 1
    assert Pins().version(lake.catalog, "gold.samples") is None
    pins = Pins({"gold.samples": 0}, time=made[0])
    assert pins.version(lake.catalog, "gold.samples") == 0
    write(lake, "gold.later", rows(["b"]))
    assert Pins(time=made[0]).version(lake.catalog, "gold.samples") == 1
    with pytest.raises(TableNotFoundError, match=r"gold\.later did not exist at") as raised:
        Pins(time=made[-1] - timedelta(seconds=1)).version(lake.catalog, "gold.later")
    assert "its first commit is of" in raised.value.hint


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


def test_a_time_before_the_first_version_is_an_error_that_says_so(lake):
    made = [commit_time(commit) for commit in history(lake.catalog.open("gold.samples"))]
    write(lake, "gold.mixture", rows(["b"]))
    with pytest.raises(TableNotFoundError, match=r"gold\.mixture did not exist at .*\+00:00"):
        query(lake.project, "SELECT * FROM gold.mixture", at=made[0].isoformat())
    # Records of what came later are none; so are tables that only a view reads.
    assert query(lake.project, "SELECT * FROM ledger.training_steps", at=made[0].isoformat()).num_rows == 0
    for statement in ("SELECT * FROM gold.samples", "SELECT 1", "SHOW TABLES"):
        with pytest.raises(TableNotFoundError, match=r"no tables at 2001-01-01T00:00:00\.000\+00:00") as raised:
            query(lake.project, statement, at="2001-01-01")
        assert made[-1].isoformat(timespec="milliseconds") in raised.value.hint
