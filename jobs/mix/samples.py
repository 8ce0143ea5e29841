"""Which samples the policy keeps: one decision a sample, with the rules that drop it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.mix.policy import SAMPLE_COLUMNS, SCORE, Policy, literal, load_policy
from jobs.tokenize.captions import CAPTION_LANGUAGES, caption_tag
from lakehouse.declare.flow import flow, read, tagged
from schemas.documents import DOCUMENT, document_duplicates, document_scores
from schemas.images import CAPTIONS, IMAGE, image_duplicates, image_scores
from schemas.images import KIND as IMAGE_KIND
from schemas.samples import samples as samples_table
from schemas.utterances import KIND as UTTERANCE_KIND
from schemas.utterances import LANGUAGE, UTTERANCE, utterance_scores

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True, slots=True)
class SampleParams:
    """What decides.

    Args:
        policy: The policy file.
        caption_languages: As `gold.image_tokens` is made with: a picture counts to its caption's language.
        caption_seed: As `gold.image_tokens` is made with.
    """

    policy: str = field(default=str(Path(__file__).with_name("policy.yaml")), metadata={"file": True})
    caption_languages: tuple[str, ...] = CAPTION_LANGUAGES
    caption_seed: int = 0

    def check(self) -> None:
        """Read the policy; raises `ConfigError` where it is broken."""
        load_policy(self.policy)


# No read asks for text, sound or pixels: a decision looks at scores alone.
@flow(
    id="jobs.mix.samples.decide",
    writes=samples_table,
    kind="frame",
    reads={
        "documents": tagged("documents", columns=(*DOCUMENT[:-1], "_table")),
        "document_scores": document_scores,
        "document_duplicates": read(document_duplicates, columns=["sample_id"]),
        "utterances": tagged("utterances", columns=(*UTTERANCE[:4], UTTERANCE_KIND, LANGUAGE, "_table")),
        "utterance_scores": utterance_scores,
        "images": tagged("images", columns=(*IMAGE[:4], IMAGE_KIND, CAPTIONS, "_table")),
        "image_scores": read(image_scores, columns=[c.name for c in image_scores.columns if not c.payload]),
        "image_duplicates": read(image_duplicates, columns=["sample_id"]),
    },
    params=SampleParams,
    tags=["mix"],
)
def decide(  # noqa: PLR0913 - one argument an input
    *,
    documents: DataFrame,
    document_scores: DataFrame,
    document_duplicates: DataFrame,
    utterances: DataFrame,
    utterance_scores: DataFrame,
    images: DataFrame,
    image_scores: DataFrame,
    image_duplicates: DataFrame,
    params: SampleParams,
) -> DataFrame:
    """Decide on every document, utterance and picture."""
    policy = load_policy(params.policy)
    texts = _with(
        documents, document_scores, document_duplicates, ("language", "language_score", *policy.scores("documents"))
    )
    confident = f"{SCORE}language_score >= {literal(float(policy.confidence))} AND {SCORE}language != 'und'"
    texts = texts.selectExpr(
        "*", f"CASE WHEN {confident} THEN {SCORE}language ELSE coalesce(language_hint, 'und') END AS language"
    )
    speech = _with(utterances, utterance_scores, None, policy.scores("utterances")).selectExpr(
        "*", "'speech' AS modality"
    )
    tag = caption_tag("captions", "sample_id", params.caption_languages, params.caption_seed)
    pictures = _with(images, image_scores, image_duplicates, policy.scores("images")).selectExpr(
        "*", "'image' AS modality", f"coalesce({tag}, 'und') AS language"
    )
    families = {"documents": texts, "utterances": speech, "images": pictures}
    decided = [_decided(rows, family, policy) for family, rows in families.items()]
    return decided[0].unionByName(decided[1]).unionByName(decided[2])


def _with(samples: DataFrame, scores: DataFrame, duplicates: DataFrame | None, wanted: tuple[str, ...]) -> DataFrame:
    """Return samples with ``score_*`` columns and the flags ``_scored`` and ``_duplicate``."""
    columns = [f"`{name}` AS `{SCORE}{name}`" for name in dict.fromkeys(wanted)]
    measured = scores.selectExpr("sample_id", "true AS _scored", *columns)
    rows = samples.join(measured, "sample_id", "left")
    if duplicates is None:
        return rows.selectExpr("* EXCEPT (_scored)", "_scored IS NOT NULL AS _scored", "false AS _duplicate")
    marked = duplicates.select("sample_id").distinct().selectExpr("sample_id", "true AS _duplicate")
    return rows.join(marked, "sample_id", "left").selectExpr(
        "* EXCEPT (_scored, _duplicate)", "_scored IS NOT NULL AS _scored", "_duplicate IS NOT NULL AS _duplicate"
    )


def _decided(rows: DataFrame, family: str, policy: Policy) -> DataFrame:
    grouped = rows.selectExpr(
        "* EXCEPT (_table)", "_table AS table", f"{policy.group('modality', 'language')} AS language_group"
    )
    return grouped.selectExpr("*", f"{policy.reasons(family)} AS reasons").selectExpr(
        "sample_id",
        "parent_ids",
        *SAMPLE_COLUMNS,
        "concat_ws('/', modality, language_group, kind) AS cell",
        "size(reasons) = 0 AS keep",
        "reasons",
        f"{literal(policy.label)} AS policy",
    )
