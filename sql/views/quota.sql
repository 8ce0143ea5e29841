-- What each stage requested from each cell, what there is, and what was drawn. A sample belongs to the most specific line
-- of a stage that covers it (a kind outweighs a language group, that a modality), as in jobs/mix/cells.py.
--
-- cell: A line of the quota: modality/language group/kind, * for all.
-- stage: Training stage.
-- target: Tokens demanded.
-- supply: Tokens of the kept samples that belong to the line, for all stages together.
-- drawn: Tokens drawn.
-- epochs: How often a drawn sample is seen, on average over tokens.
-- shortfall: Tokens that are missing.
-- error: (drawn - target) / target.
-- document_share: Tokens of the largest document over the target.
-- source_share: Tokens of the largest source over the target.
-- caps: The caps that have a part in the shortfall: max_document_share, max_source_share.
-- document_cap: Tokens that one document may be, drawn as often as the most repeated one; null without a cap.
-- source_cap: Tokens that one source may be; null without a cap.
-- largest_document: Tokens of the largest document that belongs to the line.
WITH lines AS (
    SELECT *,
        4 * (kind <> '*')::INTEGER + 2 * (language_group <> '*')::INTEGER + (modality <> '*')::INTEGER AS specificity
    FROM gold.quotas
), stages AS (
    SELECT DISTINCT stage FROM gold.quotas
), supply AS (
    -- A supply of before there was the column has nulls there.
    FROM gold.supply UNION ALL BY NAME SELECT NULL::BIGINT AS largest WHERE false
), owned AS (
    SELECT stages.stage, lines.cell, supply.tokens, supply.largest
    FROM stages
    CROSS JOIN supply
    JOIN lines ON lines.stage = stages.stage
        AND lines.modality IN ('*', supply.modality)
        AND lines.language_group IN ('*', supply.language_group)
        AND lines.kind IN ('*', supply.kind)
    QUALIFY row_number() OVER (PARTITION BY stages.stage, supply.cell ORDER BY lines.specificity DESC) = 1
), held AS (
    SELECT stage, cell, sum(tokens)::BIGINT AS tokens, max(largest) AS largest FROM owned GROUP BY ALL
), taken AS (
    SELECT stage, cell, sum(n_tokens)::BIGINT AS tokens, sum(n_tokens) FILTER (epoch = 0)::BIGINT AS once,
        max(epoch) + 1 AS times
    FROM gold.mixture GROUP BY ALL
), documents AS (
    SELECT stage, cell, max(tokens) AS tokens
    FROM (SELECT stage, cell, sample_id, sum(n_tokens)::BIGINT AS tokens FROM gold.mixture GROUP BY ALL)
    GROUP BY ALL
), sources AS (
    SELECT stage, cell, max(tokens) AS tokens
    FROM (SELECT stage, cell, source, sum(n_tokens)::BIGINT AS tokens FROM gold.mixture GROUP BY ALL)
    GROUP BY ALL
), capped AS (
    -- What the caps let in: tokens of one document, drawn as often as the most repeated one, and of one source.
    SELECT lines.stage, lines.cell,
        CASE WHEN max_document_share < 1
            THEN floor(max_document_share * target)::BIGINT // coalesce(taken.times, 1) END AS document,
        CASE WHEN max_source_share < 1 THEN floor(max_source_share * target)::BIGINT END AS source
    FROM lines
    LEFT JOIN taken ON taken.stage = lines.stage AND taken.cell = lines.cell
)
SELECT lines.cell, lines.stage, lines.target,
    coalesce(held.tokens, 0)::BIGINT AS supply,
    coalesce(taken.tokens, 0)::BIGINT AS drawn,
    -- How often a drawn sample is seen, on average over tokens.
    coalesce(taken.tokens / taken.once, 0)::DOUBLE AS epochs,
    greatest(lines.target - coalesce(taken.tokens, 0), 0)::BIGINT AS shortfall,
    coalesce((coalesce(taken.tokens, 0) - lines.target) / nullif(lines.target, 0), 0)::DOUBLE AS error,
    -- What the largest document and the largest source are of the target.
    coalesce(documents.tokens / nullif(lines.target, 0), 0)::DOUBLE AS document_share,
    coalesce(sources.tokens / nullif(lines.target, 0), 0)::DOUBLE AS source_share,
    -- The caps that have a part in the shortfall: the largest document exceeds what one may be, or a source is at its cap.
    CASE WHEN lines.target > coalesce(taken.tokens, 0) THEN list_filter([
        CASE WHEN held.largest > capped.document THEN 'max_document_share' END,
        CASE WHEN sources.tokens >= 0.9 * capped.source OR held.largest > capped.source THEN 'max_source_share' END
    ], lambda cap: cap IS NOT NULL) ELSE [] END AS caps,
    capped.document AS document_cap,
    capped.source AS source_cap,
    held.largest AS largest_document
FROM lines
JOIN capped ON capped.stage = lines.stage AND capped.cell = lines.cell
LEFT JOIN held ON held.stage = lines.stage AND held.cell = lines.cell
LEFT JOIN taken ON taken.stage = lines.stage AND taken.cell = lines.cell
LEFT JOIN documents ON documents.stage = lines.stage AND documents.cell = lines.cell
LEFT JOIN sources ON sources.stage = lines.stage AND sources.cell = lines.cell
ORDER BY lines.ordinal, lines.modality DESC, lines.cell
