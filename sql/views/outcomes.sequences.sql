-- Where each drawn sample is packed: stage, position and range of tokens; a long one is in several rows.
--
-- sample_id: A sample that was drawn.
-- table: gold.sequences.
-- outcome: kept where it was packed, else pruned.
-- rule: not packed, where it was not.
-- detail: Stages, positions and ranges of tokens.
-- source: Its source.
-- other: The packed rows.
WITH pieces AS (
    SELECT sample_id AS row_id, stage, position, unnest(segments) AS segment FROM gold.sequences
), places AS (
    SELECT segment.sample_id AS sample_id, row_id, stage, position,
        min(segment."begin") AS first, max(segment."end") AS last
    FROM pieces WHERE segment.sample_id IS NOT NULL
    GROUP BY ALL
), packed AS (
    SELECT sample_id, count(*) AS n, list(row_id ORDER BY stage, position) AS row_ids,
        list(stage || ' ' || position || ' [' || first || ', ' || last || ')' ORDER BY stage, position) AS places
    FROM places GROUP BY sample_id
), drawn AS (
    SELECT sample_id, min(source) AS source FROM gold.mixture GROUP BY sample_id
)
SELECT drawn.sample_id, 'gold.sequences' AS "table",
    CASE WHEN packed.sample_id IS NULL THEN 'pruned' ELSE 'kept' END AS outcome,
    CASE WHEN packed.sample_id IS NULL THEN 'not packed' END AS rule,
    'packed at ' || array_to_string(packed.places[1:8], ', ')
        || CASE WHEN packed.n > 8 THEN ' and ' || (packed.n - 8) || ' more' ELSE '' END AS detail,
    drawn.source, packed.row_ids AS other
FROM drawn LEFT JOIN packed USING (sample_id)
