"""Which samples a policy keeps, and what they weigh in tokens."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.features import FEATURE_SPEC
from schemas.lineage import LICENSE, LINEAGE, PARENT_IDS, RUN_ID, SAMPLE_ID, SOURCE

MODALITY = Column("modality", pa.string(), "text, code, speech or image.", nullable=False)
LANGUAGE = Column("language", pa.string(), "BCP 47 tag; for code the programming language.", nullable=False)
KIND = Column("kind", pa.string(), "Genre.", nullable=False)
CELL = Column("cell", pa.string(), "modality/language group/kind, the line of the quota table.", nullable=False)

FINDING = pa.struct(
    [
        pa.field("rule", pa.string()),
        pa.field("column", pa.string()),
        pa.field("value", pa.float64()),
        pa.field("text", pa.string()),
        pa.field("threshold", pa.string()),
    ]
)

samples = Table(
    "gold.samples",
    doc="One decision: whether the policy keeps a sample, and why not.",
    columns=[
        *LINEAGE,
        Column("table", pa.string(), "Table that holds the sample.", nullable=False),
        MODALITY,
        LANGUAGE,
        Column("language_group", pa.string(), "zh, en, other, or code.", nullable=False),
        KIND,
        CELL,
        Column("keep", pa.bool_(), "Whether it goes to the mixture.", nullable=False),
        Column("reasons", pa.list_(pa.string()), "Rules that drop it; empty where it is kept.", nullable=False),
        Column(
            "findings",
            pa.list_(FINDING),
            "For each of the reasons the column that the rule judged, its value then (text where it is no number) and "
            "what the rule allows; null of a rule that judges no column.",
        ),
        Column("policy", pa.string(), "Name and digest of the policy.", nullable=False),
    ],
    key=["sample_id"],
)

MEDIUM = pa.struct(
    [
        pa.field("begin", pa.int32()),
        pa.field("end", pa.int32()),
        pa.field("modality", pa.string()),
        pa.field("media_id", pa.string()),
        pa.field("media_begin", pa.int64()),
        pa.field("media_end", pa.int64()),
        pa.field("columns", pa.int32()),
        pa.field("feature_spec", FEATURE_SPEC),
    ]
)

TOKEN_COLUMNS = (
    SAMPLE_ID,
    PARENT_IDS,
    SOURCE,
    LICENSE,
    Column("table", pa.string(), "Table that holds the sample.", nullable=False),
    MODALITY,
    Column("n_tokens", pa.int32(), "Input positions, placeholders included.", unit="tokens", nullable=False),
    Column("tokens", pa.binary(), "int32 little-endian ids, 4 * n_tokens bytes.", nullable=False, payload=True),
    Column(
        "parts",
        pa.list_(pa.int32()),
        "Ends of the documents that the sample makes, rising to n_tokens: one, or two where a medium and its caption "
        "are distinguished as a pair for a contrastive loss; each then ends in the pool id.",
        nullable=False,
    ),
    Column(
        "media",
        pa.list_(MEDIUM),
        "Placeholder ranges [begin, end) of the ids, the medium and its range (samples or patches), the "
        "patches a row of a picture, and how it becomes vectors.",
        nullable=False,
    ),
    Column("tokenizer", pa.string(), "Name and digest of the vocabulary.", nullable=False),
)


def token_table(name: str, doc: str) -> Table:
    """Return the contract of tokenised samples of one family; it joins the union "tokens"."""
    return Table(
        name,
        doc=doc,
        columns=[*TOKEN_COLUMNS[:4], RUN_ID, *TOKEN_COLUMNS[4:]],
        key=["sample_id"],
        tags=["tokens"],
        checks=[
            Check("the ids fill the row", "octet_length(tokens) = 4 * n_tokens", on_fail="fail"),
            Check("the parts end with the row", "element_at(parts, -1) = n_tokens", on_fail="fail"),
            Check("the row has ids", "n_tokens > 1"),
        ],
    )


document_tokens = token_table(
    "gold.document_tokens", "One tokenised document: a mark of text or code, its ids, the end-of-document id."
)
utterance_tokens = token_table(
    "gold.utterance_tokens",
    "One tokenised utterance: placeholders between speech marks, then the ids of the transcript or caption.",
)
image_tokens = token_table(
    "gold.image_tokens", "One tokenised picture: placeholders between image marks, then the ids of one caption."
)

vocabulary = Table(
    "gold.vocabulary",
    doc="One range of token ids.",
    columns=[
        Column("name", pa.string(), "Name of the range or token.", nullable=False),
        Column("begin", pa.int32(), "First id.", nullable=False),
        Column("end", pa.int32(), "One past the last id.", nullable=False),
        Column(
            "kind",
            pa.string(),
            "text, special, mark, placeholder or reserved; only text and special ids are targets.",
            nullable=False,
        ),
        Column("text", pa.string(), "Its spelling, where it is one token."),
        RUN_ID,
    ],
    key=["name"],
)
