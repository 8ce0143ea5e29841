"""Connected components of a graph given as an edge table."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("mixlake.dedup")

COMPONENTS = pa.schema([pa.field("node", pa.string()), pa.field("component", pa.string())])


def components(edges: DataFrame, *, one_task: int, most_rounds: int) -> DataFrame:
    """Return the component of each node that has an edge, named by its least node.

    Up to `one_task` edges are joined by one task (144 bytes an edge); more by alternating rounds of large-star and
    small-star (Kiveris et al., "Connected components in MapReduce and beyond", SoCC 2014), each one shuffle. Both
    give the same names. Where the rounds do not come to an end within `most_rounds`, the parts found so far are
    named: a component may then be in several parts, and duplicates across parts stay.

    Args:
        edges: Columns a and b (string), a < b, distinct; read more than once, so let it be persisted.
        one_task: Edges that one task may hold.
        most_rounds: Rounds at most.

    Returns:
        Columns node and component (string).
    """
    if edges.count() <= one_task:
        return edges.coalesce(1).mapInArrow(_union, "node string, component string")
    return _stars(edges, most_rounds)


def _union(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Join all edges of a task by union-find."""
    import polars as pl

    from jobs.dedup.union_find import roots

    parts = [batch for batch in batches if batch.num_rows]
    if not parts:
        return
    edges = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(parts)))
    # Sorted, so that the least number of a component is its least node.
    nodes = pl.concat([edges.get_column("a"), edges.get_column("b").rename("a")]).unique().sort()
    numbers = pl.DataFrame({"node": nodes, "number": np.arange(len(nodes), dtype=np.int64)})
    ends = [
        edges.select(pl.col(name).alias("node")).join(numbers, on="node", how="left", maintain_order="left")
        for name in ("a", "b")
    ]
    components = roots(len(nodes), *(end.get_column("number").to_numpy() for end in ends))
    out = pa.table({"node": nodes.to_arrow(), "component": nodes.gather(components).to_arrow()}).cast(COMPONENTS)
    yield from out.combine_chunks().to_batches()


def _stars(edges: DataFrame, most_rounds: int) -> DataFrame:
    """Alternate large-star and small-star until the edges no longer change."""
    from pyspark.sql import functions as f

    kept = edges.select("a", "b")
    known: tuple[int, int] | None = None
    for _ in range(most_rounds):
        kept = cut(_small_star(_large_star(kept)))
        row = kept.agg(f.count("*").alias("n"), f.bit_xor(f.xxhash64("a", "b")).alias("x")).first()
        if row is None or (now := (row["n"], row["x"])) == known:
            break
        known = now
    else:
        log.warning("components were not joined within %d rounds; duplicates across their parts stay", most_rounds)
    # Each edge is now a star's: the least node of the component, and a member.
    stars = kept.select(f.col("b").alias("node"), f.col("a").alias("component"))
    centres = kept.select(f.col("a").alias("node"), f.col("a").alias("component"))
    return stars.unionByName(centres).groupBy("node").agg(f.min("component").alias("component"))


def cut(frame: DataFrame) -> DataFrame:
    """Compute a frame and forget how: a round reads the last one four times, so plans would grow as 4 to the rounds."""
    lasting = frame.sparkSession.sparkContext._jsc.sc().getCheckpointDir().isDefined()  # noqa: SLF001 - no public way
    return frame.checkpoint() if lasting else frame.localCheckpoint()


def _with_least(pairs: DataFrame) -> DataFrame:
    """Add `least` to rows (u, v): the least of u and all its neighbours v."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    return pairs.withColumn("least", f.least("u", f.min("v").over(Window.partitionBy("u"))))


def _large_star(edges: DataFrame) -> DataFrame:
    """Link each node's greater neighbours to the least of its neighbourhood."""
    from pyspark.sql import functions as f

    both = edges.select(f.col("a").alias("u"), f.col("b").alias("v")).unionByName(
        edges.select(f.col("b").alias("u"), f.col("a").alias("v"))
    )
    return _with_least(both).where("v > u").select(f.col("least").alias("a"), f.col("v").alias("b")).distinct()


def _small_star(edges: DataFrame) -> DataFrame:
    """Link each node and its lesser neighbours to the least of them."""
    from pyspark.sql import functions as f

    down = edges.select(f.col("b").alias("u"), f.col("a").alias("v"))
    linked = _with_least(down)
    pairs = functools.reduce(
        lambda x, y: x.unionByName(y),
        (linked.select(f.col("least").alias("a"), f.col(n).alias("b")) for n in ("u", "v")),
    )
    return pairs.where("a < b").distinct()
