from __future__ import annotations

import contextlib
import logging
import subprocess
import sys

import pyarrow as pa
import pytest

from lakehouse.delta.content_digest import Digest
from lakehouse.errors import ReleaseError, TableNotFoundError
from lakehouse.ledger.releases import break_release, drop_release, list_releases, load_release
from lakehouse.release.create import create_release, current_digest
from lakehouse.release.digest import content_digest, release_digest
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1, 2, 3]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "bronze.a", ROWS, note("bronze.a"))
    write(made, "silver.b", ROWS, note("silver.b", inputs={"bronze.a": 0}))
    write(made, "silver.unrelated", ROWS, note("silver.unrelated"))
    write(made, "gold.c", ROWS, note("gold.c", inputs={"silver.b": 0}))
    return made


@contextlib.contextmanager
def _heard(caplog):
    """Hear the project's log, which the command line cuts off from the root."""
    logger = logging.getLogger("mixlake")
    logger.addHandler(caplog.handler)
    logger.propagate, kept = True, logger.propagate
    try:
        yield
    finally:
        logger.propagate = kept
        logger.removeHandler(caplog.handler)


def test_a_release_pins_gold_and_what_it_descends_from(lake):
    release = create_release(lake.project, "mix-1", note="first")
    assert release.tables == {"bronze.a": 0, "silver.b": 0, "gold.c": 0}
    assert release.digests["gold.c"] == str(Digest(len("gold.c"), 1))
    assert load_release(lake.catalog, "mix-1") == release


def test_named_tables_are_pinned_with_their_ancestors(lake):
    assert set(create_release(lake.project, "part", ["silver.b"]).tables) == {"bronze.a", "silver.b"}
    with pytest.raises(TableNotFoundError):
        create_release(lake.project, "other", ["silver.none"])


def test_ancestors_are_pinned_at_the_versions_that_were_read(lake):
    first = create_release(lake.project, "mix-1")
    # Landed and cleaned again, and not mixed again.
    write(lake, "bronze.a", ROWS, note("bronze.a", "run-2", digest="a2"))
    write(lake, "silver.b", ROWS, note("silver.b", "run-2", digest="b2", inputs={"bronze.a": 1}))
    release = create_release(lake.project, "mix-2")
    assert release.tables == {"bronze.a": 0, "silver.b": 0, "gold.c": 0}
    assert release.digest == first.digest == current_digest(lake.project)
    assert create_release(lake.project, "cleaned", ["silver.b"]).tables == {"bronze.a": 1, "silver.b": 1}
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", digest="c2", inputs={"silver.b": 1}))
    assert create_release(lake.project, "mix-3").tables == {"bronze.a": 1, "silver.b": 1, "gold.c": 1}


def test_of_two_versions_of_an_ancestor_the_newer_is_pinned_with_its_own(lake, caplog):
    write(lake, "bronze.old", ROWS, note("bronze.old"))
    write(lake, "silver.b", ROWS, note("silver.b", "run-2", inputs={"bronze.a": 0, "bronze.old": 0}))
    write(lake, "bronze.a", ROWS, note("bronze.a", "run-3"))
    write(lake, "silver.b", ROWS, note("silver.b", "run-3", inputs={"bronze.a": 1}))
    write(lake, "gold.d", ROWS, note("gold.d", inputs={"silver.b": 1}))
    write(lake, "gold.e", ROWS, note("gold.e", inputs={"silver.b": 2}))
    write(lake, "silver.b", ROWS, note("silver.b", "run-4", inputs={"bronze.a": 1}))
    with _heard(caplog):
        release = create_release(lake.project, "mix-1")
    # gold.c read silver.b@0, gold.d @1, gold.e @2; no one read @3. Only @1 was made from bronze.old.
    assert release.tables == {"bronze.a": 1, "silver.b": 2, "gold.c": 0, "gold.d": 0, "gold.e": 0}
    assert any("different versions of silver.b" in message for message in caplog.messages)


def test_an_ancestor_that_is_gone_is_left_out_and_told(lake, caplog):
    write(lake, "gold.d", ROWS, note("gold.d", inputs={"silver.gone": 3}))
    with _heard(caplog):
        assert "silver.gone" not in create_release(lake.project, "mix-1").tables
    assert any("silver.gone@3" in message for message in caplog.messages)


def test_the_digest_names_the_content_not_the_versions(lake):
    first = create_release(lake.project, "mix-1")
    write(lake, "gold.c", ROWS.slice(0, 0), note("gold.c", "run-2", changed=False, inputs={"silver.b": 0}))
    second = create_release(lake.project, "mix-2")
    assert second.tables["gold.c"] == 1
    assert second.digest == first.digest
    write(lake, "gold.c", ROWS, note("gold.c", "run-3", digest="other", inputs={"silver.b": 0}))
    assert create_release(lake.project, "mix-3").digest != first.digest


def test_the_digest_depends_on_names_and_contents_alone():
    assert release_digest({"a": "1", "b": "2"}) == release_digest({"b": "2", "a": "1"})
    assert release_digest({"a": "1", "b": "2"}) != release_digest({"a": "2", "b": "1"})


