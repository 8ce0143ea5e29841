"""Pictures that repeat a kept one: alike by perceptual hash, and alike in colour.

Candidates come from multi-index hashing (Manku, Jain, Das Sarma (2007), "Detecting near-duplicates for web
crawling"): the 64 bits are cut into `distance + matching` blocks; two hashes that differ in at most
`distance` bits agree in at least `matching` whole blocks, so they meet under at least one choice of blocks.
Every candidate is verified: Hamming distance of the hashes, the largest difference of two thumbnail values, since
cut-outs of one shape in another colour share a hash, and that of two values of 64 x 64 cells, since a picture with
another letter or sign on it shares hash and thumbnail. Of 820 pictures, the two that differ in a letter alone are
207 levels apart there; a copy at another size or compression of JPEG's quality 90 is 13 apart in the median. What
is saved in a worse quality is kept: a repeated picture costs less than a lost one. A mirrored picture is another.

Pictures are decided in the order of their ids: one is kept unless it repeats one kept before. Where nothing
depends on order but neighbours, all are decided at once, so that this takes few rounds (Blelloch, Fineman,
Shun (2012), "Greedy sequential maximal independent set and matching are parallel on average").
"""

from __future__ import annotations

import functools
import logging
from dataclasses import dataclass

import pyarrow as pa

from jobs.dedup import hamming
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from lakehouse.declare.relations import Relations, Rows
from schemas.images import image_duplicates, image_scores
from schemas.lineage import LINEAGE_NAMES

log = logging.getLogger("mixlake.dedup")


@dataclass(frozen=True, slots=True)
class ImageDuplicateParams:
    """When a picture repeats another.

    Args:
        distance: Most bits in which two hashes differ.
        color_difference: Most levels (of 255) in which any of the 192 thumbnail values differs.
        detail_difference: Most levels in which any of the 12,288 values of the detail differs.
        matching: Blocks that must agree whole: more make buckets smaller and copies of a row more numerous,
            binomial(distance + matching, matching) of them.
        window: A picture is compared with so many before it in a bucket, sorted by hash: bounds a skewed bucket.
        rounds: Most rounds of decisions; what is undecided then is kept.
    """

    distance: int = 4
    color_difference: int = 16
    detail_difference: int = 24
    matching: int = 2
    window: int = 256
    rounds: int = 64

    @property
    def rule(self) -> str:
        """What is written beside a removal."""
        return (
            f"phash distance <= {self.distance}, thumbnail difference <= {self.color_difference}, "
            f"detail difference <= {self.detail_difference}"
        )


@flow(
    id="jobs.dedup.images.image_duplicates_by_hash",
    writes=image_duplicates,
    reads={"scores": read(image_scores, columns=[*LINEAGE_NAMES, "phash", "thumbnail", "detail"])},
    kind="relational",
    params=ImageDuplicateParams,
)
def image_duplicates_by_hash(scores: Rows, relations: Relations, params: ImageDuplicateParams) -> Rows:
    """Name for each picture that repeats a kept one the nearest such, and how near it is."""
    # Equal pixels: decided by a grouping alone, so that a family of copies is one picture below.
    family = relations.computed(
        relations.sql(
            """
            SELECT phash, thumbnail, md5(detail) AS detail_id, detail, min(sample_id) AS sample_id
            FROM scores GROUP BY phash, thumbnail, detail
            """,
            scores=scores,
        )
    )
    pairs = relations.computed(verified_pairs(relations, family, params))
    removed = decide(relations, pairs, params.rounds)
    # The nearest kept neighbour before it, the smaller id where two are as near.
    keepers = relations.sql(
        """
        WITH possible AS (
          SELECT p.b AS first_id, p.a AS keeper_id, p.distance, p.color_difference, p.detail_difference,
            row_number() OVER (
              PARTITION BY p.b ORDER BY p.distance, p.color_difference, p.detail_difference, p.a
            ) AS place
          FROM pairs AS p
          WHERE NOT EXISTS (SELECT 1 FROM removed AS r WHERE r.sample_id = p.a)
            AND EXISTS (SELECT 1 FROM removed AS r WHERE r.sample_id = p.b)
        )
        SELECT first_id, keeper_id, distance, color_difference, detail_difference FROM possible WHERE place = 1
        """,
        pairs=pairs,
        removed=removed,
    )
    return relations.sql(
        f"""
        SELECT {", ".join(f"s.{name}" for name in LINEAGE_NAMES)},
          coalesce(k.keeper_id, f.sample_id) AS keeper_id,
          CAST(coalesce(k.distance, 0) AS INT) AS distance,
          CAST(coalesce(k.color_difference, 0) AS INT) AS color_difference,
          CAST(coalesce(k.detail_difference, 0) AS INT) AS detail_difference,
          '{params.rule}' AS rule
        FROM scores AS s
        INNER JOIN family AS f ON s.phash = f.phash AND s.thumbnail = f.thumbnail AND md5(s.detail) = f.detail_id
        LEFT JOIN keepers AS k ON f.sample_id = k.first_id
        WHERE k.keeper_id IS NOT NULL OR s.sample_id <> f.sample_id
        """,  # noqa: S608 - numbers and names of ours
        scores=scores,
        family=family,
        keepers=keepers,
    )


