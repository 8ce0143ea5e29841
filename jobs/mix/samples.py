"""Which samples the policy keeps: one decision per sample, with the rules that drop it."""

from __future__ import annotations

from dataclasses import dataclass, field

from jobs.mix.decision import decision, document_language
from jobs.mix.neighbours import with_neighbours
from jobs.mix.policy import CLEANING_SCORES, POLICY, load_policy
from jobs.tokenize.captions import CAPTION_LANGUAGES, caption_tag
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read, tagged
from lakehouse.declare.relations import Dialect, Relations, Rows
from schemas.documents import DOCUMENT, document_containments, document_duplicates, document_scores, landed_documents
from schemas.documents import documents as cleaned_documents
from schemas.images import CAPTIONS, IMAGE, image_duplicates, image_scores
from schemas.images import KIND as IMAGE_KIND
from schemas.lineage import SAMPLE_ID
from schemas.samples import samples as samples_table
from schemas.utterances import KIND as UTTERANCE_KIND
from schemas.utterances import LANGUAGE, RELATION, UTTERANCE, VERBATIM, utterance_duplicates, utterance_scores


@dataclass(frozen=True, slots=True)
class SampleParams:
    """What decides.

    Args:
        policy: The policy file.
        caption_languages: As `gold.image_tokens` is made with: a picture counts to its caption's language.
        caption_seed: As `gold.image_tokens` is made with.
    """

    policy: str = field(default=POLICY, metadata={"file": True})
    caption_languages: tuple[str, ...] = CAPTION_LANGUAGES
    caption_seed: int = 0

    def check(self) -> None:
        """Read the policy; raises `ConfigError` where it is broken."""
        load_policy(self.policy)


# No read includes text, sound or pixels: decisions use scores alone.
@flow(
    id="jobs.mix.samples.decide",
    writes=samples_table,
    kind="relational",
    reads={
        "documents": tagged("documents", columns=(*DOCUMENT[:-1], "_table")),
        "document_scores": document_scores,
        "document_addresses": read(landed_documents, columns=["sample_id", "uri"]),
        "document_cleaning": read(cleaned_documents, columns=["sample_id", *CLEANING_SCORES["documents"]]),
        "document_duplicates": read(document_duplicates, columns=["sample_id"]),
        "document_containments": read(document_containments, columns=["sample_id"]),
        "utterances": tagged("utterances", columns=(*UTTERANCE[:4], UTTERANCE_KIND, LANGUAGE, RELATION, "_table")),
        "utterance_scores": utterance_scores,
        "utterance_duplicates": read(utterance_duplicates, columns=["sample_id"]),
        "images": tagged("images", columns=(*IMAGE[:4], IMAGE_KIND, CAPTIONS, "_table")),
        "image_scores": read(image_scores, columns=[c.name for c in image_scores.columns if not c.payload]),
        "image_duplicates": read(image_duplicates, columns=["sample_id"]),
        "reviews": tagged("licensed", columns=(SAMPLE_ID,), where="license_status = 'needs_review'"),
    },
    params=SampleParams,
    tags=["mix"],
)
def decide(  # noqa: PLR0913 - one argument an input
    *,
    documents: Rows,
    document_scores: Rows,
    document_addresses: Rows,
    document_cleaning: Rows,
    document_duplicates: Rows,
    document_containments: Rows,
    utterances: Rows,
    utterance_scores: Rows,
    utterance_duplicates: Rows,
    images: Rows,
    image_scores: Rows,
    image_duplicates: Rows,
    reviews: Rows,
    relations: Relations,
    params: SampleParams,
) -> Rows:
    """Decide on every document, utterance and picture."""
    policy = load_policy(params.policy, relations.dialect)
    decided = {
        "documents_decided": relations.sql(
            decision(policy, "documents", document_language(policy), ("duplicates", "contained")),
            samples=with_neighbours(documents, document_scores, document_addresses, relations, policy),
            scores=document_scores,
            cleaning=document_cleaning,
            duplicates=document_duplicates,
            contained=document_containments,
            reviews=reviews,
        ),
        "utterances_decided": relations.sql(
            decision(policy, "utterances", f"'speech' AS modality, {_KIND_OF_SPEECH} AS cell_kind", ("duplicates",)),
            samples=utterances,
            scores=utterance_scores,
            duplicates=utterance_duplicates,
            reviews=reviews,
        ),
        "images_decided": relations.sql(
            decision(policy, "images", _picture(params, relations.dialect), ("duplicates",)),
            samples=images,
            scores=image_scores,
            duplicates=image_duplicates,
            reviews=reviews,
        ),
    }
    return relations.sql(
        """
        SELECT * FROM documents_decided
        UNION ALL SELECT * FROM utterances_decided
        UNION ALL SELECT * FROM images_decided
        """,
        **decided,
    )


# Sound whose text is not what is spoken has cells of its own.
_KIND_OF_SPEECH = f"CASE WHEN relation = '{VERBATIM}' THEN kind ELSE relation END"


def _picture(params: SampleParams, dialect: Dialect) -> str:
    """Return the SQL of a picture's modality and language, which is its caption's."""
    tag = caption_tag("captions", "sample_id", params.caption_languages, params.caption_seed, dialect)
    return f"'image' AS modality, coalesce({tag}, 'und') AS language, kind AS cell_kind"
