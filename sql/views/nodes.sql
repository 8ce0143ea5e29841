-- Each sample in each table that holds it, with the run that wrote the row; as of the last run. Quick for a sample_id
-- that is named, whichever table it is in.
SELECT child AS sample_id, "table", run_id, source, license, uri
FROM ledger.edges
WHERE sorted_by = 'child' AND parent IS NULL
GROUP BY ALL
HAVING sum(n) > 0
