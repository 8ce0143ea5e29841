-- What the draw made of each kept sample: how often it is in which stage, or why it is in none.
--
-- sample_id: A sample that the policy keeps.
-- table: gold.mixture.
-- outcome: kept where it was drawn, else pruned.
-- rule: Why it was not drawn.
-- value: Its tokens, where it was not drawn.
-- threshold: The largest document that its cell takes, where that left it out.
-- detail: How often it was drawn, by stage.
-- source: Its source.
-- cell: The line of the quota that it was drawn for, else its own cell.
-- tokens: Tokens of all its draws.
WITH drawn AS (
    SELECT sample_id, sum(times)::BIGINT AS times, min(source) AS source, min(cell) AS cell, sum(tokens)::BIGINT AS tokens,
        string_agg(stage || ' ' || times, ', ' ORDER BY stage) AS stages
    FROM (
        SELECT sample_id, stage, count(*) AS times, min(source) AS source, min(cell) AS cell, sum(n_tokens) AS tokens
        FROM gold.mixture GROUP BY sample_id, stage
    )
    GROUP BY sample_id
), sizes AS (
    SELECT sample_id, "table", n_tokens FROM __tagged.tokens
), lines AS (
    SELECT *,
        4 * (kind <> '*')::INTEGER + 2 * (language_group <> '*')::INTEGER + (modality <> '*')::INTEGER AS specificity
    FROM gold.quotas
), owners AS (
    -- Of each stage the most specific line that covers a cell, as in quota.sql.
    SELECT supply.cell, lines.target, lines.max_document_share
    FROM gold.supply AS supply
    JOIN lines ON lines.modality IN ('*', supply.modality)
        AND lines.language_group IN ('*', supply.language_group)
        AND lines.kind IN ('*', supply.kind)
    QUALIFY row_number() OVER (PARTITION BY lines.stage, supply.cell ORDER BY lines.specificity DESC) = 1
), wanted AS (
    -- The largest document that some stage takes.
    SELECT cell, sum(target) AS target, max(floor(max_document_share * target)) AS largest,
        bool_and(max_document_share < 1) AS capped
    FROM owners GROUP BY cell
)
SELECT samples.sample_id, 'gold.mixture' AS "table",
    CASE WHEN drawn.sample_id IS NULL THEN 'pruned' ELSE 'kept' END AS outcome,
    CASE
        WHEN drawn.sample_id IS NOT NULL THEN NULL
        WHEN sizes.sample_id IS NULL THEN 'not tokenised'
        WHEN wanted.cell IS NULL THEN 'no quota for its cell'
        WHEN wanted.target = 0 THEN 'the quota of its cell is 0'
        WHEN wanted.capped AND sizes.n_tokens > wanted.largest THEN 'above the largest document of its cell'
        ELSE 'not drawn: the quota of its cell is met without it, or its source is at its cap'
    END AS rule,
    CASE WHEN drawn.sample_id IS NULL THEN sizes.n_tokens END AS value,
    CASE
        WHEN drawn.sample_id IS NULL AND wanted.capped AND sizes.n_tokens > wanted.largest
        THEN 'at most ' || wanted.largest::BIGINT || ' tokens'
    END AS threshold,
    CASE
        WHEN drawn.sample_id IS NOT NULL
        THEN 'drawn ' || CASE drawn.times WHEN 1 THEN 'once' ELSE drawn.times || ' times' END || ': ' || drawn.stages
    END AS detail,
    coalesce(drawn.source, samples.source) AS source, coalesce(drawn.cell, samples.cell) AS cell, drawn.tokens
FROM gold.samples AS samples
LEFT JOIN drawn ON drawn.sample_id = samples.sample_id
LEFT JOIN sizes ON sizes.sample_id = samples.sample_id AND sizes."table" = samples."table"
LEFT JOIN wanted ON wanted.cell = samples.cell
WHERE samples.keep
