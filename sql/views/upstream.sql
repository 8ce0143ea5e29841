-- What each table was made from, directly: the version that its last run read of each input.
--
-- table: A table.
-- version: Its version after its last run.
-- made_from: A table that the run read.
-- read_version: The version that it read.
-- flow: The flow.
-- run_id: The run.
WITH last_runs AS (
    SELECT * FROM ledger.runs
    QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY version DESC) = 1
), read AS (
    SELECT "table", version, flow, run_id, unnest(map_entries(inputs)) AS input FROM last_runs
)
SELECT "table", version, input.key AS made_from, input.value AS read_version, flow, run_id FROM read
