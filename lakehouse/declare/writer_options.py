"""Parquet settings that a contract may give, by the names of Spark's writer, and which of them delta-rs can follow."""

from __future__ import annotations

from collections.abc import Sequence

COMPRESSION = "compression"
DICTIONARY = "parquet.enable.dictionary"
GROUP_BYTES = "parquet.block.size"
GROUP_ROWS = "parquet.block.row.count.limit"
PAGE_BYTES = "parquet.page.size"
PAGE_ROWS = "parquet.page.row.count.limit"

# Spark's names of compressions, and those of delta-rs.
COMPRESSIONS = {"uncompressed": "UNCOMPRESSED", "none": "UNCOMPRESSED", "snappy": "SNAPPY", "zstd": "ZSTD"}


def spark_only(options: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """Return the first option that Spark's writer alone follows, None where there is none.

    Examples:
        >>> spark_only([("compression", "zstd"), ("parquet.bloom.filter.enabled", "true")])
        ('parquet.bloom.filter.enabled', 'true')
    """
    known = {COMPRESSION, DICTIONARY, GROUP_BYTES, GROUP_ROWS, PAGE_BYTES, PAGE_ROWS}
    for name, value in options:
        of_column = name.startswith(f"{DICTIONARY}#")
        if not (of_column or name in known) or (name == COMPRESSION and value not in COMPRESSIONS):
            return name, value
    return None
