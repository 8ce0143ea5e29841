from __future__ import annotations

import pytest

from lakehouse.errors import UsageError
from lakehouse.query.limits import Limits, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4GB", 4_000_000_000),
        ("4GiB", 4 << 30),
        ("512 MiB", 512 << 20),
        ("1.5k", 1500),
        ("7", 7),
        ("25%", 250),
        ("100 %", 1000),
    ],
)
def test_sizes_and_shares(text, size):
    assert parse_size(text, 1000) == size


@pytest.mark.parametrize("text", ["", "x", "0", "0%", "101%", "-1GB", "1PB", "nan", "4 GB more", "'4GB'"])
def test_what_is_no_size_is_refused_with_examples(text):
    with pytest.raises(UsageError, match=r"is not a size.*50%"):
        parse_size(text, 1000)


def test_limits_are_of_the_machine(tmp_path):
    assert Limits(memory="50%").memory_bytes(8 << 30) == 4 << 30
    assert Limits(memory="1kB").memory_bytes(8 << 30) >= 1 << 20  # or DuckDB would not start
    assert 0 < Limits().disk_bytes(str(tmp_path)) < Limits(disk="100%").disk_bytes(str(tmp_path)) * 2
