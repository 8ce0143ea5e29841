"""The draw in SQL that Spark and DuckDB both understand: statements, each over the rows of those before it.

Given are ``samples`` and ``tokens`` (the tables), ``shares`` (`jobs.mix.stage_shares.Share`), ``demands`` (stage, line,
target, max_epochs, row_length), ``document_caps`` and ``source_caps`` (`jobs.mix.caps`), and ``epochs`` (the numbers
from 0). A line is drawn in parts: each capped source is one, with its cap as its target, and all others are one. No
statement sorts a cell as a whole: samples fall
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

OWNED = """owned AS (
  SELECT p.*, a.stage, a.line, '' AS part
  FROM placed AS p
  INNER JOIN shares AS a ON p.cell = a.cell AND p.place >= a.begin AND p.place < a.end
)"""

# Where caps leave samples out or set sources apart, places are counted anew within each part, by buckets again.
OWNED_CAPPED = """admitted AS (
  SELECT p.*, a.stage, a.line, coalesce(c.source, '') AS part, CAST(floor(p.place / 4194304) AS BIGINT) AS bucket
  FROM placed AS p
  INNER JOIN shares AS a ON p.cell = a.cell AND p.place >= a.begin AND p.place < a.end
  LEFT JOIN document_caps AS d ON d.stage = a.stage AND d.line = a.line
  LEFT JOIN source_caps AS c ON c.stage = a.stage AND c.line = a.line AND c.source = p.source
  WHERE d.most IS NULL OR p.n_tokens <= d.most
),
bucket_totals AS (
  SELECT stage, line, part, cell, bucket, CAST(sum(n_tokens) AS BIGINT) AS tokens
  FROM admitted GROUP BY stage, line, part, cell, bucket
),
bucket_starts AS (
  SELECT stage, line, part, cell, bucket, CAST(sum(tokens) OVER (PARTITION BY stage, line, part, cell ORDER BY bucket
    ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - tokens AS start
  FROM bucket_totals
),
owned AS (
  SELECT b.*, o.start + CAST(sum(b.n_tokens) OVER (PARTITION BY b.stage, b.line, b.part, b.cell, b.bucket
    ORDER BY b.place, b.sample_id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) - b.n_tokens AS begin
  FROM admitted AS b
  INNER JOIN bucket_starts AS o
    ON b.stage = o.stage AND b.line = o.line AND b.part = o.part AND b.cell = o.cell AND b.bucket = o.bucket
)"""

# A line repeats its samples equally often in all its cells: `whole` times, and once more those before `rest`.
# Those around the end are free, and so is one that reaches over it, which may be as large as many others.
MARKED = """
WITH {owned},
pools AS (
  SELECT stage, line, part, cell, min(place) AS first, CAST(sum(n_tokens) AS BIGINT) AS tokens, count(*) AS members
  FROM owned GROUP BY stage, line, part, cell
),
parts AS (
  SELECT p.stage, p.line, p.part, d.max_epochs, CAST(d.target AS DOUBLE) AS wanted, CAST(c.most AS DOUBLE) AS most,
    sum(p.tokens) AS tokens, sum(p.members) AS members
  FROM pools AS p
  INNER JOIN demands AS d ON d.stage = p.stage AND d.line = p.line
  LEFT JOIN source_caps AS c ON c.stage = p.stage AND c.line = p.line AND c.source = p.part
  GROUP BY p.stage, p.line, p.part, d.max_epochs, d.target, c.most
),
capped AS (
  SELECT stage, line, CAST(sum(floor(least(most, max_epochs * tokens))) AS DOUBLE) AS tokens
  FROM parts WHERE part <> '' GROUP BY stage, line
),
asked AS (
  SELECT p.stage, p.line, p.part, p.max_epochs, p.tokens, p.members,
    CASE WHEN p.part = '' THEN greatest(p.wanted - coalesce(c.tokens, 0), 0) ELSE p.most END AS target
  FROM parts AS p
  LEFT JOIN capped AS c ON c.stage = p.stage AND c.line = p.line
),
lines AS (
  SELECT stage, line, part,
    CAST(floor(least(target, max_epochs * tokens)) AS BIGINT) AS target,
    least(target / tokens, max_epochs) AS epochs,
    CAST(tokens AS DOUBLE) / members AS mean
  FROM asked
),
split AS (SELECT *, CAST(floor(epochs) AS BIGINT) AS whole FROM lines),
measured AS (
  SELECT o.*, s.whole, s.target, s.mean, s.epochs,
    {within} - (s.epochs - s.whole) * p.tokens AS beyond
  FROM owned AS o
  INNER JOIN pools AS p ON o.stage = p.stage AND o.line = p.line AND o.part = p.part AND o.cell = p.cell
  INNER JOIN split AS s ON o.stage = s.stage AND o.line = s.line AND o.part = s.part
)
SELECT sample_id, parent_ids, source, license, modality, cell, n_tokens, stage, line, part, target, whole,
  beyond < 0 AS more,
  CASE WHEN beyond < 0 AND beyond + n_tokens > 0 THEN 0 ELSE abs(beyond) END AS distance,
  epochs > whole AND (abs(beyond) < {free} * mean OR (beyond < 0 AND beyond + n_tokens > 0)) AS free
FROM measured
"""

CANDIDATES = """
WITH fixed AS (
  SELECT stage, line, part,
    CAST(sum(n_tokens * (whole + CASE WHEN more AND NOT free THEN 1 ELSE 0 END)) AS BIGINT) AS tokens
  FROM marked GROUP BY stage, line, part
)
SELECT m.stage, m.line, m.part, m.sample_id, m.n_tokens, m.more, m.distance, m.target, m.target - f.tokens AS needed
FROM marked AS m
INNER JOIN fixed AS f ON m.stage = f.stage AND m.line = f.line AND m.part = f.part
WHERE m.free
"""

COUNTED = """
WITH counted AS (
  SELECT m.*, m.whole + CASE WHEN coalesce(s.more, m.more AND NOT m.free) THEN 1 ELSE 0 END AS times
  FROM marked AS m
  LEFT JOIN settled AS s ON m.stage = s.stage AND m.line = s.line AND m.sample_id = s.sample_id
)
SELECT * FROM counted WHERE times > 0
"""

# What caps are about: the tokens of each source of a line, and of its largest document, all epochs together.
TAKEN = """
SELECT stage, line, source, CAST(sum(n_tokens * times) AS BIGINT) AS tokens,
  CAST(max(n_tokens * times) AS BIGINT) AS largest, CAST(max(times) AS BIGINT) AS times
FROM counted GROUP BY stage, line, source
"""

DRAWS = """
WITH repeated AS (
  SELECT d.sample_id, d.parent_ids, d.source, d.license, d.modality, d.stage, d.line, d.n_tokens,
    CAST(e.epoch AS INT) AS epoch
  FROM counted AS d
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
    """The statements of a draw, in order; ``settled`` is made from ``candidates`` by `jobs.mix.mixture.choose_line`.

    ``marked`` is for a draw that no cap changes, ``marked_capped`` for one that some do.
    """

    placed: str
    marked: str
    marked_capped: str
    candidates: str
    counted: str
    taken: str
    draws: str
    mixture: str


def statements(params: DrawParams) -> Statements:
    """Return the statements of a draw."""
    occasion = "concat(stage, '/', CAST(epoch AS STRING), '/', sample_id)"
    return Statements(
        placed=PLACED.format(draw=keyed(params.seed, "draw", "s.sample_id"), digits=params.bucket_digits),
        marked=MARKED.format(free=FREE // 2, owned=OWNED, within="(o.place - p.first)"),
        marked_capped=MARKED.format(free=FREE // 2, owned=OWNED_CAPPED, within="o.begin"),
        candidates=CANDIDATES,
        counted=COUNTED,
        taken=TAKEN,
        draws=DRAWS.format(order=keyed(params.seed, "order", occasion)),
        mixture=MIXTURE.format(digits=params.bucket_digits, rows=params.window_rows),
    )
