-- Rows that flows set aside, of attempts that a commit note names.
SELECT quarantine.*, runs.version AS version, runs.committed_at AS committed_at
FROM ledger.quarantine AS quarantine
JOIN (
    SELECT quarantine AS attempt, max(version) AS version, max(committed_at) AS committed_at
    FROM ledger.runs WHERE quarantine <> '' GROUP BY ALL
) AS runs USING (attempt)
