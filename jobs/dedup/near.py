"""Duplicates of documents: equal texts, then near duplicates, each verified against a kept document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from jobs.dedup import exact
from jobs.dedup.components import components
from jobs.dedup.keep_first import SCHEMA, Rule
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from lakehouse.errors import FlowError
from schemas.documents import MODALITY, TEXT, document_duplicates, document_order, document_signatures
from schemas.lineage import LINEAGE_NAMES, SAMPLE_ID


@dataclass(frozen=True, slots=True)
class NearParams:
    """Parameters of the removal of duplicates.

    Args:
        threshold: Least exact Jaccard similarity of the shingle sets of a removed document and its keeper.
        shingle: Words a shingle; the signatures' own unless one means to verify by other shingles.
        comparisons: Most kept documents that one document is compared with, those of most shared bands first.
        representatives: Most kept documents that a band key leads to.
        memory_mb: Bound of the shingles that a task holds of one component's kept documents.
        one_task_edges: Candidate edges up to which one task finds the components.
        most_rounds: Rounds at most where there are more edges.
    """

    threshold: float = 0.75
    shingle: int = 5
    comparisons: int = 32
    representatives: int = 64
    memory_mb: int = 512
    one_task_edges: int = 2_000_000
    most_rounds: int = 32

    def __post_init__(self) -> None:
        """Refuse what removes everything or nothing."""
        if not 0 < self.threshold <= 1:
            raise FlowError(f"threshold is {self.threshold}", "give a similarity above 0, up to 1")
        if min(self.shingle, self.comparisons, self.representatives, self.memory_mb, self.most_rounds) < 1:
            raise FlowError("shingle, comparisons, representatives, memory_mb and most_rounds must be 1 or more")

    @property
    def rule(self) -> Rule:
        """How documents are matched."""
        return Rule(self.shingle, self.threshold, self.comparisons, self.representatives, self.memory_mb)


@flow(
    id="jobs.dedup.near.near_duplicates",
    writes=document_duplicates,
    kind="relational",
    reads={
        "signatures": read(document_signatures, columns=[*LINEAGE_NAMES, "content_id", "bands"]),
        "order": read(document_order, columns=["sample_id", "dropped", "place"]),
        "documents": tagged("documents", columns=(SAMPLE_ID, MODALITY, TEXT)),
    },
    params=NearParams,
    tags=("dedup",),
)
def near_duplicates(signatures: Rows, order: Rows, documents: Rows, relations: Relations, params: NearParams) -> Rows:
    """Find the documents to remove, and the kept document that each repeats.

    Of equal texts the first stays. Of the rest, documents that share a MinHash band are compared in keeping
    order, and one is removed where it has the threshold of exact Jaccard similarity with a kept one. A document that
    the policy drops may repeat a kept one, and no document repeats it. Only the texts of documents that share a band
    are read. The result does not depend on partitions or the order of files.

    Args:
        signatures: silver.document_signatures.
        order: silver.document_order.
        documents: sample_id, modality and text of all documents.
        relations: The engine's.
        params: See `NearParams`.

    Returns:
        Rows of silver.document_duplicates.
    """
    marked = relations.cached(exact.ranked(relations, signatures, order))
    firsts = relations.sql("SELECT rank, sample_id, bands, dropped FROM marked WHERE rank = first", marked=marked)
    edges = relations.cached(candidate_edges(relations, firsts))
    grouped = components(relations, edges, one_task=params.one_task_edges, most_rounds=params.most_rounds)
    met = relations.sql(
        """
        SELECT g.component, g.node, f.sample_id, f.bands, f.dropped, d.modality, d.text
        FROM grouped AS g
        INNER JOIN firsts AS f ON g.node = f.rank
        INNER JOIN documents AS d ON f.sample_id = d.sample_id
        """,
        grouped=grouped,
        firsts=firsts,
        documents=documents,
    )
    compared = relations.map_batches(met, params.rule, SCHEMA, together=("component",), order_by=("node",))
    near = relations.cached(compared)
    near_rule = (
        f"Jaccard of {params.shingle}-word shingles >= {params.threshold} with a kept document that shares a band; "
        f"{params.comparisons} comparisons, {params.representatives} representatives a band"
    )
    # An equal text follows its first: where that is removed, the copy repeats the same kept document. Where the first
    # is one that the policy drops, so is the copy (those kept come first), and it repeats the first's keeper alone.
    return relations.sql(
        f"""
        WITH equal AS (
          SELECT sample_id, {exact.sample_of("first")} AS first_id, substring(first, 1, 1) = '1' AS first_dropped
          FROM marked WHERE rank <> first
        ),
        removed AS (
          SELECT sample_id, keeper_id, jaccard, shared_bands, 'near' AS method, '{near_rule}' AS rule FROM near
          UNION ALL
          SELECT e.sample_id, coalesce(n.keeper_id, e.first_id) AS keeper_id,
            coalesce(n.jaccard, CAST(1 AS DOUBLE)) AS jaccard, coalesce(n.shared_bands, 0) AS shared_bands,
            CASE WHEN n.keeper_id IS NULL THEN 'exact' ELSE 'near' END AS method,
            CASE WHEN n.keeper_id IS NULL THEN '{exact.RULE}' ELSE '{near_rule}' END AS rule
          FROM equal AS e
          LEFT JOIN near AS n ON e.first_id = n.sample_id
          WHERE n.keeper_id IS NOT NULL OR NOT e.first_dropped
        )
        SELECT r.*, {", ".join(f"s.{name}" for name in LINEAGE_NAMES if name != "sample_id")}
        FROM removed AS r
        INNER JOIN signatures AS s ON r.sample_id = s.sample_id
        """,  # noqa: S608 - numbers and names of ours
        marked=marked,
        near=near,
        signatures=signatures,
    )


def candidate_edges(relations: Relations, firsts: Rows) -> Rows:
    """Return an edge from the first document of each bucket to each other one in it.

    A bucket is a band key that two documents or more have. Its star has one edge a document, so that a bucket of N
    documents costs N edges, not N squared.

    Args:
        relations: The engine's.
        firsts: Columns rank (string) and bands (list of int64).

    Returns:
        Columns a and b (string), ranks, a < b, distinct.
    """
    keys = relations.map_batches(firsts, _band_keys, _KEYS)
    # Counting first is combined before the shuffle; nothing holds a bucket in memory.
    return relations.sql(
        """
        WITH buckets AS (SELECT key, min(rank) AS a FROM keys GROUP BY key HAVING min(rank) <> max(rank))
        SELECT DISTINCT b.a, k.rank AS b
        FROM keys AS k
        INNER JOIN buckets AS b ON k.key = b.key
        WHERE k.rank <> b.a
        """,
        keys=keys,
    )


_KEYS = pa.schema([pa.field("rank", pa.string()), pa.field("key", pa.int64())])


def _band_keys(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield a row for each band key of each document."""
    for batch in batches:
        bands = batch.column("bands")
        ranks = batch.column("rank").take(pc.list_parent_indices(bands))
        yield pa.record_batch([ranks.cast(pa.string()), bands.flatten()], schema=_KEYS)
