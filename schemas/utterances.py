"""Recorded speech with its transcript: as landed, cut to 16 kHz mono, scored."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.lineage import LANDED, LICENSE, LINEAGE, PARENT_IDS, SAMPLE_ID, SOURCE

TRANSCRIPT = Column(
    "transcript", pa.string(), "The text beside the sound, as the source gives it; see relation.", nullable=False
)
VERBATIM = "verbatim"
RELATION = Column(
    "relation",
    pa.string(),
    "What the text is to the sound, as the source's declaration says: verbatim, the words spoken; caption, a text "
    "that was read or described more or less freely; title, a name of the recording.",
    nullable=False,
)
LANGUAGE = Column("language", pa.string(), "BCP 47 tag that the source states.", nullable=False)
KIND = Column("kind", pa.string(), "Genre: caption, dialogue, prompt, ...", nullable=False)

# Audio bytes: uncompressed pages, so that a clip is read by offset and length.
MEDIA_OPTIONS = (("compression", "uncompressed"), ("parquet.enable.dictionary", "false"))

SOUND_ID = Column(
    "sound_id",
    pa.string(),
    "Hash of the 16-bit samples at 16 kHz without leading and trailing zeros: equal sound, equal id.",
    nullable=False,
)

landed_utterances = Table(
    "bronze.utterances",
    doc="One recorded utterance as received.",
    columns=[
        *LINEAGE,
        *LANDED,
        KIND,
        LANGUAGE,
        TRANSCRIPT,
        RELATION,
        Column("speaker", pa.string(), "Speaker, where the source names one."),
        Column("format", pa.string(), "Container and codec as received, such as OGG/VORBIS.", nullable=False),
        Column("sample_rate", pa.int32(), "Samples a second as received.", unit="Hz", nullable=False),
        Column("channels", pa.int32(), "Channels as received.", nullable=False),
        Column("duration", pa.float64(), "Length, decoded to the end.", unit="s", nullable=False),
        Column(
            "declared_duration",
            pa.float64(),
            "Length that the container states, of Ogg and MP3 the least that positions and frames imply; null where "
            "it leaves the length open, so that a cut at its end cannot be detected.",
            unit="s",
        ),
        Column("streams", pa.int32(), "Streams on end in the file, decoded one after the other.", nullable=False),
        Column("audio", pa.binary(), "The file as received.", nullable=False, payload=True),
    ],
    key=["sample_id"],
    checks=[Check("the clip has sound", "duration > 0"), Check("the clip has a transcript", "length(transcript) > 0")],
    tags=["licensed"],
    writer_options=MEDIA_OPTIONS,
)

UTTERANCE = (
    SAMPLE_ID,
    PARENT_IDS,
    SOURCE,
    LICENSE,
    KIND,
    LANGUAGE,
    TRANSCRIPT,
    RELATION,
    Column("n_samples", pa.int64(), "Samples at 16 kHz.", unit="samples", nullable=False),
    Column(
        "peak",
        pa.float64(),
        "Largest absolute sample at 16 kHz as decoded, 1.0 at full scale; what is above it was scaled down, not cut.",
        nullable=False,
    ),
    Column(
        "clipped",
        pa.float64(),
        "Fraction of samples at full scale or above it as decoded, before scaling.",
        nullable=False,
    ),
    SOUND_ID,
    Column("audio", pa.binary(), "FLAC, 16 kHz, mono, 16 bit.", nullable=False, payload=True),
)

utterances = Table(
    "silver.utterances",
    doc="One utterance, resampled to 16 kHz mono, leading and trailing silence kept.",
    columns=[*UTTERANCE[:4], LINEAGE[4], *UTTERANCE[4:]],
    key=["sample_id"],
    checks=[Check("the clip has sound", "n_samples > 0")],
    tags=["utterances"],
    writer_options=MEDIA_OPTIONS,
)

utterance_scores = Table(
    "silver.utterance_scores",
    doc="What was measured of one utterance.",
    columns=[
        *LINEAGE,
        RELATION,
        Column("duration", pa.float64(), "Length.", unit="s", nullable=False),
        Column("peak", pa.float64(), "Largest absolute sample as received, 1.0 at full scale.", nullable=False),
        Column("speech", pa.float64(), "Fraction of 30 ms frames that hold speech (WebRTC VAD).", nullable=False),
        Column("loudness", pa.float64(), "Root mean square level.", unit="dBFS", nullable=False),
        Column("clipped", pa.float64(), "Fraction of samples at full scale, before scaling.", nullable=False),
        Column("characters_per_second", pa.float64(), "Transcript characters a second.", nullable=False),
        Column("heard", pa.string(), "What a model of speech recognition hears; null where recognizer is."),
        Column(
            "agreement",
            pa.float64(),
            "1 less the edit distance of the text and of what is heard, over the longer, of letters and digits; null "
            "where recognizer is.",
        ),
        Column(
            "recognizer",
            pa.string(),
            "The model that heard it; null where none was at hand, or it does not know the language.",
        ),
    ],
    key=["sample_id"],
)

utterance_duplicates = Table(
    "silver.utterance_duplicates",
    doc="One removal: an utterance whose sound, sample by sample, is that of a kept one.",
    columns=[
        *LINEAGE,
        Column("keeper_id", pa.string(), "The kept utterance of equal sound.", nullable=False, lineage=True),
        Column("same_transcript", pa.bool_(), "Whether both have the same text and language.", nullable=False),
        Column("rule", pa.string(), "The rule and its parameters.", nullable=False),
    ],
    key=["sample_id"],
    checks=[Check("it repeats another utterance", "keeper_id != sample_id", on_fail="fail")],
    tags=["duplicates"],
)
