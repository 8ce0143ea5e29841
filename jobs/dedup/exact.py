"""Exact duplicates: documents of equal text, of which the first in the declared order stays."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from lakehouse.declare.relations import Relations, Rows

RULE = "equal content_id (SHA-256, 128 bits)"


def ranked(relations: Relations, signatures: Rows, sources: Sequence[str]) -> Rows:
    """Add `rank` (string): documents are kept in its order, and `first`, the least rank of an equal text.

    Args:
        relations: The engine's.
        signatures: Columns sample_id, source, content_id and bands.
        sources: Sources whose documents stay before others', the first before the second; the rest come after
            these, and within a source the lesser sample_id.

    Returns:
        Columns sample_id, bands, content_id, rank and first.
    """
    names = list(dict.fromkeys(sources))
    places = pa.table({"source": pa.array(names, pa.string()), "place": pa.array(range(1, len(names) + 1), pa.int32())})
    return relations.sql(
        f"""
        WITH numbered AS (
          SELECT s.sample_id, s.bands, s.content_id,
            concat(lpad(CAST(coalesce(p.place, {len(names) + 1}) AS STRING), 4, '0'), ':', s.sample_id) AS rank
          FROM signatures AS s
          LEFT JOIN places AS p ON s.source = p.source
        )
        SELECT *, min(rank) OVER (PARTITION BY content_id) AS first FROM numbered
        """,  # noqa: S608 - a number
        signatures=signatures,
        places=relations.from_arrow(places),
    )


def sample_of(rank: str) -> str:
    """Return the SQL expression of the sample that a rank belongs to.

    Args:
        rank: A column of ranks.
    """
    return f"substring({rank}, 6)"
