-- One sample in one row of one training step: which step saw which sample, under which licence.
-- Positions name rows of a release's sequences; read it --at the release that was trained on.
WITH seen AS (
    SELECT training_run, step, release, stage, "at", unnest(positions) AS position
    FROM ledger.training_steps
), pieces AS (
    SELECT stage, position, unnest(segments) AS segment
    FROM gold.sequences
), held AS (
    SELECT stage, position, segment.sample_id AS sample_id, segment.modality AS modality,
        sum(segment."end" - segment."begin")::BIGINT AS tokens
    FROM pieces
    WHERE segment.sample_id IS NOT NULL
    GROUP BY ALL
)
SELECT seen.training_run, seen.step, seen.release, seen.stage, seen.position, held.sample_id, held.modality,
    held.tokens, samples.source, samples.license, samples."table" AS "table", samples.language, samples.kind,
    samples.cell, seen."at" AS "at"
FROM seen
JOIN held USING (stage, position)
LEFT JOIN gold.samples AS samples USING (sample_id)
