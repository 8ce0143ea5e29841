"""Lines that repeat over the documents of a source: counted for each source, scored for each document.

What stands in most pages of a source is its banner, navigation or footer. Headings repeat, too ("See also"), and
belong to the text: so what may be removed lies at the beginning or the end of a document, with nothing in between, and
each such line stays in one document of the source. It lies there in most of the documents that hold it: a heading that
begins a few pages, and stands within most others, belongs to these pages' text. What hardly stands anywhere else
("This page last modified on ...") need not be in as many. A refrain counts once a document,
however often it is sung.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from lakehouse.declare.relations import Relations, Rows
from lakehouse.errors import FlowError
from schemas.documents import document_boilerplate, document_signatures
from schemas.lineage import LINEAGE_NAMES


@dataclass(frozen=True, slots=True)
class BoilerplateParams:
    """When a line is repeated.

    Args:
        share: Least share of the documents of a source in which the line stands.
        end_share: The same of lines that stand hardly anywhere but at the ends of documents.
        documents: Least number of such documents, so that small sources have no repeated lines.
    """

    share: float = 0.3
    end_share: float = 0.1
    documents: int = 10

    def __post_init__(self) -> None:
        """Refuse what calls every line repeated."""
        if not 0 < self.end_share <= self.share <= 1 or self.documents < 2:
            raise FlowError(
                f"share is {self.share}, end_share {self.end_share}, documents {self.documents}",
                "give shares up to 1, of which end_share is not the greater one, and 2 or more documents",
            )


@flow(
    id="jobs.dedup.boilerplate.repeated_lines",
    writes=document_boilerplate,
    kind="relational",
    reads={"signatures": read(document_signatures, columns=[*LINEAGE_NAMES, "lines", "line_chars"])},
    params=BoilerplateParams,
    tags=("dedup",),
)
def repeated_lines(signatures: Rows, relations: Relations, params: BoilerplateParams) -> Rows:
    """Score each document by the lines that it has in common with the others of its source.

    Args:
        signatures: silver.document_signatures.
        relations: The engine's.
        params: See `BoilerplateParams`.

    Returns:
        Rows of silver.document_boilerplate, one for each document that has lines.
    """
    lines = relations.cached(relations.map_batches(signatures, _lines, _LINES))
    frequent = relations.sql(
        f"""
        WITH sizes AS (SELECT source, count(*) AS documents FROM lines WHERE ahead = 0 GROUP BY source),
        counted AS (
          SELECT source, line, count(DISTINCT sample_id) AS documents, min(sample_id) AS first_id
          FROM lines GROUP BY source, line HAVING count(*) >= {params.documents}
        )
        SELECT c.source, c.line, c.first_id,
          c.documents >= CAST('{params.share!r}' AS DOUBLE) * s.documents AS everywhere
        FROM counted AS c
        INNER JOIN sizes AS s ON c.source = s.source
        WHERE c.documents >= {params.documents} AND c.documents >= CAST('{params.end_share!r}' AS DOUBLE) * s.documents
        """,  # noqa: S608 - numbers of ours
        lines=lines,
    )
    rule = (
        f"lines in {params.share} or more of the documents of a source, or in {params.end_share} if at their ends, "
        f"at least {params.documents}"
    )
    # Where every line repeats there is no text that they frame, and nothing is removed.
    return relations.sql(
        f"""
        WITH common AS (
          SELECT l.*, coalesce(f.everywhere, false) AS repeated, coalesce(f.everywhere, true) AS everywhere,
            f.line IS NOT NULL AS frequent, f.first_id
          FROM lines AS l
          LEFT JOIN frequent AS f ON l.source = f.source AND l.line = f.line
        ),
        framed AS (
          SELECT sample_id, min(CASE WHEN NOT frequent THEN ahead END) AS head,
            min(CASE WHEN NOT frequent THEN behind END) AS tail
          FROM common GROUP BY sample_id
        ),
        placed AS (
          SELECT c.source, c.line, CASE WHEN c.everywhere THEN 5 ELSE 9 END AS of_ten,
            count(DISTINCT CASE WHEN c.ahead < f.head THEN c.sample_id END) AS heads,
            count(DISTINCT CASE WHEN c.behind < f.tail THEN c.sample_id END) AS tails,
            count(DISTINCT c.sample_id) AS documents
          FROM common AS c
          INNER JOIN framed AS f ON c.sample_id = f.sample_id
          WHERE c.frequent AND f.head IS NOT NULL
          GROUP BY c.source, c.line, c.everywhere
        ),
        marked AS (
          SELECT c.*, coalesce(10 * p.heads >= p.of_ten * p.documents AND c.first_id <> c.sample_id, false) AS off_head,
            coalesce(10 * p.tails >= p.of_ten * p.documents AND c.first_id <> c.sample_id, false) AS off_tail
          FROM common AS c
          LEFT JOIN placed AS p ON c.source = p.source AND c.line = p.line
        ),
        scored AS (
          SELECT sample_id, CAST(count(*) AS INT) AS n_lines,
            CAST(sum(CASE WHEN repeated THEN 1 ELSE 0 END) AS INT) AS repeated_lines,
            CAST(sum(CASE WHEN repeated THEN chars ELSE 0 END) AS DOUBLE) / CAST(sum(chars) AS DOUBLE)
              AS repeated_line_chars,
            CAST(coalesce(min(CASE WHEN NOT off_head THEN ahead END), 0) AS INT) AS head_lines,
            CAST(coalesce(min(CASE WHEN NOT off_tail THEN behind END), 0) AS INT) AS tail_lines
          FROM marked GROUP BY sample_id
        )
        SELECT {", ".join(f"s.{name}" for name in LINEAGE_NAMES)}, m.n_lines, m.repeated_lines, m.repeated_line_chars,
          m.head_lines, m.tail_lines, '{rule}' AS rule
        FROM scored AS m
        INNER JOIN signatures AS s ON m.sample_id = s.sample_id
        """,  # noqa: S608 - numbers and names of ours
        lines=lines,
        frequent=frequent,
        signatures=signatures,
    )


_LINES = pa.schema(
    [
        ("sample_id", pa.string()),
        ("source", pa.string()),
        ("line", pa.int64()),
        ("chars", pa.int32()),
        ("ahead", pa.int32()),
        ("behind", pa.int32()),
    ]
)


def _lines(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield a row for each line, with the lines ahead of it and behind it in its document."""
    for batch in batches:
        lines = batch.column("lines")
        rows = pc.list_parent_indices(lines)
        counts = np.asarray(pc.fill_null(pc.list_value_length(lines), 0)).astype(np.int64)
        ahead = np.arange(len(rows)) - np.repeat(np.cumsum(counts) - counts, counts)
        behind = np.repeat(counts, counts) - 1 - ahead
        names = [batch.column(name).take(rows).cast(pa.string()) for name in ("sample_id", "source")]
        values = [lines.flatten(), batch.column("line_chars").flatten()]
        places = [pa.array(place.astype(np.int32)) for place in (ahead, behind)]
        yield pa.record_batch([*names, *values, *places], schema=_LINES)
