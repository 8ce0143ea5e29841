"""The SQL by which a policy decides on the samples of a family."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.dialect import identifier
from jobs.mix.policy import CLEANING_SCORES, SAMPLE_COLUMNS, SCORE, Policy

# How often a sample may have been made from another one, all of a family's tables, for what its file's licence says
# to reach it.
_GENERATIONS = 4


def document_language(policy: Policy) -> str:
    """Return the SQL of a document's cell: its language as identified where that is certain enough, else as hinted."""
    certain = f"{SCORE}language_score >= {policy.literal(float(policy.confidence))} AND {SCORE}language <> 'und'"
    language = f"CASE WHEN {certain} THEN {SCORE}language ELSE coalesce(language_hint, 'und') END"
    return f"{language} AS language, kind AS cell_kind"


def decision(policy: Policy, family: str, added: str, repeats: Sequence[str] = (), wanted: Sequence[str] = ()) -> str:
    """Return the statement that decides on the samples of a family.

    Args:
        policy: The rules.
        family: documents, utterances or images.
        added: SQL of the columns cell_kind, and of modality and language where the samples have none.
        repeats: Inputs that name samples which repeat kept ones, of ``duplicates`` and ``contained``.
        wanted: Scores that the result has, too, under the prefix `SCORE`.

    Returns:
        A statement over ``samples``, ``scores``, ``cleaning`` of documents, ``reviews`` and `repeats`: the columns of
        gold.samples without run_id.
    """
    needed = ("language", "language_score") if family == "documents" else ()
    names = dict.fromkeys((*needed, *policy.scores(family), *wanted))
    cleaning = CLEANING_SCORES.get(family, ())
    scores = "".join(f", {'c' if name in cleaning else 'm'}.{name} AS {SCORE}{name}" for name in names)
    flags = "".join(
        f", {f'{name}_ids.sample_id IS NOT NULL' if name in repeats else 'false'} AS _{name}"
        for name in ("duplicates", "contained")
    )
    joins = " ".join(
        f"LEFT JOIN (SELECT DISTINCT sample_id FROM {name}) AS {name}_ids ON s.sample_id = {name}_ids.sample_id"  # noqa: S608 - ours
        for name in repeats
    )
    unnest = "explode" if policy.dialect == "spark" else "unnest"
    columns = ", ".join(identifier(name, policy.dialect) for name in SAMPLE_COLUMNS)
    shown = "".join(f", {SCORE}{name}" for name in wanted)
    # A sample is a file's own, or was made from others, of which each may be the file's.
    listed = "array" if policy.dialect == "spark" else "list_value"
    ancestors = ", ".join(f"m{n}.parent_id" for n in range(_GENERATIONS))
    further = " ".join(
        f"LEFT JOIN made_from AS m{n + 1} ON m{n}.parent_id = m{n + 1}.sample_id" for n in range(_GENERATIONS - 1)
    )
    return f"""
WITH made_from AS (SELECT sample_id, {unnest}(parent_ids) AS parent_id FROM samples WHERE size(parent_ids) > 0),
ancestors AS (SELECT m0.sample_id, {unnest}({listed}({ancestors})) AS ancestor FROM made_from AS m0 {further}),
reviewed AS (
  SELECT sample_id FROM reviews
  UNION SELECT a.sample_id FROM ancestors AS a INNER JOIN reviews AS r ON a.ancestor = r.sample_id
),
scored AS (
  SELECT s.*, m.sample_id IS NOT NULL AS _scored, r.sample_id IS NOT NULL AS _review{flags}
    {scores}
  FROM samples AS s
  LEFT JOIN scores AS m ON s.sample_id = m.sample_id
  LEFT JOIN reviewed AS r ON s.sample_id = r.sample_id
  {"LEFT JOIN cleaning AS c ON s.sample_id = c.sample_id" if cleaning else ""}
  {joins}
),
named AS (SELECT *, _table AS table, {added} FROM scored),
grouped AS (SELECT *, {policy.group("modality", "language")} AS language_group FROM named),
judged AS (SELECT *, {policy.findings(family)} AS findings FROM grouped)
SELECT sample_id, parent_ids, {columns}, concat_ws('/', modality, language_group, cell_kind) AS cell,
  size(findings) = 0 AS keep, {policy.reasons("findings")} AS reasons, findings,
  {policy.literal(policy.label)} AS policy{shown}
FROM judged
"""  # noqa: S608 - declared names
