"""The language of the documents beside one: what stands for a hint where nothing else says its language."""

from __future__ import annotations

from jobs.mix.policy import Policy
from lakehouse.declare.relations import Relations, Rows
from schemas.documents import DOCUMENT, LANGUAGE_HINT

# Documents beside it whose language is certain, and how many of ten are in the same one.
_LEAST, _OF_TEN = 5, 9
_COLUMNS = [column.name for column in DOCUMENT[:-1] if column != LANGUAGE_HINT] + ["_table"]


def with_neighbours(documents: Rows, scores: Rows, addresses: Rows, relations: Relations, policy: Policy) -> Rows:
    """Return documents with the language of those in the same folder as their hint, where they have none.

    A few lines of commands or names in a folder of Finnish are Finnish; the parts of one file stand beside each other.
    It is weak: a policy takes a hint where the identified language is not certain.

    Args:
        documents: All documents without their text.
        scores: silver.document_scores.
        addresses: sample_id and uri of landed documents.
        relations: The engine's.
        policy: What is certain.
    """
    certain = f"score.language_score >= {policy.literal(float(policy.confidence))} AND score.language <> 'und'"
    near = relations.sql(
        f"""
        WITH known AS (
          SELECT a.sample_id, regexp_replace(a.uri, '(#[0-9]+|/[^/]*)$', '') AS place,
            CASE WHEN {certain} THEN score.language END AS language
          FROM addresses AS a
          INNER JOIN scores AS score ON a.sample_id = score.sample_id
        ),
        counted AS (
          SELECT place, language, count(*) AS documents FROM known WHERE language IS NOT NULL GROUP BY place, language
        ),
        totals AS (SELECT place, sum(documents) AS documents FROM counted GROUP BY place)
        SELECT k.sample_id, c.language
        FROM known AS k
        INNER JOIN totals AS t ON k.place = t.place
        INNER JOIN counted AS c ON k.place = c.place
        WHERE k.language IS NULL AND c.documents >= {_LEAST} AND 10 * c.documents >= {_OF_TEN} * t.documents
        """,  # noqa: S608 - numbers of ours
        addresses=addresses,
        scores=scores,
    )
    names = ", ".join(f"d.{name}" for name in _COLUMNS)
    return relations.sql(
        f"""
        SELECT {names},
          CASE WHEN coalesce(d.language_hint, 'und') = 'und' THEN coalesce(n.language, 'und') ELSE d.language_hint END
            AS language_hint
        FROM documents AS d
        LEFT JOIN near AS n ON d.sample_id = n.sample_id
        """,  # noqa: S608 - names of ours
        documents=documents,
        near=near,
    )
