-- When each table was last looked at and last changed, and whether an input has changed since.
--
-- table: The table.
-- flow: The flow that writes it.
-- version: The version that its last run committed.
-- data_version: The version at which its rows last changed.
-- run_at: When its last run committed.
-- changed_at: When its rows last changed.
-- newer_inputs: Inputs whose rows changed since that run read them.
WITH last_seen AS (
    SELECT * FROM ledger.runs
    QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY version DESC) = 1
), last_changed AS (
    SELECT "table", max(version) AS data_version, max(committed_at) AS changed_at
    FROM ledger.runs WHERE changed GROUP BY ALL
), read AS (
    SELECT "table", unnest(map_entries(inputs)) AS input FROM last_seen
), behind AS (
    SELECT read."table", list(read.input.key ORDER BY read.input.key) AS inputs
    FROM read JOIN last_changed AS changed ON changed."table" = read.input.key
    WHERE changed.data_version > read.input.value
    GROUP BY ALL
)
SELECT last_seen."table", last_seen.flow, last_seen.version, last_changed.data_version,
    last_seen.committed_at AS run_at, last_changed.changed_at, coalesce(behind.inputs, []) AS newer_inputs
FROM last_seen
LEFT JOIN last_changed USING ("table")
LEFT JOIN behind USING ("table")
