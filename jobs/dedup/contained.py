"""Documents of which most stands in one longer kept document: found by fingerprints, verified exactly.

Jaccard similarity is small where a short text stands in a long one, so that MinHash does not find it. Fingerprints
(`jobs.dedup.winnow`) depend on their neighbourhood alone: a text that stands in another shares its own with it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.dedup.images import decide
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from lakehouse.errors import FlowError
from schemas.documents import (
    MODALITY,
    TEXT,
    document_containments,
    document_duplicates,
    document_order,
    document_signatures,
)
from schemas.lineage import LINEAGE_NAMES, SAMPLE_ID


@dataclass(frozen=True, slots=True)
class ContainedParams:
    """When a document stands in another.

    Args:
        threshold: Least share of a document's set of shingles that one kept document has.
        shingles: Shingles, repeats counted, under which a document is not looked for: a few words stand anywhere.
        shingle: Words a shingle; the signatures' own unless one means to verify by other shingles.
        holders: Most documents that a fingerprint leads to, the longest ones: of a phrase that stands everywhere.
        least_shared: Least share of a document's fingerprints that a document which is compared with it has.
        comparisons: Most documents that one is compared with, those of most shared fingerprints first.
        rounds: Most rounds of decisions; what is undecided then is kept.
    """

    threshold: float = 0.8
    shingles: int = 20
    shingle: int = 5
    holders: int = 32
    least_shared: float = 0.4
    comparisons: int = 8
    rounds: int = 64

    def __post_init__(self) -> None:
        """Refuse what removes everything or nothing."""
        for name in ("threshold", "least_shared"):
            if not 0 < getattr(self, name) <= 1:
                raise FlowError(f"{name} is {getattr(self, name)}", "give a share above 0, up to 1")
        if min(self.shingles, self.shingle, self.holders, self.comparisons, self.rounds) < 1:
            raise FlowError("shingles, shingle, holders, comparisons and rounds must be 1 or more")


@flow(
    id="jobs.dedup.contained.contained_documents",
    writes=document_containments,
    kind="relational",
    reads={
        "signatures": read(document_signatures, columns=[*LINEAGE_NAMES, "n_shingles", "fingerprints"]),
        "order": read(document_order, columns=["sample_id", "dropped", "own_language"]),
        "duplicates": read(document_duplicates, columns=["sample_id"]),
        "documents": tagged("documents", columns=(SAMPLE_ID, MODALITY, TEXT)),
    },
    params=ContainedParams,
    tags=("dedup",),
)
def contained_documents(
    signatures: Rows, order: Rows, duplicates: Rows, documents: Rows, relations: Relations, params: ContainedParams
) -> Rows:
    """Find the documents to remove since most of each stands in one longer document that is kept.

    Only documents that the policy keeps and that repeat no kept one are looked at. The longest is decided first: a
    document is removed where it stands in one that is kept. A part that a flow cut from a document is no copy of it,
    and no document in its own language goes in favour of one that is not, such as a page half translated. The result
    does not depend on partitions.

    Args:
        signatures: silver.document_signatures.
        order: silver.document_order.
        duplicates: silver.document_duplicates.
        documents: sample_id, modality and text of all documents.
        relations: The engine's.
        params: See `ContainedParams`.

    Returns:
        Rows of silver.document_containments.
    """
    eligible = relations.cached(
        relations.sql(
            """
            SELECT s.sample_id, s.parent_ids, s.n_shingles, s.fingerprints, o.own_language
            FROM signatures AS s
            INNER JOIN places AS o ON s.sample_id = o.sample_id
            WHERE NOT o.dropped AND s.n_shingles > 0
              AND NOT EXISTS (SELECT 1 FROM duplicates AS d WHERE d.sample_id = s.sample_id)
            """,
            signatures=signatures,
            places=order,
            duplicates=duplicates,
        )
    )
    pairs = relations.computed(verified_pairs(relations, eligible, documents, params))
    removed = decide(relations, relations.sql("SELECT holder AS a, part AS b FROM pairs", pairs=pairs), params.rounds)
    rule = (
        f"{params.threshold} or more of the {params.shingle}-word shingles, at least {params.shingles}, stand in one "
        f"longer kept document; {params.comparisons} comparisons, {params.holders} documents a fingerprint"
    )
    return relations.sql(
        f"""
        WITH possible AS (
          SELECT p.part AS sample_id, p.holder AS keeper_id, p.containment, p.jaccard, p.shared AS shared_fingerprints,
            row_number() OVER (PARTITION BY p.part ORDER BY p.containment DESC, p.shared DESC, p.holder) AS place
          FROM pairs AS p
          WHERE EXISTS (SELECT 1 FROM removed AS r WHERE r.sample_id = p.part)
            AND NOT EXISTS (SELECT 1 FROM removed AS r WHERE r.sample_id = p.holder)
        )
        SELECT {", ".join(f"s.{name}" for name in LINEAGE_NAMES)}, p.keeper_id, 'contained' AS method, p.containment,
          p.jaccard, p.shared_fingerprints, '{rule}' AS rule
        FROM possible AS p
        INNER JOIN signatures AS s ON p.sample_id = s.sample_id
        WHERE p.place = 1
        """,  # noqa: S608 - numbers and names of ours
        pairs=pairs,
        removed=removed,
        signatures=signatures,
    )


_KEYS = pa.schema([("sample_id", pa.string()), ("n_shingles", pa.int32()), ("key", pa.int64())])
_PAIRS = pa.schema(
    [
        ("holder", pa.string()),
        ("part", pa.string()),
        ("shared", pa.int32()),
        ("containment", pa.float64()),
        ("jaccard", pa.float64()),
    ]
)


def candidates(relations: Relations, eligible: Rows, params: ContainedParams) -> Rows:
    """Return the pairs to compare: each document with those longer ones that share most of its fingerprints.

    Args:
        relations: The engine's.
        eligible: Columns sample_id, parent_ids, n_shingles, fingerprints and own_language.
        params: See `ContainedParams`.

    Returns:
        Columns holder, part (string) and shared (int32), distinct pairs.
    """
    keys = relations.map_batches(eligible, _fingerprints, _KEYS)
    # Most fingerprints stand in one document alone, and are left out before anything is sorted.
    met = relations.cached(
        relations.sql(
            """
            WITH often AS (SELECT key FROM keys GROUP BY key HAVING count(*) > 1)
            SELECT k.* FROM keys AS k INNER JOIN often AS o ON k.key = o.key
            """,
            keys=keys,
        )
    )
    return relations.sql(
        f"""
        WITH ranked AS (
          SELECT *, row_number() OVER (PARTITION BY key ORDER BY n_shingles DESC, sample_id) AS place FROM met
        ),
        shared AS (
          SELECT h.sample_id AS holder, m.sample_id AS part, CAST(count(*) AS INT) AS shared
          FROM met AS m
          INNER JOIN ranked AS h ON m.key = h.key
          WHERE h.place <= {params.holders} AND m.n_shingles >= {params.shingles}
            AND (h.n_shingles > m.n_shingles OR (h.n_shingles = m.n_shingles AND h.sample_id < m.sample_id))
          GROUP BY h.sample_id, m.sample_id
        ),
        near AS (
          SELECT s.*, row_number() OVER (PARTITION BY s.part ORDER BY s.shared DESC, s.holder) AS place
          FROM shared AS s
          INNER JOIN eligible AS e ON s.part = e.sample_id
          INNER JOIN eligible AS h ON s.holder = h.sample_id
          WHERE s.shared >= CAST('{params.least_shared!r}' AS DOUBLE) * size(e.fingerprints)
            AND NOT array_contains(e.parent_ids, s.holder) AND (h.own_language OR NOT e.own_language)
        )
        SELECT holder, part, shared FROM near WHERE place <= {params.comparisons}
        """,  # noqa: S608 - numbers of ours
        met=met,
        eligible=eligible,
    )


def verified_pairs(relations: Relations, eligible: Rows, documents: Rows, params: ContainedParams) -> Rows:
    """Return the pairs of which the part stands in the holder, with the exact shares.

    Args:
        relations: The engine's.
        eligible: Columns sample_id, parent_ids, n_shingles, fingerprints and own_language.
        documents: sample_id, modality and text.
        params: See `ContainedParams`.

    Returns:
        Columns holder, part, shared, containment and jaccard.
    """
    pairs = relations.cached(candidates(relations, eligible, params))
    # A holder's own text comes before those of its parts, and is cut into shingles once.
    texts = relations.sql(
        """
        WITH wanted AS (
          SELECT holder, holder AS sample_id, CAST(-1 AS INT) AS shared FROM pairs GROUP BY holder
          UNION ALL SELECT holder, part AS sample_id, shared FROM pairs
        )
        SELECT w.holder, w.sample_id, w.shared, d.modality, d.text
        FROM wanted AS w
        INNER JOIN documents AS d ON w.sample_id = d.sample_id
        """,
        pairs=pairs,
        documents=documents,
    )
    verify = functools.partial(_verified, shingle=params.shingle, threshold=params.threshold)
    return relations.map_batches(texts, verify, _PAIRS, together=("holder",), order_by=("shared", "sample_id"))


def _fingerprints(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield a row for each fingerprint of each document."""
    for batch in batches:
        found = batch.column("fingerprints")
        rows = pc.list_parent_indices(found)
        ids, sizes = (batch.column(name).take(rows) for name in ("sample_id", "n_shingles"))
        yield pa.record_batch([ids.cast(pa.string()), sizes, found.flatten()], schema=_KEYS)


