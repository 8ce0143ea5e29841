"""Decode speech into log-mel frames."""

from __future__ import annotations

import functools
import io
import math

import numpy as np

from lakehouse.errors import LakeError
from schemas.features import HOP, MELS, SAMPLE_RATE, WINDOW, FeatureSpec
from trainer.loader.decode.media_range import HINT, MediaRange


def decode_log_mel(spec: FeatureSpec, data: bytes | memoryview, part: MediaRange) -> tuple[np.ndarray, np.ndarray]:
    """Return the log-mel vectors of a range of a sound.

    Returns:
        Values float32 [n, spec.width] and place float32 [n, 4], where n is the number of `spec.patch` frames of
        10 ms begun; see `trainer.loader.decode.decoders.decode`.

    Raises:
        LakeError: If the medium is not of that codec, rate or length.
    """
    wave = _wave(spec, data, part.begin, part.end)
    n = -(-len(wave) // (HOP * spec.patch))
    values = log_mel_spectrogram(wave, n * spec.patch).reshape(n, spec.width)
    place = np.zeros((n, 4), np.float32)
    place[:, 0] = part.time + np.arange(n) * (HOP * spec.patch / SAMPLE_RATE)
    place[:, 3] = part.camera
    return values, place


def log_mel_spectrogram(wave: np.ndarray, frames: int) -> np.ndarray:
    """Compute Whisper's log-mel spectrogram of a clip that silence follows.

    Radford et al. (2022), "Robust speech recognition via large-scale weak supervision": windows of 25 ms
    (periodic Hann) centred every 10 ms, the beginning reflected, 80 mel bands on Slaney's scale, log10 of the
    power, cut off 8 below the clip's largest value and scaled to about [-1, 1].

    Args:
        wave: float32 [n], 16 kHz, in [-1, 1].
        frames: Windows to compute; those past the clip's end see silence.

    Returns:
        float32 [frames, 80].
    """
    half = WINDOW // 2
    padded = np.zeros(max(half + len(wave), (frames - 1) * HOP + WINDOW), np.float32)
    padded[half : half + len(wave)] = wave
    # The reflection leaves out the sample at the edge; of a clip shorter than that, silence is reflected.
    padded[:half] = padded[half + 1 : 2 * half + 1][::-1]
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP][:frames]
    spectrum = np.fft.rfft(windows * _hann(), axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    bands = np.log10(np.maximum(power @ mel_filters(), 1e-10))
    return (np.maximum(bands, bands.max() - 8.0) + 4.0) / 4.0


@functools.cache
def mel_filters() -> np.ndarray:
    """Return the mel filter bank, float32 [201, 80]: triangles on Slaney's scale, each of unit area.

    Slaney (1998), "Auditory Toolbox": linear below 1 kHz (3 mel for 200 Hz), logarithmic above (27 steps
    from 1 to 6.4 kHz).
    """
    knee, step = 15.0, math.log(6.4) / 27.0
    top = knee + math.log(SAMPLE_RATE / 2 / 1000.0) / step
    mels = np.linspace(0.0, top, MELS + 2)
    edges = np.where(mels < knee, mels * 200.0 / 3.0, 1000.0 * np.exp(step * (mels - knee)))
    hertz = np.linspace(0.0, SAMPLE_RATE / 2, WINDOW // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (hertz - low) / (centre - low)
    falling = (high - hertz) / (high - centre)
    return (np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (high - low))).astype(np.float32)


@functools.cache
def _hann() -> np.ndarray:
    return (0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(WINDOW) / WINDOW)).astype(np.float32)


def _wave(spec: FeatureSpec, data: bytes | memoryview, begin: int, end: int) -> np.ndarray:
    """Return the samples of a range, float32 [end - begin]."""
    import soundfile

    if spec.patch * MELS != spec.width:
        raise LakeError(f"a log-mel vector of {spec.patch} frames is not {spec.width} long", HINT)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            signal_format = (file.format.lower(), file.samplerate, file.channels)
            expected = (spec.codec, SAMPLE_RATE, 1)
            if signal_format != expected:
                raise LakeError(f"a medium has (codec, Hz, channels) {signal_format}, not {expected}", HINT)
            if end > file.frames:
                raise LakeError(f"a medium has {file.frames} samples, its segment ends at {end}", HINT)
            file.seek(begin)
            wave: np.ndarray = file.read(end - begin, dtype="float32")
    except soundfile.SoundFileError as error:
        raise LakeError(f"a medium of {len(data)} bytes cannot be decoded as {spec.codec}", HINT) from error
    if len(wave) != end - begin:
        raise LakeError(f"a medium ends after {begin + len(wave)} samples of {end}", HINT)
    return wave
