-- Each sample in each table that holds it, with the run that wrote the row; as of the last run. Quick for a sample_id
-- that is named, whichever table it is in.
--
-- sample_id: The sample.
-- table: A table that holds it.
-- run_id: The run that wrote the row.
-- source: Its source.
-- license: Its licence, an SPDX expression.
-- uri: The address of its original, where the table has one.
SELECT child AS sample_id, "table", run_id, source, license, uri
FROM ledger.edges
WHERE sorted_by = 'child' AND parent IS NULL
GROUP BY ALL
HAVING sum(n) > 0
