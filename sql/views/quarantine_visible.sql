-- Quarantined rows that are still current: from attempts named by a commit note since each flow's last full run, whose
-- origin was not processed again since (a marker with a null row records that it was).
--
-- attempt: The attempt at a flow that quarantined the row.
-- flow: The flow.
-- table: The table that the row was meant for.
-- sample_id: The row's identity, where it has one.
-- origin: The driving row that it came from, where it is known.
-- reason: The check that it failed, or the operator's reason.
-- row: The row as JSON.
-- run_id: The run.
-- at: When it was quarantined.
-- version: The version of the table that names the attempt.
-- committed_at: When that was committed.
WITH last_full AS (
    SELECT "table", max(version) AS version FROM ledger.runs WHERE mode = 'full' GROUP BY ALL
), counted AS (
    SELECT runs.quarantine AS attempt, max(runs.version) AS version, max(runs.committed_at) AS committed_at
    FROM ledger.runs AS runs
    LEFT JOIN last_full ON last_full."table" = runs."table"
    WHERE runs.quarantine <> '' AND runs.version >= coalesce(last_full.version, 0)
    GROUP BY ALL
)
SELECT quarantine.*, counted.version AS version, counted.committed_at AS committed_at
FROM ledger.quarantine AS quarantine
JOIN counted USING (attempt)
QUALIFY quarantine."row" IS NOT NULL AND counted.version >= coalesce(
    max(counted.version) FILTER (quarantine."row" IS NULL) OVER (PARTITION BY quarantine."table", quarantine.origin), 0
)