def _verified(batches: Iterable[pa.RecordBatch], shingle: int, threshold: float) -> Iterator[pa.RecordBatch]:
    """Compare each holder with its parts; yield the pairs that have the threshold."""
    from jobs.dedup.keep_first_kernel import intersection
    from jobs.dedup.minhash import shingle_sets
    from jobs.dedup.signatures import is_code

    whole = np.empty(0, np.uint64)
    for batch in batches:
        sets, places = shingle_sets(batch.column("text"), shingle, is_code(batch))
        shared = batch.column("shared").to_numpy()
        share, jaccard = np.zeros(batch.num_rows), np.zeros(batch.num_rows)
        for row in range(batch.num_rows):
            own = sets[places[row] : places[row + 1]]
            if shared[row] < 0:
                whole = own.copy()
            elif len(own):
                both = intersection(own, whole)
                share[row] = both / len(own)
                jaccard[row] = both / (len(own) + len(whole) - both)
        found = pa.array(np.flatnonzero((shared >= 0) & (share >= threshold)))
        names = [batch.column(name).take(found).cast(pa.string()) for name in ("holder", "sample_id")]
        numbers = [pa.array(values).take(found) for values in (shared, share, jaccard)]
        yield pa.record_batch([*names, *numbers], schema=_PAIRS)
