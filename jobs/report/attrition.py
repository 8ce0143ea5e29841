"""What became of the samples: how many each rule of the policy removed, and how many were drawn."""

from __future__ import annotations

from jobs.report.flow_chart import Band, flow_chart
from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, tag
from jobs.report.page import Numbers, note, section, table

_RULES = 12
OTHER = "other rules"
KEPT = "kept"
DRAWN = "drawn"
NOT_DRAWN = "kept, not drawn"

# A sample counts once, for the first of the rules that it breaks.
_DECIDED = f"""
    WITH decided AS (
        SELECT coalesce(modality, '') AS modality, keep,
            CASE WHEN keep THEN '' ELSE coalesce(reasons[1], 'no reason') END AS rule, count(*) AS samples
        FROM gold.samples GROUP BY ALL
    ), ranked AS (
        SELECT rule, row_number() OVER (ORDER BY sum(samples) DESC, rule) AS place
        FROM decided WHERE NOT keep GROUP BY rule
    )
    SELECT modality, keep, CASE WHEN place > {_RULES} THEN '{OTHER}' ELSE rule END AS rule,
        sum(samples)::BIGINT AS samples
    FROM decided LEFT JOIN ranked USING (rule) GROUP BY ALL ORDER BY modality, samples DESC, rule
"""  # noqa: S608 - constants
_DREW = "SELECT count(DISTINCT sample_id) AS samples FROM gold.mixture"
_RULE_COUNTS = """
    SELECT rule, count(*) AS broken, count(*) FILTER (len(reasons) = 1) AS alone
    FROM (SELECT reasons, unnest(reasons) AS rule FROM gold.samples WHERE NOT keep)
    GROUP BY rule ORDER BY broken DESC, rule
"""


def attrition(reader: LakeReader) -> Markup:
    """Return the section: the picture, and the rules as a table."""
    title = "What became of the samples"
    decided = reader.rows("gold.samples", _DECIDED)
    if not decided:
        return section(title, note(reader.gaps.get("gold.samples", "No sample was decided on yet.")))
    kept = sum(row["samples"] for row in decided if row["keep"])
    drew = reader.rows("gold.mixture", _DREW)
    bands = [
        Band((0, _begin(row["modality"])), (1, KEPT if row["keep"] else f"removed: {row['rule']}"), row["samples"])
        for row in decided
    ]
    if drew and kept:
        count = min(int(drew[0]["samples"]), kept)
        ends = ((DRAWN, count), (NOT_DRAWN, kept - count))
        bands += [Band((1, KEPT), (2, name), amount) for name, amount in ends if amount]
    label = "Samples by modality, which rule removed them, and which were drawn"
    rows = [(row["rule"], row["broken"], row["alone"]) for row in reader.rows("gold.samples", _RULE_COUNTS)]
    counts = table(("Rule", Numbers("Samples that break it"), Numbers("Break it alone")), rows, label="Rules")
    words = "Each sample counts once, for the first rule that it breaks; the table counts it for each."
    figure = tag("figure", flow_chart(bands, label, "samples"), tag("figcaption", words))
    return section(title, figure, counts if rows else tag("p", "No rule removed a sample."), id_="attrition")


def _begin(modality: str) -> str:
    return modality or "no modality"
