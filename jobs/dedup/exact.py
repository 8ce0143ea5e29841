"""Exact duplicates: documents of equal text, of which the first in the declared order stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

RULE = "equal content_id (SHA-256, 128 bits)"


def ranked(signatures: DataFrame, sources: Sequence[str]) -> DataFrame:
    """Add `rank` (string): documents are kept in its order, and `first`, the least rank of an equal text.

    Args:
        signatures: Columns sample_id, source, content_id, and others that stay.
        sources: Sources whose documents stay before others', the first before the second; the rest come after
            these, and within a source the lesser sample_id.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    if sources:
        place = f.array_position(f.array(*[f.lit(name) for name in sources]), f.col("source"))
        number = f.when(place > 0, place).otherwise(len(sources) + 1)
    else:
        number = f.lit(1)
    rank = f.concat(f.lpad(number.cast("string"), 4, "0"), f.lit(":"), f.col("sample_id"))
    with_rank = signatures.withColumn("rank", rank)
    return with_rank.withColumn("first", f.min("rank").over(Window.partitionBy("content_id")))


def sample_of(rank: str) -> str:
    """Return the Spark SQL expression of the sample that a rank belongs to.

    Args:
        rank: A column of ranks.
    """
    return f"substring({rank}, 6)"
