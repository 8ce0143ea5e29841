"""The SQL by which a policy decides on the samples of a family."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.dialect import identifier
from jobs.mix.policy import CLEANING_SCORES, SAMPLE_COLUMNS, SCORE, Policy


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
    # A sample that was cut from a file has that as its parent; else it is the file's own.
    first = "get(s.parent_ids, 0)" if policy.dialect == "spark" else "s.parent_ids[1]"
    columns = ", ".join(identifier(name, policy.dialect) for name in SAMPLE_COLUMNS)
    shown = "".join(f", {SCORE}{name}" for name in wanted)
    return f"""
WITH scored AS (
  SELECT s.*, m.sample_id IS NOT NULL AS _scored, r.sample_id IS NOT NULL AS _review{flags}
    {scores}
  FROM samples AS s
  LEFT JOIN scores AS m ON s.sample_id = m.sample_id
  LEFT JOIN (SELECT DISTINCT sample_id FROM reviews) AS r ON coalesce({first}, s.sample_id) = r.sample_id
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
