"""Connected components of a graph given as an edge table."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa

from lakehouse.declare.relations import Relations, Rows

log = logging.getLogger("mixlake.dedup")

COMPONENTS = pa.schema([pa.field("node", pa.string()), pa.field("component", pa.string())])


def components(relations: Relations, edges: Rows, *, one_task: int, most_rounds: int) -> Rows:
    """Return the component of each node that has an edge, named by its least node.

    Up to `one_task` edges are joined by one task (144 bytes an edge); more by alternating rounds of large-star and
    small-star (Kiveris et al., "Connected components in MapReduce and beyond", SoCC 2014), each one shuffle. Both
    give the same names. Where the rounds do not come to an end within `most_rounds`, the parts found so far are
    named: a component may then be in several parts, and duplicates across parts stay.

    Args:
        relations: The engine's.
        edges: Columns a and b (string), a < b, distinct; read more than once, so let it be cached.
        one_task: Edges that one task may hold.
        most_rounds: Rounds at most.

    Returns:
        Columns node and component (string).
    """
    if _count(relations, edges) <= one_task:
        return relations.map_batches(edges, _union, COMPONENTS, tasks="one")
    return _stars(relations, edges, most_rounds)


def _count(relations: Relations, rows: Rows) -> int:
    counted = relations.to_arrow(relations.sql("SELECT count(*) AS n FROM counted", counted=rows))
    return int(counted.column("n")[0].as_py())


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


def _stars(relations: Relations, edges: Rows, most_rounds: int) -> Rows:
    """Alternate large-star and small-star until the edges no longer change."""
    kept = edges
    for _ in range(most_rounds):
        before = kept
        kept = relations.computed(relations.sql(_SMALL_STAR, edges=relations.sql(_LARGE_STAR, edges=before)))
        if _count(relations, relations.sql(_CHANGED, before=before, after=kept)) == 0:
            break
    else:
        log.warning("components were not joined within %d rounds; duplicates across their parts stay", most_rounds)
    # Each edge is now a star's: the least node of the component, and a member.
    return relations.sql(
        """
        WITH named AS (
          SELECT b AS node, a AS component FROM stars UNION ALL SELECT a AS node, a AS component FROM stars
        )
        SELECT node, min(component) AS component FROM named GROUP BY node
        """,
        stars=kept,
    )


# Each node's greater neighbours are linked to the least of its neighbourhood.
_LARGE_STAR = """
WITH both_ways AS (SELECT a AS u, b AS v FROM edges UNION ALL SELECT b AS u, a AS v FROM edges),
known AS (SELECT u, v, least(u, min(v) OVER (PARTITION BY u)) AS smallest FROM both_ways)
SELECT DISTINCT smallest AS a, v AS b FROM known WHERE v > u
"""
# Each node and its lesser neighbours are linked to the least of them.
_SMALL_STAR = """
WITH known AS (SELECT b AS u, a AS v, least(b, min(a) OVER (PARTITION BY b)) AS smallest FROM edges),
pairs AS (SELECT smallest AS a, u AS b FROM known UNION ALL SELECT smallest AS a, v AS b FROM known)
SELECT DISTINCT a, b FROM pairs WHERE a < b
"""
# Edges are distinct in each of the two.
_CHANGED = """
SELECT a, b FROM (SELECT a, b FROM before UNION ALL SELECT a, b FROM after) AS edges
GROUP BY a, b HAVING count(*) = 1
"""