_KEYS = pa.schema([("sample_id", pa.string()), ("hash", pa.int64()), ("key", pa.int64())])
_CLOSE = pa.schema([("a", pa.string()), ("b", pa.string()), ("distance", pa.int32())])
_ALIKE = _CLOSE.append(pa.field("color_difference", pa.int32()))
_SAME = _ALIKE.append(pa.field("detail_difference", pa.int32()))


def verified_pairs(relations: Relations, pictures: Rows, params: ImageDuplicateParams) -> Rows:
    """Return each pair of pictures (a before b) that are alike, with their distances.

    Args:
        relations: The engine's.
        pictures: sample_id, phash, thumbnail, detail; no two rows with all equal.
        params: Limits.
    """
    keys = functools.partial(hamming.bucket_keys, distance=params.distance, matching=params.matching)
    close = functools.partial(hamming.close_pairs, distance=params.distance, window=params.window)
    alike = functools.partial(hamming.alike_pairs, most=params.color_difference, name="color_difference")
    same = functools.partial(hamming.alike_pairs, most=params.detail_difference, name="detail_difference")
    hashes = relations.sql("SELECT sample_id, phash FROM pictures", pictures=pictures)
    buckets = relations.map_batches(hashes, keys, _KEYS)
    # Within a bucket by hash, then by an order that has nothing to do with that of decision: a family longer
    # than the window is then decided in few rounds, too.
    order = ("hash", "reverse(sample_id)")
    pairs = relations.map_batches(buckets, close, _CLOSE, together=("key",), order_by=order)
    seen = relations.sql(
        """
        WITH distinct_pairs AS (SELECT DISTINCT a, b, distance FROM pairs)
        SELECT p.a, p.b, p.distance, one.thumbnail AS pixels_a, other.thumbnail AS pixels_b
        FROM distinct_pairs AS p
        INNER JOIN pictures AS one ON p.a = one.sample_id
        INNER JOIN pictures AS other ON p.b = other.sample_id
        """,
        pairs=pairs,
        pictures=pictures,
    )
    in_detail = relations.sql(
        """
        SELECT p.a, p.b, p.distance, p.color_difference, one.detail AS pixels_a, other.detail AS pixels_b
        FROM pairs AS p
        INNER JOIN pictures AS one ON p.a = one.sample_id
        INNER JOIN pictures AS other ON p.b = other.sample_id
        """,
        pairs=relations.map_batches(seen, alike, _ALIKE),
        pictures=pictures,
    )
    return relations.map_batches(in_detail, same, _SAME)


def decide(relations: Relations, pairs: Rows, rounds: int) -> Rows:
    """Return the ids to remove: those with a kept neighbour before them, in the order of ids.

    Args:
        relations: The engine's.
        pairs: a, b with a before b: neighbours.
        rounds: Most rounds.
    """
    open_pairs = relations.sql("SELECT a, b FROM pairs", pairs=pairs)
    removed = relations.from_arrow(pa.table({"sample_id": pa.array([], pa.string())}))
    for _ in range(rounds):
        if _is_empty(relations, open_pairs):
            return removed
        gone = relations.computed(relations.sql(_GONE, pairs=open_pairs))
        removed = relations.sql(
            "SELECT sample_id FROM removed UNION ALL SELECT b AS sample_id FROM gone", removed=removed, gone=gone
        )
        open_pairs = relations.computed(relations.sql(_STILL_OPEN, pairs=open_pairs, gone=gone))
    if not _is_empty(relations, open_pairs):
        log.warning("pictures left undecided after %d rounds are kept", rounds)
    return removed


# Kept for certain: what has neighbours after it and none undecided before it. What has such a neighbour goes.
_GONE = """
SELECT DISTINCT p.b FROM pairs AS p WHERE NOT EXISTS (SELECT 1 FROM pairs AS q WHERE q.b = p.a)
"""
_STILL_OPEN = """
SELECT p.a, p.b FROM pairs AS p
WHERE NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.b = p.b) AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.b = p.a)
"""


def _is_empty(relations: Relations, rows: Rows) -> bool:
    first = relations.to_arrow(relations.sql("SELECT a FROM pairs LIMIT 1", pairs=rows))
    return not len(first)
