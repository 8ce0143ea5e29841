-- Which kept sample each sample repeats or stands in, as it was verified.
--
-- sample_id: The sample.
-- table: The table of repeats.
-- outcome: repeats, or stands in a longer one.
-- other: The kept sample.
-- rule: The rule and its parameters.
-- source: The sample's source.
-- method: exact, near or contained.
-- jaccard: Jaccard similarity of the two sets of shingles.
-- shared_bands: MinHash bands that the two share; 0 for exact.
-- distance: Bits in which the hashes of two pictures differ.
-- color_difference: Difference of the two pictures' thumbnails.
-- detail_difference: Difference of the two pictures' details.
-- same_transcript: Whether two utterances have one transcript.
-- containment: Share of the sample's shingles that the kept one has.
-- shared_fingerprints: Fingerprints that led to the kept one.
WITH repeats AS (
    SELECT * FROM __tagged.duplicates
    UNION ALL BY NAME
    SELECT 'silver.document_containments' AS _table, * FROM silver.document_containments
)
SELECT sample_id, _table AS "table",
    CASE WHEN _table = 'silver.document_containments' THEN 'stands in' ELSE 'repeats' END AS outcome,
    keeper_id AS other, rule, COLUMNS(* EXCLUDE (sample_id, _table, keeper_id, rule, parent_ids, license, run_id))
FROM repeats
