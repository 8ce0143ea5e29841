"""Landed recordings become 16 kHz mono FLAC with a normalised transcript.

Resampling is band-limited interpolation by soxr (quality HQ); the bytes written depend on the input
alone, so that equal recordings stay equal.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import REJECT, flow
from lakehouse.declare.reads import read
from schemas.features import SAMPLE_RATE
from schemas.lineage import LINEAGE_NAMES
from schemas.utterances import landed_utterances, utterances

_CARRIED = (*LINEAGE_NAMES, "kind", "language")


@dataclass(frozen=True, slots=True)
class UtteranceParams:
    """Which recordings can be used at all; what is good enough is for a policy to say.

    Args:
        min_seconds: Shorter clips are rejected.
        max_seconds: Longer clips are rejected; speech is cut before it is landed.
        silence_dbfs: Clips whose root mean square level is below this are rejected as silent.
        max_bytes: Files above this size are not opened.
    """

    min_seconds: float = 0.1
    max_seconds: float = 60.0
    silence_dbfs: float = -60.0
    max_bytes: int = 64 << 20


@flow(
    id="jobs.clean.utterances.clean_utterances",
    writes=utterances,
    reads={"utterances": read(landed_utterances, columns=[*_CARRIED, "transcript", "audio"])},
    params=UtteranceParams,
    batch_rows=64,
)
def clean_utterances(batch: pa.RecordBatch, params: UtteranceParams) -> pa.RecordBatch:
    """Decode each recording and write it as 16 kHz, mono, 16-bit FLAC; reject recordings without usable sound."""
    transcripts = normalise_transcripts(batch.column("transcript"))
    unspoken = pc.equal(pc.fill_null(pc.utf8_length(transcripts), 0), 0).to_pylist()
    audio: list[bytes | None] = []
    samples: list[int | None] = []
    reasons: list[str | None] = []
    for value, empty in zip(batch.column("audio"), unspoken, strict=True):
        try:
            wave = to_wave(value.as_buffer(), params)
        except ValueError as reason:
            audio.append(None)
            samples.append(None)
            reasons.append(str(reason))
        else:
            audio.append(encode(wave))
            samples.append(len(wave))
            reasons.append("the transcript is empty" if empty else None)
    return pa.record_batch(
        {
            **{name: batch.column(name) for name in _CARRIED},
            "transcript": transcripts,
            "n_samples": pa.array(samples, pa.int64()),
            "audio": pa.array(audio, pa.binary()),
            REJECT: pa.array(reasons, pa.string()),
        }
    )


def normalise_transcripts(transcripts: pa.Array) -> pa.Array:
    """Return string [n] in NFC, every run of white space and control characters made one space, trimmed."""
    composed = pc.utf8_normalize(transcripts, form="NFC")
    return pc.utf8_trim(pc.replace_substring_regex(composed, r"[\s\p{Z}\p{Cc}]+", " "), characters=" ")


def to_wave(data: pa.Buffer | None, params: UtteranceParams) -> np.ndarray:
    """Decode a recording of any format that libsndfile reads.

    Args:
        data: The file's bytes, None where there are none.
        params: Limits.

    Returns:
        int16 [n], mono at 16 kHz.

    Raises:
        ValueError: If it cannot be decoded or used; the message is the reason.
    """
    import soundfile
    import soxr

    if data is None or data.size == 0:
        raise ValueError("the audio is empty")
    if data.size > params.max_bytes:
        raise ValueError(f"the file is larger than {params.max_bytes} bytes")
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            rate = file.samplerate
            # One sample past the limit is enough to know that a clip is too long, whatever its header claims.
            samples = file.read(int(params.max_seconds * rate) + 1, dtype="float32", always_2d=True)
    except Exception as error:  # decoders of untrusted bytes raise anything
        raise ValueError(f"the audio cannot be decoded: {_first_line(error)}") from error
    seconds = len(samples) / rate
    if seconds > params.max_seconds:
        raise ValueError(f"the clip is longer than {params.max_seconds:g} s")
    if seconds < params.min_seconds:
        raise ValueError(f"the clip is shorter than {params.min_seconds:g} s")
    mono = samples.mean(axis=1)
    if not np.isfinite(mono).all():
        raise ValueError("the audio holds values that are not numbers")
    level = np.sqrt(np.mean(np.square(mono, dtype=np.float64)))
    if level < 10 ** (params.silence_dbfs / 20):
        raise ValueError(f"the clip is silent: its level is below {params.silence_dbfs:g} dBFS")
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ")
    return np.clip(np.rint(mono * 32768.0), -32768, 32767).astype(np.int16)


def encode(wave: np.ndarray) -> bytes:
    """Return int16 [n] at 16 kHz as FLAC."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def _first_line(error: Exception) -> str:
    # libsndfile names the Python object that it was given, whose address changes from run to run.
    words = str(error).strip().splitlines() or [type(error).__name__]
    return words[0].rsplit(">: ", 1)[-1].rsplit("Error opening ", 1)[-1]
