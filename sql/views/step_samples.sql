-- One sample in one row of one training step: which step saw which sample, under which licence.
-- A position names a row only at the version that the step's release pins, hence __trained, which unites the
-- releases that were trained on; see lakehouse/query/connection.py.
--
-- training_run: The training run.
-- step: Optimizer step, from 1.
-- release: The release that was trained on.
-- stage: Training stage.
-- position: Position of the row in the stage.
-- sample_id: A sample in that row.
-- modality: Its modality.
-- tokens: Its tokens in that row.
-- source: Its source.
-- license: Its licence, an SPDX expression.
-- table: The table that holds it.
-- language: Its language, a BCP 47 tag.
-- kind: Genre.
-- cell: modality/language group/kind.
-- at: When the step ended.
WITH seen AS (
    SELECT training_run, step, release, stage, "at", unnest(positions) AS position
    FROM ledger.training_steps
), pieces AS (
    SELECT release, stage, position, unnest(segments) AS segment
    FROM __trained.sequences
), held AS (
    SELECT release, stage, position, segment.sample_id AS sample_id, segment.modality AS modality,
        sum(segment."end" - segment."begin")::BIGINT AS tokens
    FROM pieces
    WHERE segment.sample_id IS NOT NULL
    GROUP BY ALL
)
SELECT seen.training_run, seen.step, seen.release, seen.stage, seen.position, held.sample_id, held.modality,
    held.tokens, samples.source, samples.license, samples."table" AS "table", samples.language, samples.kind,
    samples.cell, seen."at" AS "at"
FROM seen
JOIN held USING (release, stage, position)
LEFT JOIN __trained.samples AS samples
    ON samples.release = held.release AND samples.sample_id = held.sample_id
