"""Pictures that repeat a kept one: alike by perceptual hash, and alike in colour.

Candidates come from multi-index hashing (Manku, Jain, Das Sarma (2007), "Detecting near-duplicates for web
crawling"): the 64 bits are cut into `distance + matching` blocks; two hashes that differ in at most
`distance` bits agree in at least `matching` whole blocks, so they meet under at least one choice of blocks.
Every candidate is verified: Hamming distance of the hashes, and the largest difference of two thumbnail
values, since cut-outs of one shape in another colour or with another small mark share a hash.

Pictures are decided in the order of their ids: one is kept unless it repeats one kept before. Where nothing
depends on order but neighbours, all are decided at once, so that this takes few rounds (Blelloch, Fineman,
Shun (2012), "Greedy sequential maximal independent set and matching are parallel on average").
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jobs.dedup import hamming
from jobs.dedup.components import cut
from lakehouse.declare.flow import flow, read
from schemas.images import image_duplicates, image_scores
from schemas.lineage import LINEAGE_NAMES

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("mixlake.dedup")


@dataclass(frozen=True, slots=True)
class ImageDuplicateParams:
    """When a picture repeats another.

    Args:
        distance: Most bits in which two hashes differ.
        color_difference: Most levels (of 255) in which any of the 192 thumbnail values differs.
        matching: Blocks that must agree whole: more make buckets smaller and copies of a row more numerous,
            binomial(distance + matching, matching) of them.
        window: A picture is compared with so many before it in a bucket, sorted by hash: bounds a skewed bucket.
        rounds: Most rounds of decisions; what is undecided then is kept.
    """

    distance: int = 4
    color_difference: int = 16
    matching: int = 2
    window: int = 256
    rounds: int = 64

    @property
    def rule(self) -> str:
        """What is written beside a removal."""
        return f"phash distance <= {self.distance}, thumbnail difference <= {self.color_difference}"


@flow(
    id="jobs.dedup.images.image_duplicates_by_hash",
    writes=image_duplicates,
    reads={"scores": read(image_scores, columns=[*LINEAGE_NAMES, "phash", "thumbnail"])},
    kind="frame",
    params=ImageDuplicateParams,
)
def image_duplicates_by_hash(scores: DataFrame, params: ImageDuplicateParams) -> DataFrame:
    """Name for each picture that repeats a kept one the nearest such, and how near it is."""
    from pyspark.sql import functions as F

    # Equal hash and thumbnail: decided by a grouping alone, so that a family of copies is one picture below.
    family = scores.groupBy("phash", "thumbnail").agg(F.min("sample_id").alias("first_id"))
    family = cut(family)
    firsts = family.select(F.col("first_id").alias("sample_id"), "phash", "thumbnail")
    pairs = cut(verified_pairs(firsts, params))
    removed = decide(pairs, params.rounds)
    # The nearest kept neighbour before it, the smaller id where two are as near.
    keepers = (
        pairs.join(removed.withColumnRenamed("sample_id", "a"), "a", "left_anti")
        .join(removed.withColumnRenamed("sample_id", "b"), "b", "left_semi")
        .groupBy("b")
        .agg(F.min(F.struct("distance", "color_difference", "a")).alias("keeper"))
        .select(F.col("b").alias("first_id"), "keeper")
    )
    near = F.col("keeper")
    return (
        scores.join(family, ["phash", "thumbnail"])
        .join(keepers, "first_id", "left")
        .where(near.isNotNull() | (F.col("sample_id") != F.col("first_id")))
        .select(
            *LINEAGE_NAMES,
            F.coalesce(near["a"], F.col("first_id")).alias("keeper_id"),
            F.coalesce(near["distance"], F.lit(0)).cast("int").alias("distance"),
            F.coalesce(near["color_difference"], F.lit(0)).cast("int").alias("color_difference"),
            F.lit(params.rule).alias("rule"),
        )
    )


def verified_pairs(pictures: DataFrame, params: ImageDuplicateParams) -> DataFrame:
    """Return each pair of pictures (a before b) that are alike, with their distances.

    Args:
        pictures: sample_id, phash, thumbnail; no two rows with both equal.
        params: Limits.
    """
    from pyspark.sql import functions as F

    keys = functools.partial(hamming.bucket_keys, distance=params.distance, matching=params.matching)
    close = functools.partial(hamming.close_pairs, distance=params.distance, window=params.window)
    alike = functools.partial(hamming.alike_pairs, color_difference=params.color_difference)
    buckets = pictures.select("sample_id", "phash").mapInArrow(keys, "sample_id string, hash long, key long")
    # Within a bucket by hash, then by an order that has nothing to do with that of decision: a family longer
    # than the window is then decided in few rounds, too.
    ordered = buckets.repartition("key").sortWithinPartitions("key", "hash", F.reverse("sample_id"))
    pairs = ordered.mapInArrow(close, "a string, b string, distance int").distinct()
    thumbnails = pictures.select("sample_id", "thumbnail")
    return (
        pairs.join(thumbnails.toDF("a", "thumbnail_a"), "a")
        .join(thumbnails.toDF("b", "thumbnail_b"), "b")
        .mapInArrow(alike, "a string, b string, distance int, color_difference int")
    )


def decide(pairs: DataFrame, rounds: int) -> DataFrame:
    """Return the ids to remove: those with a kept neighbour before them, in the order of ids.

    Args:
        pairs: a, b with a before b: neighbours.
        rounds: Most rounds.
    """
    open_pairs = pairs.select("a", "b")
    removed = open_pairs.select(open_pairs["b"].alias("sample_id")).limit(0)
    for _ in range(rounds):
        if open_pairs.isEmpty():
            return removed
        # Kept for certain: it has neighbours after it and none undecided before it.
        kept = open_pairs.select("a").distinct().join(open_pairs.select(open_pairs["b"].alias("a")), "a", "left_anti")
        gone = cut(open_pairs.join(kept, "a", "left_semi").select("b").distinct())
        removed = removed.union(gone.select(gone["b"].alias("sample_id")))
        left = open_pairs.join(gone, "b", "left_anti").join(gone.select(gone["b"].alias("a")), "a", "left_anti")
        open_pairs = cut(left)
    if not open_pairs.isEmpty():
        log.warning("pictures left undecided after %d rounds are kept", rounds)
    return removed
