"""Landed recordings become 16 kHz mono FLAC with a normalised transcript.

Resampling is band-limited interpolation by soxr (quality HQ); the bytes written depend on the input
alone, so that equal recordings stay equal.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.file_guard import RejectedError, guarded
from jobs.acquire.recordings.decode import samples
from lakehouse.declare.flow import REJECT, flow
from lakehouse.declare.reads import read
from schemas.features import SAMPLE_RATE
from schemas.lineage import LINEAGE_NAMES
from schemas.utterances import landed_utterances, utterances

_FULL_SCALE = 32767 / 32768
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
    reads={"utterances": read(landed_utterances, columns=[*_CARRIED, "transcript", "relation", "audio"])},
    params=UtteranceParams,
    batch_rows=64,
    batch_seconds=300,
    reject_tolerance=1.0,
)
def clean_utterances(batch: pa.RecordBatch, params: UtteranceParams) -> pa.RecordBatch:
    """Decode each recording and write it as 16 kHz, mono, 16-bit FLAC; reject recordings without usable sound."""
    transcripts = normalise_transcripts(batch.column("transcript"))
    unspoken = pc.equal(pc.fill_null(pc.utf8_length(transcripts), 0), 0).to_pylist()
    made: list[_Cleaned] = []
    reasons: list[str | None] = []
    for value, empty in zip(batch.column("audio"), unspoken, strict=True):
        try:
            with guarded("the audio cannot be decoded"):
                made.append(_cleaned(value.as_buffer(), params))
            reasons.append("the transcript is empty" if empty else None)
        except RejectedError as reason:
            made.append(_Cleaned())
            reasons.append(str(reason))
    return pa.record_batch(
        {
            **{name: batch.column(name) for name in _CARRIED},
            "transcript": transcripts,
            "relation": batch.column("relation"),
            "n_samples": pa.array([one.n_samples for one in made], pa.int64()),
            "peak": pa.array([one.peak for one in made], pa.float64()),
            "clipped": pa.array([one.clipped for one in made], pa.float64()),
            "sound_id": pa.array([one.sound_id for one in made], pa.string()),
            "audio": pa.array([one.audio for one in made], pa.binary()),
            REJECT: pa.array(reasons, pa.string()),
        }
    )


@dataclass(frozen=True, slots=True)
class _Cleaned:
    n_samples: int | None = None
    peak: float | None = None
    clipped: float | None = None
    sound_id: str | None = None
    audio: bytes | None = None


def _cleaned(data: pa.Buffer | None, params: UtteranceParams) -> _Cleaned:
    sound = to_sound(data, params)
    height, wave = np.abs(sound), to_int16(sound)
    clipped = float(np.mean(height >= _FULL_SCALE))
    return _Cleaned(len(wave), float(height.max(initial=0.0)), clipped, sound_id(wave), encode(wave))


def normalise_transcripts(transcripts: pa.Array) -> pa.Array:
    """Return string [n] in NFC, every run of white space and control characters made one space, trimmed."""
    composed = pc.utf8_normalize(transcripts, form="NFC")
    return pc.utf8_trim(pc.replace_substring_regex(composed, r"[\s\p{Z}\p{Cc}]+", " "), characters=" ")


def to_wave(data: pa.Buffer | None, params: UtteranceParams) -> np.ndarray:
    """Return a recording as int16 [n], mono at 16 kHz; see `to_sound` and `to_int16`."""
    return to_int16(to_sound(data, params))


def to_int16(sound: np.ndarray) -> np.ndarray:
    """Return float32 [n] as int16 [n], scaled down where a sample is above full scale, 1.0."""
    peak = float(np.abs(sound).max(initial=0.0))
    scale = 32768.0 if peak <= 1.0 else 32767.0 / peak
    return np.clip(np.rint(sound * scale), -32768, 32767).astype(np.int16)


def to_sound(data: pa.Buffer | None, params: UtteranceParams) -> np.ndarray:
    """Decode a recording of any format that landing takes, all streams of it.

    Args:
        data: The file's bytes, None where there are none.
        params: Limits.

    Returns:
        float32 [n], mono at 16 kHz, 1.0 at full scale and perhaps above it.

    Raises:
        RejectedError: If it cannot be decoded or used; the message is the reason.
    """
    import soxr

    if data is None or data.size == 0:
        raise RejectedError("the audio is empty")
    if data.size > params.max_bytes:
        raise RejectedError(f"the file is larger than {params.max_bytes} bytes")
    # One sample past the limit is enough to know that a clip is too long, whatever its header claims.
    received, rate = samples(data.to_pybytes(), params.max_seconds)
    seconds = len(received) / rate if rate else 0.0
    if seconds > params.max_seconds:
        raise RejectedError(f"the clip is longer than {params.max_seconds:g} s")
    if seconds < params.min_seconds:
        raise RejectedError(f"the clip is shorter than {params.min_seconds:g} s")
    if not np.isfinite(received).all():
        raise RejectedError("the audio holds values that are not numbers")
    mono = to_mono(received, rate)
    # A level that never changes is no sound, however far from zero it is.
    level = float(np.std(mono, dtype=np.float64))
    if level < 10 ** (params.silence_dbfs / 20):
        raise RejectedError(f"the clip is silent: its level is below {params.silence_dbfs:g} dBFS")
    return mono if rate == SAMPLE_RATE else soxr.resample(mono, rate, SAMPLE_RATE, quality="HQ")


def to_mono(received: np.ndarray, rate: int) -> np.ndarray:
    """Return the mean of the channels, or the loudest one where they cancel each other out.

    Channels that have nothing to do with each other have a mean of energy sum(e) / n^2. In windows of a quarter of
    a second where it has less than half of that, they cancel; where such windows hold a tenth of the energy, a mean
    would silence or hollow out what each channel has.

    Args:
        received: float32 [n, channels].
        rate: Samples a second.

    Returns:
        float32 [n].
    """
    channels = received.shape[1]
    if channels == 1:
        return received[:, 0]
    mean = received.mean(axis=1)
    starts = np.arange(0, len(received), max(1, rate // 4))
    energies = np.add.reduceat(np.square(received, dtype=np.float64), starts, axis=0)
    of_mean = np.add.reduceat(np.square(mean, dtype=np.float64), starts)
    total = energies.sum(axis=1)
    cancelled = of_mean < 0.5 * total / channels**2
    if total[cancelled].sum() >= 0.1 * total.sum() > 0:
        loudest: np.ndarray = received[:, int(np.argmax(energies.sum(axis=0)))]
        return loudest
    return mean


def sound_id(wave: np.ndarray) -> str:
    """Return the hash of int16 [n] at 16 kHz without the zeros at both ends: 32 hex digits."""
    sounding = np.flatnonzero(wave)
    bare = wave[sounding[0] : sounding[-1] + 1] if len(sounding) else wave[:0]
    return hashlib.sha256(bare.astype("<i2").tobytes()).hexdigest()[:32]


def encode(wave: np.ndarray) -> bytes:
    """Return int16 [n] at 16 kHz as FLAC."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, wave, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return out.getvalue()
