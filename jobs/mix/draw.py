"""The draw in SQL that Spark and DuckDB both understand: statements, each over the rows of those before it.

Given are ``samples`` and ``tokens`` (the tables), ``shares`` (`jobs.mix.stage_shares.Share`), ``demands`` (stage, line,
target, max_epochs, row_length) and ``epochs`` (the numbers from 0). No statement sorts a cell as a whole: samples fall
into buckets by the first digits of their hash, sums run inside a bucket, and a bucket begins at the sum before it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jobs.chance import keyed
from jobs.mix.last_sample import FREE

PLACED = """
WITH sized AS (
  SELECT s.sample_id, s.parent_ids, s.source, s.license, s.modality, s.cell,
    CAST(t.n_tokens AS BIGINT) AS n_tokens, {draw} AS h
  FROM samples AS s
  INNER JOIN tokens AS t ON s.sample_id = t.sample_id AND s.table = t.table
  WHERE s.keep
),
bucketed AS (SELECT *, substring(h, 1, {digits}) AS bucket FROM sized),
totals AS (SELECT cell, bucket, CAST(sum(n_tokens) AS BIGINT) AS tokens FROM bucketed GROUP BY cell, bucket),
starts AS (
  SELECT cell, bucket, CAST(sum(tokens) OVER (PARTITION BY cell ORDER BY bucket
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - tokens AS start
  FROM totals
)
SELECT b.sample_id, b.parent_ids, b.source, b.license, b.modality, b.cell, b.n_tokens,
  o.start + CAST(sum(b.n_tokens) OVER (PARTITION BY b.cell, b.bucket ORDER BY b.h, b.sample_id
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - b.n_tokens AS place
FROM bucketed AS b
INNER JOIN starts AS o ON b.cell = o.cell AND b.bucket = o.bucket
"""

# A line repeats its samples equally often in all its cells: `whole` times, and once more those before `rest`.
# Those around the end are free, and so is one that reaches over it, which may be as large as many others.
MARKED = """
WITH owned AS (
  SELECT p.*, a.stage, a.line
  FROM placed AS p
  INNER JOIN shares AS a ON p.cell = a.cell AND p.place >= a.begin AND p.place < a.end
),
pools AS (
  SELECT stage, line, cell, min(place) AS first, CAST(sum(n_tokens) AS BIGINT) AS tokens, count(*) AS members
  FROM owned GROUP BY stage, line, cell
),
lines AS (
  SELECT d.stage, d.line,
    CAST(floor(least(CAST(d.target AS DOUBLE), d.max_epochs * sum(p.tokens))) AS BIGINT) AS target,
    least(CAST(d.target AS DOUBLE) / sum(p.tokens), d.max_epochs) AS epochs,
    CAST(sum(p.tokens) AS DOUBLE) / sum(p.members) AS mean
  FROM demands AS d
  INNER JOIN pools AS p ON d.stage = p.stage AND d.line = p.line
  GROUP BY d.stage, d.line, d.target, d.max_epochs
),
split AS (SELECT *, CAST(floor(epochs) AS BIGINT) AS whole FROM lines),
measured AS (
  SELECT o.*, s.whole, s.target, s.mean, s.epochs,
    (o.place - p.first) - (s.epochs - s.whole) * p.tokens AS beyond
  FROM owned AS o
  INNER JOIN pools AS p ON o.stage = p.stage AND o.line = p.line AND o.cell = p.cell
  INNER JOIN split AS s ON o.stage = s.stage AND o.line = s.line
)
SELECT sample_id, parent_ids, source, license, modality, cell, n_tokens, stage, line, target, whole,
  beyond < 0 AS more,
  CASE WHEN beyond < 0 AND beyond + n_tokens > 0 THEN 0 ELSE abs(beyond) END AS distance,
  epochs > whole AND (abs(beyond) < {free} * mean OR (beyond < 0 AND beyond + n_tokens > 0)) AS free
FROM measured
"""

CANDIDATES = """
WITH fixed AS (
  SELECT stage, line, CAST(sum(n_tokens * (whole + CASE WHEN more AND NOT free THEN 1 ELSE 0 END)) AS BIGINT) AS tokens
  FROM marked GROUP BY stage, line
)
SELECT m.stage, m.line, m.sample_id, m.n_tokens, m.more, m.distance, m.target, m.target - f.tokens AS needed
FROM marked AS m
INNER JOIN fixed AS f ON m.stage = f.stage AND m.line = f.line
WHERE m.free
"""

DRAWS = """
WITH counted AS (
  SELECT m.*, m.whole + CASE WHEN coalesce(s.more, m.more AND NOT m.free) THEN 1 ELSE 0 END AS times
  FROM marked AS m
  LEFT JOIN settled AS s ON m.stage = s.stage AND m.line = s.line AND m.sample_id = s.sample_id
),
drawn AS (SELECT * FROM counted WHERE times > 0),
repeated AS (
  SELECT d.sample_id, d.parent_ids, d.source, d.license, d.modality, d.stage, d.line, d.n_tokens,
    CAST(e.epoch AS INT) AS epoch
  FROM drawn AS d
  INNER JOIN epochs AS e ON e.epoch < d.times
)
SELECT *, {order} AS h FROM repeated
"""

MIXTURE = """
WITH bucketed AS (SELECT *, substring(h, 1, {digits}) AS bucket FROM draws),
totals AS (
  SELECT stage, line, epoch, bucket, CAST(sum(n_tokens) AS BIGINT) AS tokens
  FROM bucketed GROUP BY stage, line, epoch, bucket
),
starts AS (
  SELECT stage, line, epoch, bucket,
    CAST(sum(tokens) OVER (PARTITION BY stage, line ORDER BY epoch, bucket
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - tokens AS start,
    CAST(sum(tokens) OVER (PARTITION BY stage, line) AS BIGINT) AS line_tokens,
    CAST(sum(tokens) OVER (PARTITION BY stage) AS BIGINT) AS stage_tokens
  FROM totals
),
timed AS (
  SELECT b.sample_id, b.parent_ids, b.source, b.license, b.stage, b.line, b.modality, b.epoch, b.n_tokens,
    o.stage_tokens,
    (o.start + CAST(sum(b.n_tokens) OVER (PARTITION BY b.stage, b.line, b.epoch, b.bucket ORDER BY b.h, b.sample_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - b.n_tokens / CAST(2 AS DOUBLE))
      / o.line_tokens AS time
  FROM bucketed AS b
  INNER JOIN starts AS o ON b.stage = o.stage AND b.line = o.line AND b.epoch = o.epoch AND b.bucket = o.bucket
),
lengths AS (SELECT stage, max(row_length) AS row_length FROM demands GROUP BY stage)
SELECT t.sample_id, t.parent_ids, t.source, t.license, t.stage, t.line AS cell, t.modality, t.epoch,
  CAST(t.n_tokens AS INT) AS n_tokens, t.time,
  CAST(floor(t.time * greatest(1, floor(t.stage_tokens / (CAST({rows} AS DOUBLE) * l.row_length)))) AS INT) AS window
FROM timed AS t
INNER JOIN lengths AS l ON t.stage = l.stage
"""


@dataclass(frozen=True, slots=True)
class DrawParams:
    """How the mixture is drawn.

    Args:
        seed: Seed of the draw and of the order.
        window_rows: Rows of a packing window; best-fit wastes about one row per window.
        bucket_digits: Hex digits of the hash that name a bucket: 16 ** digits buckets a cell.
    """

    seed: int = 0
    window_rows: int = 512
    bucket_digits: int = 2

    def __post_init__(self) -> None:
        """Refuse sizes that make no windows or buckets."""
        if self.window_rows < 1 or not 1 <= self.bucket_digits <= 8:
            message = "window_rows must be 1 or more, and bucket_digits 1 to 8"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a draw, in order; ``settled`` is made from ``candidates`` by `jobs.mix.mixture.choose_line`."""

    placed: str
    marked: str
    candidates: str
    draws: str
    mixture: str


def statements(params: DrawParams) -> Statements:
    """Return the statements of a draw."""
    occasion = "concat(stage, '/', CAST(epoch AS STRING), '/', sample_id)"
    return Statements(
        placed=PLACED.format(draw=keyed(params.seed, "draw", "s.sample_id"), digits=params.bucket_digits),
        marked=MARKED.format(free=FREE // 2),
        candidates=CANDIDATES,
        draws=DRAWS.format(order=keyed(params.seed, "order", occasion)),
        mixture=MIXTURE.format(digits=params.bucket_digits, rows=params.window_rows),
    )
