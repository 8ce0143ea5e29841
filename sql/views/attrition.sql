-- What each step kept, removed, quarantined or pruned of the rows that it read: rows and tokens by rule, source, language
-- and cell. Each row counts once a step. A row that several rules remove counts for the first of them in `rows`; `broken`
-- is how many rows break the rule at all, `alone` how many no other rule removes.
-- Tokens are those of the sample as it was tokenised; language and cell are as the policy saw it.
--
-- table: The table that a step writes.
-- outcome: kept, removed, quarantined or pruned.
-- rule: Why; empty for kept rows.
-- source: Source of the rows.
-- language: Their language, a BCP 47 tag; empty of what the policy did not see.
-- cell: modality/language group/kind; empty of what the policy did not see.
-- rows: Rows, each once a step: of several rules the first counts.
-- tokens: Their tokens.
-- broken: Rows that break the rule at all.
-- alone: Rows that no other rule removes.
WITH sizes AS (
    SELECT sample_id, any_value(n_tokens) AS tokens FROM __tagged.tokens GROUP BY sample_id
), known AS (
    SELECT sample_id, source, language, cell FROM gold.samples
), reasons AS (
    SELECT *, count(*) OVER (PARTITION BY sample_id, "table", outcome) AS reasons FROM __outcomes.rows
    WHERE outcome = 'removed'
    UNION ALL
    SELECT *, 1 AS reasons FROM __outcomes.rows WHERE outcome <> 'removed'
)
SELECT reasons."table", reasons.outcome, coalesce(reasons.rule, '') AS rule,
    coalesce(reasons.source, known.source, '') AS source,
    coalesce(known.language, '') AS language, coalesce(known.cell, '') AS cell,
    count(*) FILTER (reasons.nth = 1) AS rows,
    coalesce(sum(sizes.tokens) FILTER (reasons.nth = 1), 0)::BIGINT AS tokens,
    count(*) AS broken,
    count(*) FILTER (reasons.reasons = 1) AS alone
FROM reasons
LEFT JOIN known ON known.sample_id = reasons.sample_id
LEFT JOIN sizes ON sizes.sample_id = reasons.sample_id
GROUP BY ALL
