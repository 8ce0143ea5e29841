"""Text and code: as landed, cleaned, scored, and marked as duplicates."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.lineage import LANDED, LICENSE, LINEAGE, PARENT_IDS, SAMPLE_ID, SOURCE

MODALITY = Column("modality", pa.string(), "text or code.", nullable=False)
KIND = Column("kind", pa.string(), "Genre: manual, reference, legal, source-code, ...", nullable=False)
LANGUAGE_HINT = Column(
    "language_hint", pa.string(), "BCP 47 tag that the source or the document itself states, und where neither does."
)
TITLE = Column("title", pa.string(), "Its title, where it has one.")
LANGUAGE_SHARES = pa.list_(pa.struct([pa.field("language", pa.string()), pa.field("share", pa.float32())]))
TEXT = Column("text", pa.string(), "Cleaned text, NFC UTF-8.", nullable=False, payload=True)


def _score(name: str, doc: str, *, unit: str = "", nullable: bool = False) -> Column:
    return Column(name, pa.float64(), doc, unit=unit, nullable=nullable)


landed_documents = Table(
    "bronze.documents",
    doc="One text or code document as received, decoded to Unicode.",
    columns=[
        *LINEAGE,
        *LANDED,
        MODALITY,
        KIND,
        LANGUAGE_HINT,
        TITLE,
        Column("media_type", pa.string(), "IANA media type of the file.", nullable=False),
        Column("encoding", pa.string(), "Character encoding that it was decoded from.", nullable=False),
        Column(
            "encoding_method",
            pa.string(),
            "What decided on it: a byte order mark, a declaration (declared), valid utf-8, the escapes of ISO-2022 "
            "or HZ, or statistics (detected); extracted where it is the text of PDF.",
            nullable=False,
        ),
        Column(
            "encoding_confidence",
            pa.float64(),
            "Share of the likelihood of all readings, by pairs of characters; 1 where it is not detected.",
            nullable=False,
        ),
        Column(
            "encoding_note", pa.string(), "A declaration that is no label of the standard, or contradicts the bytes."
        ),
        Column(
            "replaced", pa.int32(), "Places whose bytes could not be read: U+FFFD.", unit="characters", nullable=False
        ),
        Column(
            "content",
            pa.string(),
            "The document as received, markup included; of PDF, a manual page or a gettext catalogue its text.",
            nullable=False,
            payload=True,
        ),
    ],
    key=["sample_id"],
    checks=[Check("content is not empty", "length(content) > 0")],
    tags=["licensed"],
)

# Measured while cleaning, since scores see the text alone.
EXTRACTED = Column(
    "extracted_words",
    pa.float64(),
    "Fraction of the words that a document of markup shows outside navigation, banners, footers, asides and controls "
    "of forms, by the elements and roles of its tree, which the text holds; null where it was no markup.",
)

# What a table must carry to join the union "documents": a user's own table of text joins the mixture so.
DOCUMENT = (SAMPLE_ID, PARENT_IDS, SOURCE, LICENSE, MODALITY, KIND, LANGUAGE_HINT, TEXT)

documents = Table(
    "silver.documents",
    doc="One cleaned text or code document.",
    columns=[
        *LINEAGE,
        MODALITY,
        KIND,
        LANGUAGE_HINT,
        TITLE,
        Column("content_id", pa.string(), "Hash of the cleaned text.", nullable=False, lineage=True),
        Column(
            "repaired",
            pa.int32(),
            "Characters that were mojibake and were read again.",
            unit="characters",
            nullable=False,
        ),
        Column(
            "invisible",
            pa.int32(),
            "Characters without a glyph or meaning that were removed.",
            unit="characters",
            nullable=False,
        ),
        TEXT,
        EXTRACTED,
    ],
    key=["sample_id"],
    cluster_by=["kind", "language_hint"],
    checks=[Check("text is not empty", "length(text) > 0")],
    tags=["documents"],
)

document_scores = Table(
    "silver.document_scores",
    doc="What was measured of one document; policies decide on these columns. Fractions lie in [0, 1].",
    columns=[
        *LINEAGE,
        Column(
            "language", pa.string(), "BCP 47 tag, und where unknown; for code the programming language.", nullable=False
        ),
        Column(
            "language_score",
            pa.float64(),
            "Confidence: of the model, or the letters' share where the script decides; 0.5 and more where the source's "
            "hint stands though lid.176 cannot say it or says another; 1 for code.",
            nullable=False,
        ),
        Column(
            "language_shares",
            LANGUAGE_SHARES,
            "Languages of its passages, by their share of its bytes, the largest first; by lid.176 and script.",
            nullable=False,
        ),
        Column("script", pa.string(), "ISO 15924 code of most letters, Zyyy where there are none.", nullable=False),
        Column("n_chars", pa.int64(), "Characters.", unit="characters", nullable=False),
        Column(
            "information",
            pa.float64(),
            "English letters that would say as much: characters, weighted by script over parallel texts.",
            unit="letters",
            nullable=False,
        ),
        Column(
            "n_words",
            pa.int64(),
            "Words; in scripts without spaces a letter with its marks is one, in Tibetan a syllable.",
            unit="words",
            nullable=False,
        ),
        Column("n_lines", pa.int64(), "Lines that are not blank.", unit="lines", nullable=False),
        Column("n_sentences", pa.int64(), "Sentences, by their terminal marks; null in scripts without them."),
        # Gopher, arXiv:2112.11446, table A1: quality.
        _score(
            "mean_word_length",
            "Characters a word (Gopher keeps 3 to 10); null where letters of scripts without spaces are among them.",
            unit="characters",
            nullable=True,
        ),
        _score("symbol_word_ratio", "Hash signs and ellipses a word (Gopher keeps up to 0.1)."),
        _score("bullet_lines", "Fraction of lines that begin with a bullet (Gopher keeps up to 0.9)."),
        _score(
            "ellipsis_lines",
            "Fraction of lines that end with an ellipsis (Gopher keeps up to 0.3); null below ten lines.",
            nullable=True,
        ),
        _score("alphabetic_words", "Fraction of words with a letter (Gopher keeps 0.8 and more)."),
        Column(
            "stop_words",
            pa.int32(),
            "How many of Gopher's 8 English words occur (2 or more); null in other languages, and where one of them "
            "stands in fewer than 50 words.",
        ),
        # Gopher: repetition.
        _score(
            "duplicate_lines",
            "Fraction of lines with a letter or a digit that repeat an earlier one (Gopher keeps up to 0.3).",
        ),
        _score("duplicate_line_chars", "Characters in those lines, as a fraction (Gopher 0.2, FineWeb below 0.1)."),
        _score("duplicate_paragraphs", "Fraction of paragraphs that repeat an earlier one (Gopher: up to 0.3)."),
        _score("duplicate_paragraph_chars", "Characters in those paragraphs, as a fraction (Gopher: up to 0.2)."),
        *(
            _score(
                f"top_{n}gram_chars",
                f"Word characters in the commonest {n}-gram, as a fraction (Gopher: up to {k}); null below 100 words "
                "and in scripts whose words nobody counted; in other scripts without spaces letters are put together.",
                nullable=True,
            )
            for n, k in ((2, 0.2), (3, 0.18), (4, 0.16))
        ),
        *(
            _score(f"duplicate_{n}gram_chars", f"Word characters in repeats of {n}-grams (Gopher: up to {k}).")
            for n, k in ((5, 0.15), (6, 0.14), (7, 0.13), (8, 0.12), (9, 0.11), (10, 0.1))
        ),
        # C4, arXiv:1910.10683, section 2.2; FineWeb, arXiv:2406.17557, section 3.6.
        _score(
            "punctuated_lines",
            "Fraction of lines that end in terminal punctuation (FineWeb keeps above 0.12); null in scripts without "
            "it.",
            nullable=True,
        ),
        _score(
            "short_lines",
            "Fraction of lines under 30 characters (FineWeb keeps below 0.67); null where a character says more than "
            "two letters.",
            nullable=True,
        ),
        _score(
            "newline_word_ratio",
            "Line ends a word (FineWeb keeps up to 0.3); null in scripts without spaces.",
            nullable=True,
        ),
        Column("curly_brackets", pa.bool_(), "Whether there is a curly bracket (C4).", nullable=False),
        Column("lorem_ipsum", pa.bool_(), "Whether it says lorem ipsum every 300 words (C4: at all).", nullable=False),
        Column("javascript_mentions", pa.int32(), "How often it says javascript (C4).", nullable=False),
        Column("policy_mentions", pa.int32(), "How often it speaks of cookies, terms or privacy (C4).", nullable=False),
        # Code: Codex, arXiv:2107.03374, section 3.1; StarCoder, arXiv:2305.06161, section 3.
        _score(
            "mean_line_length", "Characters a line, blank ones left out (Codex keeps up to 100).", unit="characters"
        ),
        Column("max_line_length", pa.int64(), "Longest line (Codex: up to 1,000).", unit="characters", nullable=False),
        _score("alphanumeric_chars", "Fraction of characters that are letters or digits (StarCoder: 0.25 and more)."),
        Column("generated", pa.bool_(), "Whether its first lines say that it was generated.", nullable=False),
        # Lines of numbers (RefinedWeb, arXiv:2306.01116, section G.2, drops such lines).
        _score("digit_line_chars", "Fraction of characters in lines that are over half numbers; blanks do not count."),
        _score("hash_line_chars", "Fraction of characters in lines that are over half hashes; blanks do not count."),
    ],
    key=["sample_id"],
)

document_signatures = Table(
    "silver.document_signatures",
    doc="One document's MinHash band keys and fingerprints: documents that share one may repeat each other.",
    columns=[
        *LINEAGE,
        Column("content_id", pa.string(), "Hash of the text: equal text, equal id.", nullable=False, lineage=True),
        Column("n_shingles", pa.int32(), "Shingles, repeats counted.", unit="shingles", nullable=False),
        Column(
            "bands",
            pa.list_(pa.int64()),
            "One key a band, each mixed with its band's number; empty where the text has no word.",
            nullable=False,
        ),
        Column(
            "fingerprints",
            pa.list_(pa.int64()),
            "Winnowed shingles (Schleimer et al., SIGMOD 2003), distinct: a document that holds a part of another "
            "shares some; empty where the text has no word.",
        ),
        Column(
            "lines",
            pa.list_(pa.int64()),
            "Hashes of the lines that are not blank, in lower case, each number as a nought; empty for code.",
        ),
        Column("line_chars", pa.list_(pa.int32()), "Characters of these lines.", unit="characters"),
    ],
    key=["sample_id"],
)

document_order = Table(
    "silver.document_order",
    doc="One document's place in the order in which documents are kept: of two that repeat each other the first stays.",
    columns=[
        *LINEAGE,
        Column(
            "dropped",
            pa.bool_(),
            "Whether the policy drops it for another reason than that it repeats a kept one: no keeper then.",
            nullable=False,
        ),
        Column(
            "place",
            pa.string(),
            "The lesser comes first: digits of the source's priority, the licence's class, whether the language is "
            "the source's, scores and length; where they tie, the lesser sample_id is first.",
            nullable=False,
        ),
        Column(
            "license_class",
            pa.int32(),
            "0 public domain and permissive, 1 weak copyleft, 2 strong copyleft, 3 restricted, 4 unknown.",
            nullable=False,
        ),
        Column("own_language", pa.bool_(), "Whether its language is the one that its source states.", nullable=False),
    ],
    key=["sample_id"],
)

document_duplicates = Table(
    "silver.document_duplicates",
    doc="One removal: a document that repeats a kept one, verified against it.",
    columns=[
        *LINEAGE,
        Column("keeper_id", pa.string(), "The kept document that it repeats.", nullable=False, lineage=True),
        Column("method", pa.string(), "exact or near.", nullable=False),
        Column("jaccard", pa.float64(), "Exact Jaccard similarity of the two shingle sets.", nullable=False),
        Column("shared_bands", pa.int32(), "MinHash bands that the two share; 0 for exact.", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
    checks=[Check("it repeats another document", "keeper_id != sample_id", on_fail="fail")],
    tags=["duplicates"],
)

document_containments = Table(
    "silver.document_containments",
    doc="One document of which most stands in a longer kept one, verified against it.",
    columns=[
        *LINEAGE,
        Column("keeper_id", pa.string(), "The kept document that it stands in.", nullable=False, lineage=False),
        Column("method", pa.string(), "contained.", nullable=False),
        Column(
            "containment", pa.float64(), "Share of its set of shingles that the keeper has, exactly.", nullable=False
        ),
        Column("jaccard", pa.float64(), "Exact Jaccard similarity of the two shingle sets.", nullable=False),
        Column("shared_fingerprints", pa.int32(), "Fingerprints that led to the keeper.", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
    checks=[Check("it stands in another document", "keeper_id != sample_id", on_fail="fail")],
)

document_boilerplate = Table(
    "silver.document_boilerplate",
    doc="How much of one text repeats line by line over the documents of its source: banners, navigation, footers.",
    columns=[
        *LINEAGE,
        Column("n_lines", pa.int32(), "Lines that are not blank.", unit="lines", nullable=False),
        Column(
            "repeated_lines",
            pa.int32(),
            "Of these, lines that stand in a declared share of the source's documents and more (line frequency as in "
            "CCNet, arXiv:1911.00359, but shares of a source).",
            unit="lines",
            nullable=False,
        ),
        _score("repeated_line_chars", "Characters in those lines, as a fraction."),
        Column(
            "head_lines",
            pa.int32(),
            "Lines at its beginning, one after the other, that repeat so and stand in an earlier document, too.",
            unit="lines",
            nullable=False,
        ),
        Column("tail_lines", pa.int32(), "The same at its end.", unit="lines", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
)

document_texts = Table(
    "gold.document_texts",
    doc="One document as it is tokenised: its text without the repeated lines that the policy removes.",
    columns=[
        *LINEAGE,
        Column("table", pa.string(), "Table that holds the document.", nullable=False),
        MODALITY,
        Column("removed_lines", pa.int32(), "Lines that were removed.", unit="lines", nullable=False),
        Column(
            "removed_chars", pa.int64(), "Characters that the text is shorter by.", unit="characters", nullable=False
        ),
        TEXT,
    ],
    key=["sample_id"],
)
