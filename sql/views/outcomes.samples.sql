-- What the policy decided of each sample: kept, or removed by its first rule, with the value that the rule judged and
-- what it allows; further rules that remove it count no more (nth).
--
-- sample_id: The sample.
-- table: gold.samples.
-- outcome: kept or removed.
-- rule: The rule that removes it.
-- column: The column that the rule judged.
-- value: Its value when it was judged.
-- threshold: What the rule allows.
-- source: Its source.
-- cell: modality/language group/kind.
-- policy: Name and digest of the policy.
-- nth: 1 for the rule that counts, more for further ones.
WITH decided AS (
    SELECT * FROM gold.samples
    -- Decisions of before have no findings.
    UNION ALL BY NAME
    SELECT NULL::STRUCT("column" VARCHAR, "value" DOUBLE, "text" VARCHAR, threshold VARCHAR)[] AS findings WHERE false
), numbered AS (
    SELECT *, unnest(range(1, greatest(len(reasons), 1) + 1)) AS nth FROM decided
)
SELECT sample_id, 'gold.samples' AS "table",
    CASE WHEN keep THEN 'kept' ELSE 'removed' END AS outcome,
    reasons[nth] AS rule,
    findings[nth]['column'] AS "column",
    coalesce(regexp_replace(findings[nth]['value']::VARCHAR, '\.0$', ''), findings[nth]['text']) AS value,
    findings[nth]['threshold'] AS threshold,
    source, cell, policy, nth
FROM numbered
