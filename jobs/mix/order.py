"""The order in which documents are kept: of two that repeat each other, the first stays."""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa

from jobs.mix.decision import decision, document_language
from jobs.mix.license_class import license_class
from jobs.mix.neighbours import with_neighbours
from jobs.mix.policy import CLEANING_SCORES, POLICY, SCORE, load_policy
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Relations, Rows
from lakehouse.errors import FlowError
from schemas.documents import DOCUMENT, document_order, document_scores, landed_documents
from schemas.documents import documents as documents_table
from schemas.lineage import SAMPLE_ID

_FOLLOWED = ("gold.samples", "jobs.mix.samples.decide")
_LENGTH = 12  # digits


@dataclass(frozen=True, slots=True)
class OrderParams:
    """What makes one copy better than another, in this order: sources, licence, language, scores, length, id.

    Args:
        policy: The policy, by default that of gold.samples: what it drops is kept in favour of nothing.
        sources: Sources whose documents are kept before others', the first before the second; the rest come after
            these.
        scores: Fractions among the scores of documents: more is better, with a dash before it less is. They are
            compared in steps, so that the longer of two that are about as good is kept.
        step: Size of a step.
    """

    policy: str = field(default=POLICY, metadata={"file": True, "follows": _FOLLOWED})
    sources: tuple[str, ...] = ()
    scores: tuple[str, ...] = (
        "extracted_words",
        "alphabetic_words",
        "-duplicate_line_chars",
        "-duplicate_paragraph_chars",
    )
    step: float = 0.1

    def __post_init__(self) -> None:
        """Refuse scores that there are not, and steps that are none."""
        fractions = {column.name for column in document_scores.columns if column.type == pa.float64()}
        fractions.update(CLEANING_SCORES["documents"])
        for name in self.scores:
            if (bare := name.removeprefix("-")) not in fractions:
                raise FlowError(f"scores names {bare!r}", f"name fractions that {document_scores.name} has")
        if not 0.01 <= self.step <= 1:
            raise FlowError(f"step is {self.step}", "give a fraction from 0.01 to 1")

    def check(self) -> None:
        """Read the policy; raises `ConfigError` where it is broken."""
        load_policy(self.policy)


@flow(
    id="jobs.mix.order.order_documents",
    writes=document_order,
    kind="relational",
    reads={
        "documents": tagged("documents", columns=(*DOCUMENT[:-1], "_table")),
        "scores": document_scores,
        "addresses": read(landed_documents, columns=["sample_id", "uri"]),
        "cleaning": read(documents_table, columns=["sample_id", *CLEANING_SCORES["documents"]]),
        "reviews": tagged("licensed", columns=(SAMPLE_ID,), where="license_status = 'needs_review'"),
    },
    params=OrderParams,
    tags=["dedup"],
)
def order_documents(  # noqa: PLR0913, PLR0917 - one argument an input
    documents: Rows,
    scores: Rows,
    addresses: Rows,
    cleaning: Rows,
    reviews: Rows,
    relations: Relations,
    params: OrderParams,
) -> Rows:
    """Give each document its place, and say whether the policy drops it.

    Args:
        documents: All documents without their text.
        scores: silver.document_scores.
        addresses: Where landed documents are from.
        cleaning: What was measured while cleaning.
        reviews: The files and landed samples whose licence needs review.
        relations: The engine's.
        params: See `OrderParams`.

    Returns:
        Rows of silver.document_order.
    """
    policy = load_policy(params.policy, relations.dialect)
    names = tuple(name.removeprefix("-") for name in params.scores)
    wanted = tuple(dict.fromkeys(("language", "language_score", "n_chars", *names)))
    judged = relations.sql(
        decision(policy, "documents", document_language(policy), wanted=wanted),
        samples=with_neighbours(documents, scores, addresses, relations, policy),
        scores=scores,
        cleaning=cleaning,
        reviews=reviews,
    )
    listed = relations.to_arrow(relations.sql("SELECT DISTINCT license FROM documents", documents=documents))
    licenses = sorted({name or "" for name in listed.column("license").to_pylist()})
    classes = {"license": licenses, "class": pa.array([license_class(name) for name in licenses], pa.int32())}
    sources = list(dict.fromkeys(params.sources))
    places = {"source": pa.array(sources, pa.string()), "place": pa.array(range(len(sources)), pa.int32())}
    tens = ", ".join(_digits(name, params.step) for name in params.scores)
    primary = "lower(regexp_extract({}, '^[A-Za-z]+', 0))"
    longest = 10**_LENGTH - 1
    return relations.sql(
        f"""
        WITH known AS (
          SELECT j.sample_id, j.parent_ids, j.source, j.license, NOT j.keep AS dropped, c.class AS license_class,
            coalesce(h.modality = 'code' OR coalesce(h.language_hint, 'und') = 'und'
              OR {primary.format("h.language_hint")} = {primary.format("j.language")}, false) AS own_language,
            coalesce(p.place, {len(sources)}) AS source_place,
            {longest} - least(coalesce(j.{SCORE}n_chars, 0), {longest}) AS shortness
            {"".join(f", j.{SCORE}{name}" for name in dict.fromkeys(names))}
          FROM judged AS j
          INNER JOIN documents AS h ON j.sample_id = h.sample_id
          INNER JOIN classes AS c ON coalesce(j.license, '') = c.license
          LEFT JOIN places AS p ON j.source = p.source
        )
        SELECT sample_id, parent_ids, source, license, dropped, license_class, own_language,
          concat(lpad(CAST(source_place AS STRING), 4, '0'), CAST(license_class AS STRING),
            CASE WHEN own_language THEN '0' ELSE '1' END, {tens + ", " if tens else ""}
            lpad(CAST(shortness AS STRING), {_LENGTH}, '0')) AS place
        FROM known
        """,  # noqa: S608 - numbers and names of ours
        judged=judged,
        documents=documents,
        classes=relations.from_arrow(pa.table(classes)),
        places=relations.from_arrow(pa.table(places)),
    )


def _digits(score: str, step: float) -> str:
    """Return the SQL of a score's step as three digits, of which the better are the lesser."""
    # What was no markup has lost nothing.
    missing = 1 if score[0] == "-" or score in CLEANING_SCORES["documents"] else 0
    name = f"coalesce({SCORE}{score.removeprefix('-')}, CAST({missing} AS DOUBLE))"
    value = name if score[0] == "-" else f"1 - {name}"
    steps = f"CAST(floor(least(greatest({value}, 0), 1) / CAST('{step!r}' AS DOUBLE) + CAST('1e-9' AS DOUBLE)) AS INT)"
    return f"lpad(CAST({steps} AS STRING), 3, '0')"
