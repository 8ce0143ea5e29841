-- Which kept sample each sample repeats or stands in, as it was verified.
WITH repeats AS (
    SELECT * FROM __tagged.duplicates
    UNION ALL BY NAME
    SELECT 'silver.document_containments' AS _table, * FROM silver.document_containments
)
SELECT sample_id, _table AS "table",
    CASE WHEN _table = 'silver.document_containments' THEN 'stands in' ELSE 'repeats' END AS outcome,
    keeper_id AS other, rule, COLUMNS(* EXCLUDE (sample_id, _table, keeper_id, rule, parent_ids, license, run_id))
FROM repeats
