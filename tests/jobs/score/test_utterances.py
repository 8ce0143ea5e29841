from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
import soundfile

from jobs.score import utterances as module
from jobs.score.utterances import UtteranceScoreParams, measure, score_utterances

RATE = 16000


def voice(seconds: float) -> np.ndarray:
    """A buzz of 120 Hz through three formants, swelling four times a second: enough like a vowel for a detector."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = np.zeros_like(time)
    for harmonic in range(1, 30):
        hertz = 120 * harmonic
        gain = sum(np.exp(-(((hertz - formant) / 150) ** 2)) for formant in (700, 1200, 2600))
        wave += gain * np.sin(2 * np.pi * hertz * time)
    wave *= 0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)
    return (8000 * wave / np.abs(wave).max()).astype(np.int16)


def flac(wave: np.ndarray, rate: int = RATE) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def score(audio: list[bytes], transcripts: list[str], aggressiveness: int = 2, **params: object) -> list[dict]:
    n = len(audio)
    batch = pa.record_batch(
        {
            "sample_id": pa.array([f"{i:032x}" for i in range(n)]),
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": pa.array(["stamps"] * n),
            "license": pa.array(["GPL-2.0-only"] * n),
            "kind": pa.array(["caption"] * n),
            "language": pa.array(["fr"] * n),
            "transcript": pa.array(transcripts),
            "relation": pa.array(["verbatim"] * n),
            "n_samples": pa.array([1] * n, pa.int64()),
            "peak": pa.array([0.5] * n),
            "clipped": pa.array([0.0] * n),
            "sound_id": pa.array(["0" * 32] * n),
            "audio": pa.array(audio, pa.binary()),
        }
    )
    return score_utterances(batch, UtteranceScoreParams(aggressiveness, **params)).to_pylist()


def test_speech_is_told_from_silence() -> None:
    silence = np.zeros(RATE * 2, np.int16)
    assert measure(voice(2.0), 2)[1] > 0.9
    assert measure(silence, 2)[1] == 0
    half = measure(np.concatenate([silence, voice(2.0)]), 2)[1]
    assert 0.4 < half < 0.65


def test_one_clip_does_not_colour_the_next() -> None:
    clips = [flac(voice(1.0)), flac(np.zeros(RATE, np.int16)), flac(voice(1.0))]
    rows = score(clips, ["un", "deux", "un"])
    assert {k: v for k, v in rows[0].items() if k != "sample_id"} == {
        k: v for k, v in rows[2].items() if k != "sample_id"
    }


def test_levels_are_in_decibels_of_full_scale() -> None:
    square = np.where(np.arange(RATE) % 100 < 50, 16384, -16384).astype(np.int16)
    duration, _, loudness, clipped = measure(square, 2)
    assert duration == 1.0
    assert loudness == pytest.approx(-6.02, abs=0.01)
    assert clipped == 0
    assert measure(np.zeros(480, np.int16), 2)[2] == -120


def test_clipping_counts_samples_at_full_scale() -> None:
    wave = np.zeros(1000, np.int16)
    wave[:100], wave[100:200] = 32767, -32768
    assert measure(wave, 2)[3] == pytest.approx(0.2)


def test_speed_counts_characters_and_not_bytes() -> None:
    rows = score([flac(voice(2.0))] * 2, ["银行行长", "abcdefgh"])
    assert [row["characters_per_second"] for row in rows] == [2.0, 4.0]


def test_bad_sound_is_rejected_and_the_rest_is_scored() -> None:
    rows = score([b"junk", flac(voice(1.0)), b"", flac(voice(1.0), 8000)], ["a"] * 4)
    assert [bool(row["_reject"]) for row in rows] == [True, False, True, True]
    assert "8000 Hz" in rows[3]["_reject"]
    assert rows[0]["duration"] is None
    assert rows[1]["duration"] == 1.0


def test_agreement_is_null_where_no_model_knows_the_language(monkeypatch, tmp_path) -> None:
    (plain,) = score([flac(voice(1.0))], ["un"])
    assert (plain["heard"], plain["agreement"], plain["recognizer"]) == (None, None, None)
    asked = []

    def hear(wave, language, folder):
        asked.append((len(wave), language, folder))
        return "Deux."

    monkeypatch.setattr(module, "hear", hear)
    params = {"recognizer": str(tmp_path / "tiny"), "recognizes": ("fr",)}
    (found,) = score([flac(voice(1.0))], ["deux"], **params)
    assert (found["heard"], found["agreement"], found["recognizer"]) == ("Deux.", 1.0, "tiny")
    assert asked == [(RATE, "fr", str(tmp_path / "tiny"))]
    (other,) = score([flac(voice(1.0))], ["deux"], recognizer=str(tmp_path / "tiny"))
    assert (other["agreement"], other["recognizer"]) == (None, None)
