-- Quarantined rows that are still current: from attempts named by a commit note since each flow's last full run, whose
-- origin was not processed again since (a marker with a null row records that it was).
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
