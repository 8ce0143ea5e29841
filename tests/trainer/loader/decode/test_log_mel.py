from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.features import SPEECH, speech_positions
from tests.trainer.loader.decode.encoded import flac, noise
from trainer.loader.decode.decoders import decode
from trainer.loader.decode.log_mel import log_mel_spectrogram, mel_filters
from trainer.loader.decode.media_range import MediaRange


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20_000), st.integers(0, 3000))
def test_sound_gives_the_promised_number_of_vectors(n: int, begin: int) -> None:
    values, place = decode(SPEECH, flac(noise(begin + n)), MediaRange(begin, begin + n, time=1.5, camera=2))
    assert values.shape == (speech_positions(n), SPEECH.width)
    assert values.dtype == np.float32
    assert place.shape == (speech_positions(n), 4)
    assert np.isfinite(values).all()
    np.testing.assert_allclose(place[:, 0], 1.5 + 0.08 * np.arange(len(place)), rtol=1e-6)
    assert (place[:, 1:3] == 0).all()
    assert (place[:, 3] == 2).all()


def test_the_filters_are_whispers() -> None:
    filters = mel_filters()
    assert filters.shape == (201, 80)
    # The first values of the filter bank that Whisper publishes.
    np.testing.assert_allclose(filters[1, 0], 0.02486259, rtol=1e-5)
    np.testing.assert_allclose(filters[1:3, 1], [0.00199082, 0.02287177], rtol=1e-5)
    assert filters.sum(axis=0) * 40 == pytest.approx(1, abs=0.1)  # each triangle has unit area; bins are 40 Hz wide


def test_a_tone_lights_its_band() -> None:
    wave = (0.5 * np.sin(2 * np.pi * 1000 * np.arange(16000) / 16000)).astype(np.float32)
    frames = log_mel_spectrogram(wave, 100)
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
    np.testing.assert_allclose(log_mel_spectrogram(wave, 24), wanted, atol=2e-3)
    assert np.abs(log_mel_spectrogram(wave, 24) - wanted).mean() < 1e-5


def test_a_range_is_decoded_as_a_clip_of_its_own() -> None:
    wave = noise(16000)
    part, _ = decode(SPEECH, flac(wave), MediaRange(3200, 9600))
    alone, _ = decode(SPEECH, flac(wave[3200:9600]), MediaRange(0, 6400))
    np.testing.assert_array_equal(part, alone)
