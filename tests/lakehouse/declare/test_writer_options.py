from __future__ import annotations

import pytest

from lakehouse.declare.writer_options import spark_only


@pytest.mark.parametrize(
    "option",
    [
        ("compression", "zstd"),
        ("compression", "none"),
        ("parquet.enable.dictionary", "false"),
        ("parquet.enable.dictionary#parent", "false"),
        ("parquet.block.row.count.limit", "100"),
    ],
)
def test_options_that_both_writers_follow(option):
    assert spark_only([option]) is None


@pytest.mark.parametrize("option", [("compression", "lzo"), ("parquet.page.size#a", "1"), ("other", "")])
def test_options_that_sparks_writer_alone_follows(option):
    assert spark_only([("compression", "snappy"), option]) == option