def test_rows_that_no_flow_wrote_are_not_covered_by_an_old_note(lake):
    write(lake, "gold.c", ROWS)
    found = content_digest(lake.catalog.open("gold.c"))
    assert found.startswith("files:")
    assert content_digest(lake.catalog.open("gold.c", 0)) == str(Digest(len("gold.c"), 1))


def test_compaction_leaves_the_content_digest(lake):
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", digest="two"))
    lake.catalog.open("gold.c").optimize.compact()
    assert lake.catalog.open("gold.c").version() == 2
    assert content_digest(lake.catalog.open("gold.c")) == "two"


def test_a_name_is_used_once(lake):
    create_release(lake.project, "mix-1")
    with pytest.raises(ReleaseError, match="exists already"):
        create_release(lake.project, "mix-1")
    drop_release(lake.catalog, "mix-1")
    with pytest.raises(ReleaseError, match=r"exists already \(dropped\)"):
        create_release(lake.project, "mix-1")


@pytest.mark.parametrize("name", ["", "1", "2026-01-01", "a b", "../x", "silver.b@3"])
def test_a_name_is_not_mistaken_for_a_version_a_time_or_a_path(lake, name):
    with pytest.raises(ReleaseError, match="not allowed"):
        create_release(lake.project, name)


def test_of_two_writers_of_one_name_one_wins(lake, monkeypatch):
    import lakehouse.release.create as module

    create_release(lake.project, "mix-1")
    real, calls = module.recorded_releases, []

    def late(*args):
        calls.append(1)
        return {} if len(calls) == 1 else real(*args)  # the other's row arrives after the look

    monkeypatch.setattr(module, "recorded_releases", late)
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", digest="other"))
    with pytest.raises(ReleaseError, match="someone else"):
        create_release(lake.project, "mix-1")
    assert real(lake.catalog)["mix-1"].tables["gold.c"] == 0


def test_a_dropped_release_is_kept_for_the_record_only(lake):
    create_release(lake.project, "mix-1")
    create_release(lake.project, "mix-2")
    drop_release(lake.catalog, "mix-1")
    assert [r.name for r in list_releases(lake.catalog)] == ["mix-2"]
    assert {r.name: r.state for r in list_releases(lake.catalog, dropped=True)} == {"mix-1": "dropped", "mix-2": "live"}
    with pytest.raises(ReleaseError, match="was dropped — mixlake release list --dropped"):
        load_release(lake.catalog, "mix-1")
    assert load_release(lake.catalog, "mix-1", dropped=True).tables["gold.c"] == 0


def test_a_missing_release_names_those_that_exist(lake):
    with pytest.raises(ReleaseError, match="release create mix-1"):
        load_release(lake.catalog, "mix-1")
    create_release(lake.project, "mix-1")
    with pytest.raises(ReleaseError, match="there are mix-1"):
        load_release(lake.catalog, "mix-9")


def test_an_empty_lake_has_nothing_to_release(tmp_path):
    with pytest.raises(ReleaseError, match="no gold table"):
        create_release(lake_at(tmp_path).project, "mix-1")


def test_mixed_versions_of_an_ancestor_are_warned_of(lake, caplog):
    write(lake, "bronze.a", ROWS, note("bronze.a", "run-2"))
    write(lake, "gold.d", ROWS, note("gold.d", inputs={"bronze.a": 1}))
    with _heard(caplog):
        create_release(lake.project, "mix-1")
    assert any("bronze.a" in message and "silver.b from 0" in message for message in caplog.messages)


def test_a_maintenance_commit_in_between_is_no_mixture(lake, caplog):
    lake.catalog.open("bronze.a").optimize.compact()
    write(lake, "bronze.a", ROWS.slice(0, 0), note("bronze.a", "run-2", changed=False))
    write(lake, "gold.d", ROWS, note("gold.d", inputs={"bronze.a": 1}))
    with caplog.at_level("WARNING", logger="mixlake"):
        create_release(lake.project, "mix-1")
    assert not caplog.messages


def test_loading_a_release_imports_no_declaration(lake):
    create_release(lake.project, "mix-1")
    code = (
        "import sys; from lakehouse.delta.catalog import Catalog; from lakehouse.ledger.releases import load_release; "
        f"print(load_release(Catalog({lake.uri!r}), 'mix-1').tables['gold.c']); "
        "print([m for m in sys.modules if m.split('.')[0] in ('jobs', 'schemas', 'pyspark', 'duckdb', 'sqlglot')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["0", "[]"]


def test_a_broken_release_names_the_retractions_that_broke_it(lake):
    create_release(lake.project, "mix-1")
    assert break_release(lake.catalog, "mix-1", 12).retractions == (12,)
    again = break_release(lake.catalog, "mix-1", 1)
    assert (again.retractions, again.state) == ((12, 1), "broken")
    assert again.reason == "rows of it were purged (retraction 12); rows of it were purged (retraction 1)"
    assert break_release(lake.catalog, "mix-1", 1) == load_release(lake.catalog, "mix-1", dropped=True) == again
