"""Find what training steps saw: the rows of a stage at the version that the trainer's release pins.

A position names a row only at that version, so that the latest sequences are never read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from lakehouse.errors import QueryError, ReleaseError
from lakehouse.ledger import tables
from lakehouse.lineage.scan_reader import open_samples
from lakehouse.lineage.trace_graph import Node
from lakehouse.project import Project
from lakehouse.query.connection import Connection, connect
from lakehouse.query.time_travel import pinned_version

SEQUENCES = "gold.sequences"


def sequences_and_steps(project: Project, samples: set[str]) -> Iterator[tuple[Node, Sequence[str]]]:
    """Yield the sequences that hold some samples and the training steps that saw them, each with its parents.

    A position names a row only at the version that the step read, so that each release that was trained on is read by
    itself.
    """
    if not project.catalog.has(tables.training_steps.name):
        return
    wanted = sorted(samples)
    with connect(project) as connection:
        trained = connection.trained_releases()
        version = connection.versions[tables.training_steps.name]
    for release in trained:
        pinned = pinned_version(project.catalog, release, SEQUENCES)
        if pinned is None:
            continue
        with connect(project, tables={SEQUENCES: pinned}) as connection:
            if not _has_sequences(connection):
                continue
            rows = connection.rows(_STEPS, [wanted, release])
        for row in rows:
            details = [row[name] or "" for name in ("run_id", "source", "license")]
            yield Node(row["sample_id"], SEQUENCES, pinned, *details), row["parents"]
            name = f"{row['training_run']}#{row['step']}"
            yield Node(name, tables.training_steps.name, version), [row["sample_id"]]


def steps_of_samples(project: Project, samples: Sequence[str]) -> list[dict[str, Any]]:
    """Return which training steps saw which of some samples.

    Returns:
        Dictionaries with sample_id, training_run, release and steps, a sorted list of numbers.
    """
    if not samples or not project.catalog.has(tables.training_steps.name):
        return []
    with connect(project) as connection:
        trained = connection.trained_releases()
    found = []
    for release in trained:
        pinned = pinned_version(project.catalog, release, SEQUENCES)
        if pinned is None:
            continue
        with connect(project, tables={SEQUENCES: pinned}) as connection:
            if _has_sequences(connection):
                found += connection.rows(_STEPS_OF_SAMPLES, [list(samples), release])
    return found


def steps_with_rows(project: Project, release: str, ids: pa.RecordBatchReader) -> list[tuple[str, int, int, int]]:
    """Return which training steps on a release saw one of some rows, or a sequence that is one of them.

    Args:
        project: The project.
        release: The release.
        ids: string ``id``: sample ids.

    Returns:
        (training run, steps, first step, last step), by training run.
    """
    pinned = pinned_version(project.catalog, release, SEQUENCES)
    if pinned is None:
        return []
    with connect(project, tables={SEQUENCES: pinned}) as connection:
        if not _has_sequences(connection):
            return []
        connection.register_rows("__wanted", ids)
        rows = connection.rows(_STEPS_WITH_ROWS, [release])
    return [(row["training_run"], row["steps"], row["first"], row["last"]) for row in rows]


def _has_sequences(connection: Connection) -> bool:
    """Whether the table of sequences is that, and not a user's own of that name."""
    columns = connection.columns(SEQUENCES)
    own = connection.project.lineage_columns(SEQUENCES, columns)
    return own >= {"sample_id", "parent_ids", "run_id", "source", "license"} and {"stage", "position"} <= columns.keys()


_STEPS_WITH_ROWS = """
WITH places AS (
    SELECT stage, position FROM gold.sequences WHERE sample_id IN (SELECT id FROM __wanted)
    UNION
    SELECT stage, position FROM (SELECT stage, position, unnest(parent_ids) AS parent FROM gold.sequences)
    WHERE parent IN (SELECT id FROM __wanted)
), seen AS (
    SELECT training_run, step, stage, unnest(positions) AS position FROM ledger.training_steps WHERE release = $1
)
SELECT training_run, count(DISTINCT step) AS steps, min(step) AS first, max(step) AS last
FROM seen JOIN places USING (stage, position) GROUP BY ALL ORDER BY ALL
"""

