-- One row was made from another: parent and child samples, and the table of the child.
-- A team's own tables are traced by mixlake trace; this view covers the mixture's way.
SELECT unnest(parent_ids) AS parent, sample_id AS child, 'gold.samples' AS "table" FROM gold.samples
UNION ALL
SELECT unnest(parent_ids), sample_id, 'gold.sequences' FROM gold.sequences
