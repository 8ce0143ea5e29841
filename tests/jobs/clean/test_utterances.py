from __future__ import annotations

import io
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.clean.utterances import UtteranceParams, clean_utterances, normalise_transcripts


def tone(seconds: float, rate: int, channels: int = 1, level: float = 0.3) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    wave = level * np.sin(2 * np.pi * 440 * time)
    return np.stack([wave] * channels, axis=1).astype(np.float32)


def encoded(wave: np.ndarray, rate: int, kind: str = "WAV", subtype: str | None = None) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format=kind, subtype=subtype)
    return out.getvalue()


def landed(audio: list[bytes | None], transcripts: list[str] | None = None) -> pa.RecordBatch:
    n = len(audio)
    return pa.record_batch(
        {
            "sample_id": pa.array([f"{i:032x}" for i in range(n)]),
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": pa.array(["stamps"] * n),
            "license": pa.array(["GPL-2.0-only"] * n),
            "kind": pa.array(["caption"] * n),
            "language": pa.array(["fr"] * n),
            "transcript": pa.array(transcripts or ["une ligne"] * n),
            "audio": pa.array(audio, pa.binary()),
        }
    )


def clean(audio: list[bytes | None], transcripts: list[str] | None = None, **params: float) -> list[dict]:
    return clean_utterances(landed(audio, transcripts), UtteranceParams(**params)).to_pylist()


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "channels"),
    [("WAV", "PCM_16", 8000, 1), ("OGG", "VORBIS", 44100, 2), ("FLAC", "PCM_24", 48000, 1), ("WAV", "FLOAT", 16000, 2)],
)
def test_every_recording_becomes_the_same_format(kind: str, subtype: str, rate: int, channels: int) -> None:
    (row,) = clean([encoded(tone(1.0, rate, channels), rate, kind, subtype)])
    assert row["_reject"] is None
    info = soundfile.info(io.BytesIO(row["audio"]))
    assert (info.format, info.subtype, info.samplerate, info.channels) == ("FLAC", "PCM_16", 16000, 1)
    assert info.frames == row["n_samples"] == pytest.approx(16000, abs=2)
    wave, _ = soundfile.read(io.BytesIO(row["audio"]))
    spectrum = np.abs(np.fft.rfft(wave))
    assert np.argmax(spectrum) * 16000 / len(wave) == pytest.approx(440, abs=2)
    assert np.sqrt(np.mean(wave**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.05)


def test_lineage_and_language_are_kept() -> None:
    (row,) = clean([encoded(tone(0.5, 16000), 16000)])
    assert row["sample_id"] == f"{0:032x}"
    assert (row["source"], row["license"], row["kind"], row["language"]) == ("stamps", "GPL-2.0-only", "caption", "fr")


def test_equal_input_gives_equal_bytes() -> None:
    data = encoded(tone(0.7, 22050, 2), 22050)
    first, second = clean([data, data])
    assert first["audio"] == second["audio"] == clean([data])[0]["audio"]


def test_bad_recordings_are_rejected_with_their_reason() -> None:
    whole = encoded(tone(1.0, 16000), 16000)
    broken = encoded(np.array([[np.nan]] * 16000, np.float32), 16000, "WAV", "FLOAT")
    rows = clean(
        [
            b"",
            None,
            b"not a recording" * 99,
            encoded(np.zeros((16000, 1), np.float32), 16000),
            encoded(tone(0.05, 16000), 16000),
            encoded(tone(3.0, 8000), 8000),
            encoded(np.zeros((0, 1), np.float32), 16000),
            broken,
            whole,
            whole + bytes(2_000_000),
            whole,
        ],
        ["a"] * 10 + [" \t "],
        max_seconds=2.0,
        max_bytes=1_000_000,
    )
    wanted = [
        "empty", "empty", "cannot be decoded", "silent", "shorter", "longer", "shorter", "not numbers", None, "larger",
        "transcript is empty",
    ]  # fmt: skip
    for row, reason in zip(rows, wanted, strict=True):
        assert (row["_reject"] is None) if reason is None else (reason in row["_reject"]), row["_reject"]


def test_the_reason_does_not_change_between_runs() -> None:
    reasons = {clean([b"garbage" * 50])[0]["_reject"] for _ in range(5)}
    assert len(reasons) == 1
    assert "0x" not in reasons.pop()


def test_loud_recordings_do_not_wrap_around() -> None:
    (row,) = clean([encoded(tone(0.5, 16000, level=1.5), 16000, "WAV", "FLOAT")])
    wave, _ = soundfile.read(io.BytesIO(row["audio"]), dtype="int16")
    assert wave.max() == 32767
    assert np.abs(np.diff(wave.astype(int))).max() < 12000


@settings(max_examples=100, deadline=None)
@given(st.text())
def test_transcripts_are_normalised_once(text: str) -> None:
    once = normalise_transcripts(pa.array([text]))
    assert normalise_transcripts(once).equals(once)
    value = once[0].as_py()
    assert unicodedata.is_normalized("NFC", value)
    assert value == value.strip()
    assert "".join(value.split()) == "".join(unicodedata.normalize("NFC", text).split()) or any(
        unicodedata.category(c) == "Cc" for c in text
    )
