-- What each flow cost: its runs, the time up to its commits, the rows that it read and the rows that it changed, and the
-- time inside its operator, which is added up over workers.
--
-- flow: The flow.
-- table: The table that it writes.
-- runs: How often it ran.
-- full_runs: Runs of these that processed all rows.
-- seconds: Seconds up to the commits, all runs together.
-- rows_read: Rows that it read, all runs together.
-- rows_changed: Rows that it inserted, updated and deleted, all runs together.
-- seconds_per_million_rows: Seconds for each million rows read.
-- operator_seconds: Seconds inside its operator, added up over workers and runs.
-- last_run_at: When its last run committed.
-- last_run_id: That run.
-- last_seconds: Seconds that it took.
WITH executed AS (
    SELECT *,
        coalesce(counts['read'], 0) AS read,
        coalesce(counts['inserted'], 0) + coalesce(counts['updated'], 0) + coalesce(counts['deleted'], 0) AS written
    FROM ledger.runs
)
SELECT flow, "table",
    count(*) AS runs,
    count(*) FILTER (mode = 'full') AS full_runs,
    sum(seconds) AS seconds,
    sum(read)::BIGINT AS rows_read,
    sum(written)::BIGINT AS rows_changed,
    sum(seconds) / nullif(sum(read), 0) * 1e6 AS seconds_per_million_rows,
    coalesce(sum(phases['function']), 0) AS operator_seconds,
    max(committed_at) AS last_run_at,
    max_by(run_id, committed_at) AS last_run_id,
    max_by(seconds, committed_at) AS last_seconds
FROM executed
GROUP BY flow, "table"