_STEPS_OF_SAMPLES = """
WITH places AS (
    SELECT stage, position, unnest(list_distinct([sample_id] || parent_ids)) AS sample_id FROM gold.sequences
    WHERE list_has_any(parent_ids, $1::VARCHAR[]) OR sample_id IN (SELECT unnest($1::VARCHAR[]))
), near AS (
    SELECT training_run, step, stage, unnest(positions) AS position FROM ledger.training_steps
    WHERE release = $2 AND list_has_any(positions, (SELECT coalesce(list(position), []) FROM places))
)
SELECT places.sample_id, near.training_run, $2::VARCHAR AS release, list(DISTINCT near.step ORDER BY near.step) AS steps
FROM near JOIN places USING (stage, position)
WHERE places.sample_id IN (SELECT unnest($1::VARCHAR[]))
GROUP BY ALL ORDER BY ALL
"""

_STEPS = """
WITH places AS (
    SELECT sample_id, parent_ids, run_id, source, license, stage, position FROM gold.sequences
    WHERE list_has_any(parent_ids, $1::VARCHAR[]) OR sample_id IN (SELECT unnest($1::VARCHAR[]))
), near AS (
    SELECT training_run, step, stage, unnest(positions) AS position FROM ledger.training_steps
    WHERE release = $2 AND list_has_any(positions, (SELECT coalesce(list(position), []) FROM places))
)
SELECT DISTINCT near.training_run, near.step, places.sample_id, places.run_id, places.source, places.license,
    list_intersect(places.parent_ids, $1::VARCHAR[]) AS parents
FROM near JOIN places USING (stage, position) ORDER BY ALL
"""


def step(project: Project, number: int, training_run: str | None = None) -> dict[str, Any]:
    """Return what one training step saw.

    Args:
        project: The project.
        number: The optimizer step, from 1.
        training_run: The training run, by default the one that stepped last.

    Returns:
        A dictionary with training_run, step, release, stage and rows; a row has position, sample_id,
        n_tokens, license and samples, and of each of those sample_id, tokens, source and license.

    Raises:
        QueryError: If there is no such step.
    """
    with connect(project) as connection:
        rows = connection.rows(
            """
            SELECT training_run, step, release, stage, positions, "at" FROM ledger.training_steps
            WHERE step = $1 AND ($2::VARCHAR IS NULL OR training_run = $2) ORDER BY "at" DESC LIMIT 1
            """,
            [number, training_run],
        )
        if not rows:
            known = connection.rows(
                "SELECT training_run, min(step) AS first, max(step) AS last FROM ledger.training_steps GROUP BY ALL"
            )
            runs = ", ".join(f"{row['training_run']} (steps {row['first']} to {row['last']})" for row in known[:5])
            raise QueryError(
                f"there is no training step {number}" + (f" of {training_run}" if training_run else ""),
                f"there are {runs}" if runs else "no training step is recorded yet; mixlake train makes some",
            )
    recorded = rows[0]
    pinned = pinned_version(project.catalog, recorded["release"], SEQUENCES)
    if pinned is None:
        raise ReleaseError(
            f"the rows of step {number} are gone with the release {recorded['release']}", "trace a later training run"
        )
    with connect(project, tables={SEQUENCES: pinned}) as connection:
        sequences = connection.rows(_STEP_ROWS, [recorded["stage"], recorded["positions"]])
        reader = open_samples(project, connection)
        samples = sorted({sample["sample_id"] for row in sequences for sample in row["samples"]})
        known_rows = reader.read(samples, [], 100 * len(samples) + 1)
    origin: dict[str, dict[str, Any]] = {}
    for row in known_rows:
        if row["source"]:
            origin.setdefault(row["sample_id"], row)
    for sample in (sample for row in sequences for sample in row["samples"]):
        known_row = origin.get(sample["sample_id"], {})
        sample["source"], sample["license"] = known_row.get("source"), known_row.get("license")
    return {
        "training_run": recorded["training_run"],
        "step": recorded["step"],
        "release": recorded["release"],
        "stage": recorded["stage"],
        "rows": sequences,
    }


_STEP_ROWS = """
WITH chosen AS (
    SELECT position, sample_id, n_tokens, license, segments FROM gold.sequences
    WHERE stage = $1 AND position IN (SELECT unnest($2::BIGINT[]))
), pieces AS (
    SELECT position, unnest(segments) AS segment FROM chosen
), counted AS (
    SELECT position, segment.sample_id AS sample_id, min(segment."begin") AS place,
        sum(segment."end" - segment."begin") AS tokens
    FROM pieces WHERE segment.sample_id IS NOT NULL GROUP BY ALL
), listed AS (
    SELECT position, list({'sample_id': sample_id, 'tokens': tokens::BIGINT} ORDER BY place) AS samples
    FROM counted GROUP BY ALL
)
SELECT position, sample_id, n_tokens, license, coalesce(samples, []) AS samples
FROM chosen LEFT JOIN listed USING (position) ORDER BY position
"""
