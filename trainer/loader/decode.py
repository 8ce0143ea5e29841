"""From a medium's bytes to vectors, as a `FeatureSpec` says: speech as log-mel frames, pictures as patches.

A packed row promises how many input positions a medium takes; decoding gives exactly that many vectors or
an error, never fewer or more.
"""

from __future__ import annotations

import functools
import io
import math

import numpy as np

from lakehouse.errors import LakeError
from schemas.features import HOP, MELS, SAMPLE_RATE, WINDOW, FeatureSpec

_HINT = "the medium is not the one that was tokenised: rebuild gold.tokens and what follows, or gold.media_addresses"


def decode(  # noqa: PLR0913, PLR0917 - what a segment says
    spec: FeatureSpec, data: bytes | memoryview, begin: int, end: int, columns: int, time: float, camera: int
) -> tuple[np.ndarray, np.ndarray]:
    """Decode a range of a medium.

    Args:
        spec: How the medium becomes vectors.
        data: Its encoded bytes.
        begin: First sample (log-mel) or patch (rgb-patch, counted row by row).
        end: One past the last.
        columns: Patches a row of the picture; not used for sound.
        time: Time of the medium's range, in s.
        camera: Number of the camera or microphone.

    Returns:
        Values [n, spec.width] of spec.dtype, and place float32 [n, 4]: time in s (of a position's beginning),
        x, y (centre of a patch as a fraction of the picture, 0 for sound), camera. For sound n is the number of
        `spec.patch` frames of 10 ms begun, for a picture `end - begin`.

    Raises:
        LakeError: If the medium is not of that codec or size, or the transform is unknown.
    """
    if not 0 <= begin < end:
        raise LakeError(f"a segment names the range [{begin}, {end}) of a medium", _HINT)
    if spec.transform == "log-mel":
        wave = _wave(spec, data, begin, end)
        n = -(-len(wave) // (HOP * spec.patch))
        values = log_mel(wave, n * spec.patch).reshape(n, spec.width)
        place = np.zeros((n, 4), np.float32)
        place[:, 0] = time + np.arange(n) * (HOP * spec.patch / SAMPLE_RATE)
    elif spec.transform == "rgb-patch":
        patches, rows = _patches(spec, data, end, columns)
        values = np.multiply(patches[begin:end], np.float32(1 / 127.5), dtype=np.float32)
        values -= 1.0
        at = np.arange(begin, end)
        place = np.empty((end - begin, 4), np.float32)
        place[:, 0] = time
        place[:, 1] = (at % columns + 0.5) / columns
        place[:, 2] = (at // columns + 0.5) / rows
    else:
        hint = "read the release with the version of mixlake that made it"
        raise LakeError(f"transform {spec.transform!r} is unknown to this loader", hint)
    place[:, 3] = camera
    return values.astype(spec.dtype, copy=False), place


def log_mel(wave: np.ndarray, frames: int) -> np.ndarray:
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
        raise LakeError(f"a log-mel vector of {spec.patch} frames is not {spec.width} long", _HINT)
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            found = (file.format.lower(), file.samplerate, file.channels)
            if found != (spec.codec, SAMPLE_RATE, 1):
                raise LakeError(
                    f"a medium has (codec, Hz, channels) {found}, not {(spec.codec, SAMPLE_RATE, 1)}", _HINT
                )
            if end > file.frames:
                raise LakeError(f"a medium has {file.frames} samples, its segment ends at {end}", _HINT)
            file.seek(begin)
            wave: np.ndarray = file.read(end - begin, dtype="float32")
    except soundfile.SoundFileError as error:
        raise LakeError(f"a medium of {len(data)} bytes cannot be decoded as {spec.codec}", _HINT) from error
    if len(wave) != end - begin:
        raise LakeError(f"a medium breaks off after {begin + len(wave)} samples of {end}", _HINT)
    return wave


def _patches(spec: FeatureSpec, data: bytes | memoryview, end: int, columns: int) -> tuple[np.ndarray, int]:
    """Return a picture's patches row by row, uint8 [rows * columns, width], and its rows."""
    from PIL import Image

    side = spec.patch
    if side * side * 3 != spec.width:
        raise LakeError(f"an RGB patch of {side} px is not {spec.width} values", _HINT)
    try:
        with Image.open(io.BytesIO(data), formats=(spec.codec,)) as file:
            mode, pixels = file.mode, np.asarray(file)
    except Exception as error:  # decoders raise anything
        raise LakeError(f"a medium of {len(data)} bytes cannot be decoded as {spec.codec}", _HINT) from error
    if mode != "RGB":
        raise LakeError(f"a medium has pixels of the kind {mode}, not RGB", _HINT)
    height, width, _ = pixels.shape
    if width != columns * side or height % side:
        raise LakeError(f"a picture of {width} x {height} px is not {columns} patches of {side} px wide", _HINT)
    rows = height // side
    if end > rows * columns:
        raise LakeError(f"a picture has {rows * columns} patches, its segment ends at {end}", _HINT)
    # [rows, side, columns, side, 3] -> [rows, columns, side, side, 3]
    grid = pixels.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    return grid.reshape(rows * columns, spec.width), rows
