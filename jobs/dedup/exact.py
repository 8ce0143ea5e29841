"""Exact duplicates: documents of equal text, of which the first in the keeping order stays."""

from __future__ import annotations

from lakehouse.declare.relations import Relations, Rows

RULE = "equal content_id (SHA-256, 128 bits)"


def ranked(relations: Relations, signatures: Rows, order: Rows) -> Rows:
    """Add `rank` (string): documents are kept in its order, and `first`, the least rank of an equal text.

    Args:
        relations: The engine's.
        signatures: Columns sample_id, content_id and bands.
        order: Columns sample_id, dropped and place; a document that has no row here comes last, as if dropped.

    Returns:
        Columns sample_id, bands, content_id, dropped, rank and first.
    """
    return relations.sql(
        """
        WITH numbered AS (
          SELECT s.sample_id, s.bands, s.content_id, coalesce(o.dropped, true) AS dropped,
            concat(CASE WHEN coalesce(o.dropped, true) THEN '1' ELSE '0' END, coalesce(o.place, ''), ':', s.sample_id)
              AS rank
          FROM signatures AS s
          LEFT JOIN places AS o ON s.sample_id = o.sample_id
        )
        SELECT *, min(rank) OVER (PARTITION BY content_id) AS first FROM numbered
        """,
        signatures=signatures,
        places=order,
    )


def sample_of(rank: str) -> str:
    """Return the SQL expression of the sample that a rank belongs to.

    Args:
        rank: A column of ranks.
    """
    return f"right({rank}, length({rank}) - instr({rank}, ':'))"
