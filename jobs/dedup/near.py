"""Duplicates of documents: equal texts, then near duplicates, each verified against a kept document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.dedup import exact
from jobs.dedup.components import components
from jobs.dedup.keep_first import Rule
from lakehouse.declare.flow import flow, identity, read, tagged
from lakehouse.errors import FlowError
from schemas.documents import TEXT, document_duplicates, document_signatures
from schemas.lineage import LINEAGE_NAMES, SAMPLE_ID

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class NearParams:
    """Parameters of the removal of duplicates.

    Args:
        threshold: Least exact Jaccard similarity of the shingle sets of a removed document and its keeper.
        shingle: Words a shingle; the signatures' own unless one means to verify by other shingles.
        comparisons: Most kept documents that one document is compared with, those of most shared bands first.
        representatives: Most kept documents that a band key leads to.
        memory_mb: Bound of the shingles that a task holds of one component's kept documents.
        sources: Sources whose documents are kept before others', in order.
        one_task_edges: Candidate edges up to which one task finds the components.
        most_rounds: Rounds at most where there are more edges.
    """

    threshold: float = 0.75
    shingle: int = 5
    comparisons: int = 32
    representatives: int = 64
    memory_mb: int = 512
    sources: tuple[str, ...] = ()
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
    kind="frame",
    reads={
        "signatures": read(document_signatures),
        "documents": tagged("documents", columns=(SAMPLE_ID, TEXT)),
    },
    params=NearParams,
    tags=("dedup",),
)
def near_duplicates(
    signatures: DataFrame, documents: DataFrame, params: NearParams, cache: Callable[[DataFrame], DataFrame] = identity
) -> DataFrame:
    """Find the documents to remove, and the kept document that each repeats.

    Of equal texts the first stays. Of the rest, documents that share a MinHash band are compared in keeping
    order, and one is removed where it has the threshold of exact Jaccard similarity with a kept one. Only the texts
    of documents that share a band are read. The result does not depend on partitions or the order of files.

    Args:
        signatures: silver.document_signatures.
        documents: sample_id and text of all documents.
        params: See `NearParams`.
        cache: Caches rows that are read twice.

    Returns:
        Rows of silver.document_duplicates.
    """
    from pyspark.sql import functions as f

    marked = exact.ranked(signatures.select("sample_id", "source", "content_id", "bands"), params.sources)
    firsts = marked.where("rank = first")
    edges = cache(candidate_edges(firsts))
    grouped = components(edges, one_task=params.one_task_edges, most_rounds=params.most_rounds)
    met = (
        grouped.join(firsts.select(f.col("rank").alias("node"), "sample_id", "bands"), "node")
        .join(documents.select("sample_id", "text"), "sample_id")
        .repartition("component")
        .sortWithinPartitions("component", "node")
        .select("component", "sample_id", "bands", "text")
    )
    columns = "sample_id string, keeper_id string, jaccard double, shared_bands int"
    near = cache(met.mapInArrow(params.rule, columns))

    # An equal text follows its first: where that is removed, the copy repeats the same kept document.
    of_first = near.select(f.col("sample_id").alias("first_id"), "keeper_id", "jaccard", "shared_bands")
    equal = (
        marked.where("rank <> first")
        .select("sample_id", f.expr(exact.sample_of("first")).alias("first_id"))
        .join(of_first, "first_id", "left")
    )
    near_rule = (
        f"Jaccard of {params.shingle}-word shingles >= {params.threshold} with a kept document that shares a band; "
        f"{params.comparisons} comparisons, {params.representatives} representatives a band"
    )
    removed = near.withColumns({"method": f.lit("near"), "rule": f.lit(near_rule)}).unionByName(
        equal.select(
            "sample_id",
            f.coalesce("keeper_id", "first_id").alias("keeper_id"),
            f.coalesce("jaccard", f.lit(1.0)).alias("jaccard"),
            f.coalesce("shared_bands", f.lit(0)).alias("shared_bands"),
            f.when(f.col("keeper_id").isNull(), "exact").otherwise("near").alias("method"),
            f.when(f.col("keeper_id").isNull(), exact.RULE).otherwise(near_rule).alias("rule"),
        )
    )
    return removed.join(signatures.select(*LINEAGE_NAMES), "sample_id")


def candidate_edges(firsts: DataFrame) -> DataFrame:
    """Return an edge from the first document of each bucket to each other one in it.

    A bucket is a band key that two documents or more have. Its star has one edge a document, so that a bucket of N
    documents costs N edges, not N squared.

    Args:
        firsts: Columns rank (string) and bands (list of int64).

    Returns:
        Columns a and b (string), ranks, a < b, distinct.
    """
    from pyspark.sql import functions as f

    keys = firsts.select("rank", f.explode("bands").alias("key"))
    # Counting first is combined before the shuffle; nothing holds a bucket in memory.
    buckets = keys.groupBy("key").agg(f.min("rank").alias("a"), f.max("rank").alias("b")).where("a <> b")
    return (
        keys.join(buckets.select("key", "a"), "key").where("rank <> a").select("a", f.col("rank").alias("b")).distinct()
    )
