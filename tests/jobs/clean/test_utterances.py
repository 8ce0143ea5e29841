from __future__ import annotations

import io
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.clean.utterances import UtteranceParams, clean_utterances, normalise_transcripts, to_mono


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
            "relation": pa.array(["verbatim"] * n),
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
        "empty", "empty", "not a recording", "silent", "shorter", "longer", "shorter", "not numbers", None, "larger",
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


def test_samples_over_full_scale_are_scaled_and_not_cut() -> None:
    loud, same = clean([encoded(tone(0.5, 16000, level=level), 16000, "WAV", "FLOAT") for level in (1.5, 0.9)])
    assert loud["peak"] == pytest.approx(1.5, rel=1e-3)
    assert same["peak"] == pytest.approx(0.9, rel=1e-3)
    # A sine of height 1.5 is above 1 for 2 acos(1 / 1.5) of each half turn.
    assert loud["clipped"] == pytest.approx(2 * np.arccos(1 / 1.5) / np.pi, abs=0.01)
    assert same["clipped"] == 0.0
    scaled, plain = (soundfile.read(io.BytesIO(row["audio"]))[0] for row in (loud, same))
    assert np.abs(scaled - 1.5 * tone(0.5, 16000, level=1.0)[:, 0] / 1.5).max() < 1e-3
    assert np.abs(plain - tone(0.5, 16000, level=0.9)[:, 0]).max() < 1e-4


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_eight_to_sixty_four_bits_have_one_level(subtype: str) -> None:
    (row,) = clean([encoded(tone(0.5, 16000), 16000, "WAV", subtype)])
    assert row["peak"] == pytest.approx(0.3, abs=0.01)


def test_channels_that_cancel_each_other_leave_the_louder_one() -> None:
    wave = tone(1.0, 16000)[:, 0]
    half = np.where(np.arange(len(wave)) < len(wave) // 2, 1.0, -1.0)
    for other, level in ((-wave, 0.3), (-0.6 * wave, 0.3), (half * wave, 0.3), (0.5 * wave, 0.225), (0 * wave, 0.15)):
        (row,) = clean([encoded(np.stack([wave, other], 1), 16000, "WAV", "FLOAT")])
        assert row["_reject"] is None
        assert row["peak"] == pytest.approx(level, rel=0.01)
        sound, _ = soundfile.read(io.BytesIO(row["audio"]))
        assert np.sqrt(np.mean(sound[8000:] ** 2)) > 0.09


def test_speakers_on_two_channels_are_both_heard() -> None:
    chance = np.random.default_rng(3)
    both = 0.1 * chance.standard_normal((32000, 2)).astype(np.float32)
    assert np.array_equal(to_mono(both, 16000), both.mean(axis=1))


def test_a_level_that_never_changes_is_silence() -> None:
    (row,) = clean([encoded(np.full((16000, 1), 0.2, np.float32), 16000)])
    assert "silent" in row["_reject"]


def test_equal_sound_has_one_id_whatever_the_container() -> None:
    wave = (tone(0.5, 16000) * 32767).astype(np.int16)
    padded = np.concatenate([np.zeros((800, 1), np.int16), wave, np.zeros((1600, 1), np.int16)])
    rows = clean([encoded(wave, 16000), encoded(wave, 16000, "FLAC"), encoded(padded, 16000), encoded(-wave, 16000)])
    assert len({row["sound_id"] for row in rows[:3]}) == 1
    assert rows[3]["sound_id"] != rows[0]["sound_id"]


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
