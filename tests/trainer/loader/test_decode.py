from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lakehouse.errors import LakeError
from schemas.features import IMAGE, PATCH, SPEECH, image_positions, speech_positions
from trainer.loader.decode import decode, log_mel, mel_filters


def flac(wave: np.ndarray, rate: int = 16000) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, wave, rate, format="FLAC", subtype="PCM_16")
    return out.getvalue()


def png(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format="PNG")
    return out.getvalue()


def noise(n: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=n) * 3000).astype(np.int16)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20_000), st.integers(0, 3000))
def test_sound_gives_the_promised_number_of_vectors(n: int, begin: int) -> None:
    values, place = decode(SPEECH, flac(noise(begin + n)), begin, begin + n, 0, 1.5, 2)
    assert values.shape == (speech_positions(n), SPEECH.width)
    assert values.dtype == np.float32
    assert place.shape == (speech_positions(n), 4)
    assert np.isfinite(values).all()
    np.testing.assert_allclose(place[:, 0], 1.5 + 0.08 * np.arange(len(place)), rtol=1e-6)
    assert (place[:, 1:3] == 0).all()
    assert (place[:, 3] == 2).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_a_picture_gives_the_promised_number_of_vectors(columns: int, rows: int, data: st.DataObject) -> None:
    pixels = np.random.default_rng(columns * 7 + rows).integers(0, 256, (rows * PATCH, columns * PATCH, 3), np.uint8)
    n = image_positions(columns * PATCH, rows * PATCH)
    begin = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(begin + 1, n))
    values, place = decode(IMAGE, png(pixels), begin, end, columns, 0.0, 5)
    assert values.shape == (end - begin, IMAGE.width)
    for row, patch in enumerate(range(begin, end)):
        y, x = divmod(patch, columns)
        wanted = pixels[y * PATCH : (y + 1) * PATCH, x * PATCH : (x + 1) * PATCH].astype(np.float32) / 127.5 - 1
        np.testing.assert_allclose(values[row].reshape(PATCH, PATCH, 3), wanted, atol=1e-6)
        np.testing.assert_allclose(place[row], [0, (x + 0.5) / columns, (y + 0.5) / rows, 5], rtol=1e-6)
    assert values.min() >= -1
    assert values.max() <= 1


def test_the_filters_are_whispers() -> None:
    filters = mel_filters()
    assert filters.shape == (201, 80)
    # The first values of the filter bank that Whisper publishes.
    np.testing.assert_allclose(filters[1, 0], 0.02486259, rtol=1e-5)
    np.testing.assert_allclose(filters[1:3, 1], [0.00199082, 0.02287177], rtol=1e-5)
    assert filters.sum(axis=0) * 40 == pytest.approx(1, abs=0.1)  # each triangle has unit area; bins are 40 Hz wide


def test_a_tone_lights_its_band() -> None:
    wave = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    frames = log_mel(wave, 100)
    band = int(np.argmax(mel_filters()[25]))  # bin 25 is 1000 Hz
    assert (frames[5:95].argmax(axis=1) == band).all()
    assert frames.max() - frames.min() <= 2.0 + 1e-6


def test_log_mel_equals_its_definition() -> None:
    """Against a plain double-precision transform: reflected beginning, silence behind, one window at a time."""
    wave = noise(3333).astype(np.float32) / 32768
    long = np.concatenate([wave[1:201][::-1], wave, np.zeros(2000)]).astype(np.float64)
    hann = np.sin(np.pi * np.arange(400) / 400) ** 2
    basis = np.exp(-2j * np.pi * np.outer(np.arange(201), np.arange(400)) / 400)
    power = np.stack([np.abs(basis @ (long[t * 160 : t * 160 + 400] * hann)) ** 2 for t in range(24)])
    bands = np.log10(np.maximum(power @ mel_filters().astype(np.float64), 1e-10))
    wanted = (np.maximum(bands, bands.max() - 8) + 4) / 4
    np.testing.assert_allclose(log_mel(wave, 24), wanted, atol=2e-3)
    assert np.abs(log_mel(wave, 24) - wanted).mean() < 1e-5


def test_a_range_is_decoded_as_a_clip_of_its_own() -> None:
    wave = noise(16000)
    part, _ = decode(SPEECH, flac(wave), 3200, 9600, 0, 0.0, 0)
    alone, _ = decode(SPEECH, flac(wave[3200:9600]), 0, 6400, 0, 0.0, 0)
    np.testing.assert_array_equal(part, alone)


SOUND = flac(noise(1600))
PIXELS = png(np.zeros((64, 96, 3), np.uint8))


@pytest.mark.parametrize(
    ("spec", "data", "begin", "end", "columns", "words"),
    [
        (SPEECH, SOUND, 0, 1601, 0, "1600 samples"),
        (SPEECH, SOUND, 5, 5, 0, "range"),
        (SPEECH, SOUND, -1, 5, 0, "range"),
        (SPEECH, b"", 0, 5, 0, "cannot be decoded"),
        (SPEECH, flac(noise(1600), 8000), 0, 1600, 0, "8000"),
        (SPEECH, flac(np.stack([noise(1600)] * 2, axis=1)), 0, 1600, 0, "2"),
        (SPEECH, PIXELS, 0, 5, 0, "cannot be decoded"),
        (dataclasses.replace(SPEECH, width=80), SOUND, 0, 1600, 0, "80 long"),
        (dataclasses.replace(SPEECH, transform="codes"), SOUND, 0, 1600, 0, "unknown"),
        (IMAGE, PIXELS, 0, 7, 3, "6 patches"),
        (IMAGE, PIXELS, 0, 6, 2, "2 patches"),
        (IMAGE, PIXELS[:60], 0, 6, 3, "cannot be decoded"),
        (IMAGE, SOUND, 0, 6, 3, "cannot be decoded"),
        (IMAGE, png(np.zeros((64, 96), np.uint8)), 0, 6, 3, "not RGB"),
        (IMAGE, png(np.zeros((60, 96, 3), np.uint8)), 0, 3, 3, "60 px"),
    ],
)
def test_what_was_not_promised_is_refused(spec, data, begin, end, columns, words) -> None:
    with pytest.raises(LakeError, match=words) as caught:
        decode(spec, data, begin, end, columns, 0.0, 0)
    assert caught.value.hint
