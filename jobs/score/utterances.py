"""What can be measured of a recording: speech activity, length, level, clipping, speed of speech.

Speech activity is WebRTC's voice activity detector, a Gaussian mixture model over six sub-band energies,
judged on frames of 30 ms.
"""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.acquire.connectors.cache import sha256
from jobs.acquire.file_guard import RejectedError, guarded
from jobs.score.agreement import agreement, hear, primary, require_model
from lakehouse.declare.flow import REJECT, flow
from lakehouse.declare.reads import tagged
from schemas.features import SAMPLE_RATE
from schemas.lineage import LINEAGE_NAMES
from schemas.utterances import UTTERANCE, utterance_scores

_FRAME = SAMPLE_RATE * 30 // 1000
_FULL_SCALE = 32767
_FLOOR_DBFS = -120.0
_MEASURES = ("duration", "speech", "loudness", "clipped")


@dataclass(frozen=True, slots=True)
class UtteranceScoreParams:
    """How speech is distinguished from noise.

    Args:
        aggressiveness: 0 to 3: how readily the detector calls a frame noise.
        recognizer: Folder of a Whisper model for CTranslate2, which says how far the text agrees with the sound;
            empty for none. It is one's own: none comes with the project.
        recognizes: Primary subtags of the languages that it knows.
    """

    aggressiveness: int = 2
    recognizer: str = ""
    recognizes: tuple[str, ...] = ("en",)

    def check(self) -> None:
        """Raise `ConfigError` where the folder holds no model."""
        if self.recognizer:
            require_model(self.recognizer)


def _models(params: UtteranceScoreParams) -> Mapping[str, str]:
    return {"recognizer": sha256(require_model(params.recognizer) / "model.bin")} if params.recognizer else {}


@flow(
    id="jobs.score.utterances.score_utterances",
    writes=utterance_scores,
    reads={"utterances": tagged("utterances", columns=UTTERANCE)},
    params=UtteranceScoreParams,
    models=_models,
    batch_rows=128,
)
def score_utterances(batch: pa.RecordBatch, params: UtteranceScoreParams) -> pa.RecordBatch:
    """Measure each utterance; reject what is not 16 kHz mono sound."""
    values = np.full((batch.num_rows, len(_MEASURES)), np.nan)
    reasons: list[str | None] = [None] * batch.num_rows
    heard: list[str | None] = [None] * batch.num_rows
    languages = batch.column("language").to_pylist()
    for row, audio in enumerate(batch.column("audio")):
        try:
            with guarded("the audio cannot be decoded"):
                wave = _decode(audio.as_buffer())
                values[row] = measure(wave, params.aggressiveness)
                if params.recognizer and primary(languages[row]) in params.recognizes:
                    heard[row] = hear(wave, languages[row], params.recognizer)
        except RejectedError as reason:
            reasons[row] = str(reason)
    measured = {
        name: pa.array(values[:, place], pa.float64(), from_pandas=True) for place, name in enumerate(_MEASURES)
    }
    characters = pc.utf8_length(batch.column("transcript")).cast(pa.float64())
    return pa.record_batch(
        {
            **{name: batch.column(name) for name in LINEAGE_NAMES},
            "relation": batch.column("relation"),
            "peak": batch.column("peak"),
            **measured,
            # What was over full scale was scaled down in cleaning, and would not be seen here.
            "clipped": pc.max_element_wise(measured["clipped"], batch.column("clipped")),
            "characters_per_second": pc.divide(characters, measured["duration"]),
            "heard": pa.array(heard, pa.string()),
            "agreement": _agreements(batch.column("transcript"), heard),
            "recognizer": pa.array([None if text is None else Path(params.recognizer).name for text in heard]).cast(
                pa.string()
            ),
            REJECT: pa.array(reasons, pa.string()),
        }
    )


def _agreements(said: pa.Array, heard: list[str | None]) -> pa.Array:
    pairs = zip(said.to_pylist(), heard, strict=True)
    return pa.array([None if text is None else agreement(words or "", text) for words, text in pairs], pa.float64())


def measure(wave: np.ndarray, aggressiveness: int) -> tuple[float, float, float, float]:
    """Measure int16 [n] at 16 kHz, n > 0.

    Returns:
        Length in seconds; fraction of its 30 ms frames that hold speech, a last part frame filled up with
        silence; root mean square level in dBFS, at least -120; fraction of samples at full scale.
    """
    import webrtcvad

    # The detector adapts to what it heard, so each clip gets a fresh one.
    detector = webrtcvad.Vad(aggressiveness)
    frames = -(-len(wave) // _FRAME)
    padded = np.zeros(frames * _FRAME, np.int16)
    padded[: len(wave)] = wave
    data = padded.tobytes()
    step = 2 * _FRAME
    spoken = sum(detector.is_speech(data[at : at + step], SAMPLE_RATE) for at in range(0, len(data), step))
    level = math.sqrt(np.mean(np.square(wave, dtype=np.float64))) / (_FULL_SCALE + 1)
    loudness = max(20 * math.log10(level), _FLOOR_DBFS) if level > 0 else _FLOOR_DBFS
    clipped = float(np.mean((wave >= _FULL_SCALE) | (wave <= -_FULL_SCALE)))
    return len(wave) / SAMPLE_RATE, spoken / frames, loudness, clipped


def _decode(data: pa.Buffer | None) -> np.ndarray:
    import soundfile

    if data is None or data.size == 0:
        raise RejectedError("the audio is empty")
    wave, rate = soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)
    if rate != SAMPLE_RATE or wave.shape[1] != 1:
        raise RejectedError(f"the audio is {rate} Hz with {wave.shape[1]} channels, not {SAMPLE_RATE} Hz mono")
    if len(wave) == 0:
        raise RejectedError("the clip has no samples")
    return wave[:, 0]
