"""Decode images into patches of RGB values."""

from __future__ import annotations

import io

import numpy as np

from lakehouse.errors import LakeError
from schemas.features import FeatureSpec
from trainer.loader.decode.media_range import HINT, MediaRange


def decode_rgb_patch(spec: FeatureSpec, data: bytes | memoryview, part: MediaRange) -> tuple[np.ndarray, np.ndarray]:
    """Return a range of an image's patches.

    Returns:
        Values float32 [end - begin, spec.width] in [-1, 1] and place float32 [end - begin, 4]; see
        `trainer.loader.decode.decoders.decode`.

    Raises:
        LakeError: If the medium is not of that codec, size or number of patches.
    """
    patches, rows = _patches(spec, data, part.end, part.columns)
    values = np.multiply(patches[part.begin : part.end], np.float32(1 / 127.5), dtype=np.float32)
    values -= 1.0
    index = np.arange(part.begin, part.end)
    place = np.empty((len(index), 4), np.float32)
    place[:, 0] = part.time
    place[:, 1] = (index % part.columns + 0.5) / part.columns
    place[:, 2] = (index // part.columns + 0.5) / rows
    place[:, 3] = part.camera
    return values, place


def _patches(spec: FeatureSpec, data: bytes | memoryview, end: int, columns: int) -> tuple[np.ndarray, int]:
    """Return an image's patches row by row, uint8 [rows * columns, width], and its rows."""
    from PIL import Image

    side = spec.patch
    if side * side * 3 != spec.width:
        raise LakeError(f"an RGB patch of {side} px is not {spec.width} values", HINT)
    try:
        with Image.open(io.BytesIO(data), formats=(spec.codec,)) as file:
            mode, pixels = file.mode, np.asarray(file)
    except Exception as error:  # decoders raise anything
        raise LakeError(f"a medium of {len(data)} bytes cannot be decoded as {spec.codec}", HINT) from error
    if mode != "RGB":
        raise LakeError(f"a medium has pixels of the kind {mode}, not RGB", HINT)
    height, width, _ = pixels.shape
    if width != columns * side or height % side:
        raise LakeError(f"an image of {width} x {height} px is not {columns} patches of {side} px wide", HINT)
    rows = height // side
    if end > rows * columns:
        raise LakeError(f"an image has {rows * columns} patches, its segment ends at {end}", HINT)
    # [rows, side, columns, side, 3] -> [rows, columns, side, side, 3]
    grid = pixels.reshape(rows, side, columns, side, 3).swapaxes(1, 2)
    return grid.reshape(rows * columns, spec.width), rows
