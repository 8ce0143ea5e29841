from __future__ import annotations

import pyarrow as pa
import pytest

from lakehouse.release.digest import content_digest, files_digest_of, release_digest
from tests.lakehouse.lakes import lake_at, note, write

ROWS = pa.table({"n": [1, 2]})


@pytest.fixture
def lake(tmp_path):
    return lake_at(tmp_path / "lake")


def test_the_order_of_tables_does_not_matter_and_their_names_do():
    assert release_digest({"a": "1", "b": "2"}) == release_digest({"b": "2", "a": "1"})
    assert release_digest({"a": "1", "b": "2"}) != release_digest({"a": "2", "b": "1"})
    assert len(release_digest({})) == 64


def test_the_digest_is_that_of_the_newest_note_past_commits_that_change_no_rows(lake):
    write(lake, "gold.c", ROWS, note("gold.c", digest="one"))
    write(lake, "gold.c", ROWS, note("gold.c", "run-2", digest="two"))
    lake.catalog.open("gold.c").optimize.compact()
    assert content_digest(lake.catalog.open("gold.c")) == "two"
    assert content_digest(lake.catalog.open("gold.c", 0)) == "one"


def test_rows_that_no_flow_wrote_have_the_digest_of_their_files(lake):
    write(lake, "gold.c", ROWS, note("gold.c", digest="one"))
    write(lake, "gold.c", ROWS)
    table = lake.catalog.open("gold.c")
    assert content_digest(table) == f"files:{files_digest_of({'': table})}"


def test_the_digest_of_files_changes_with_names_and_versions(lake):
    write(lake, "gold.c", ROWS)
    first = lake.catalog.open("gold.c")
    write(lake, "gold.c", ROWS)
    second = lake.catalog.open("gold.c")
    found = {files_digest_of({"a": first}), files_digest_of({"b": first}), files_digest_of({"a": second})}
    assert len(found) == 3
    assert files_digest_of({"a": first}) == files_digest_of({"a": lake.catalog.open("gold.c", 0)})
