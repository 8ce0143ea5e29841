from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse.delta.damaged_file import damaged_file, unreadable_file
from tests.lakehouse.lakes import lake_at, write

NAME = "bronze.a"


@pytest.fixture
def lake(tmp_path):
    """A table of two files."""
    made = lake_at(tmp_path / "lake")
    for begin in (0, 5000):
        texts = [f"text {number} " * 3 for number in range(begin, begin + 5000)]
        write(made, NAME, pa.table({"n": range(begin, begin + 5000), "text": texts}))
    return made


def damage(lake, how):
    """Damage the second file, and return its name."""
    path = Path(sorted(uri.removeprefix("file://") for uri in lake.catalog.open(NAME).file_uris())[1])
    data = bytearray(path.read_bytes())
    if how == "bytes":
        data[2000:-2000] = bytes(len(data) - 4000)
    path.write_bytes(data[: len(data) // 2] if how == "half" else data)
    if how == "gone":
        path.unlink()
    return path.name


def test_a_table_that_can_be_read_has_none(lake):
    opened = lake.catalog.open(NAME)
    assert unreadable_file(opened, NAME) is None
    assert damaged_file(opened, NAME) is None


@pytest.mark.parametrize("how", ["half", "gone"])
def test_a_file_that_cannot_be_opened_is_named(lake, how):
    name = damage(lake, how)
    error = unreadable_file(lake.catalog.open(NAME), NAME)
    assert error is not None
    assert f"its data file {name} is gone or damaged" in error.message
    assert "--full" in error.hint


def test_a_file_is_named_whose_footer_alone_is_whole(lake):
    name = damage(lake, "bytes")
    opened = lake.catalog.open(NAME)
    assert unreadable_file(opened, NAME) is None
    error = damaged_file(opened, NAME)
    assert error is not None
    assert name in error.message
    assert damaged_file(opened, NAME, seconds=-1) is None
