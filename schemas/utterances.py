"""Recorded speech with its transcript: as landed, cut to 16 kHz mono, scored."""

from __future__ import annotations

import pyarrow as pa

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from schemas.lineage import LANDED, LICENSE, LINEAGE, PARENT_IDS, SAMPLE_ID, SOURCE

TRANSCRIPT = Column("transcript", pa.string(), "The words spoken, as the source gives them.", nullable=False)
LANGUAGE = Column("language", pa.string(), "BCP 47 tag that the source states.", nullable=False)
KIND = Column("kind", pa.string(), "Genre: caption, dialogue, prompt, ...", nullable=False)

# Audio bytes: uncompressed pages, so that a clip is read by offset and length.
MEDIA_OPTIONS = (("compression", "uncompressed"), ("parquet.enable.dictionary", "false"))

landed_utterances = Table(
    "bronze.utterances",
    doc="One recorded utterance as received.",
    columns=[
        *LINEAGE,
        *LANDED,
        KIND,
        LANGUAGE,
        TRANSCRIPT,
        Column("speaker", pa.string(), "Speaker, where the source names one."),
        Column("format", pa.string(), "Container and codec as received, such as OGG/VORBIS.", nullable=False),
        Column("sample_rate", pa.int32(), "Samples a second as received.", unit="Hz", nullable=False),
        Column("channels", pa.int32(), "Channels as received.", nullable=False),
        Column("duration", pa.float64(), "Length.", unit="s", nullable=False),
        Column("audio", pa.binary(), "The file as received.", nullable=False, payload=True),
    ],
    key=["sample_id"],
    checks=[Check("the clip has sound", "duration > 0"), Check("the clip has a transcript", "length(transcript) > 0")],
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
    Column("n_samples", pa.int64(), "Samples at 16 kHz.", unit="samples", nullable=False),
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
        Column("duration", pa.float64(), "Length.", unit="s", nullable=False),
        Column("speech", pa.float64(), "Fraction of 30 ms frames that hold speech (WebRTC VAD).", nullable=False),
        Column("loudness", pa.float64(), "Root mean square level.", unit="dBFS", nullable=False),
        Column("clipped", pa.float64(), "Fraction of samples at full scale.", nullable=False),
        Column("characters_per_second", pa.float64(), "Transcript characters a second.", nullable=False),
    ],
    key=["sample_id"],
)
