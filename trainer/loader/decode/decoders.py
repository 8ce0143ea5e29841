"""Turn a medium's bytes into vectors, as its `FeatureSpec` says.

A packed row promises how many input positions a medium takes; decoding gives exactly that many vectors or
an error, never fewer or more. A new transform is a module beside `log_mel` and a line in `DECODERS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from lakehouse.errors import LakeError
from schemas.features import FeatureSpec
from trainer.loader.decode.log_mel import decode_log_mel
from trainer.loader.decode.media_range import HINT, MediaRange
from trainer.loader.decode.rgb_patch import decode_rgb_patch

Decode = Callable[[FeatureSpec, bytes | memoryview, MediaRange], tuple[np.ndarray, np.ndarray]]

DECODERS: Mapping[str, Decode] = {
    "log-mel": decode_log_mel,
    "rgb-patch": decode_rgb_patch,
}


def decode(spec: FeatureSpec, data: bytes | memoryview, part: MediaRange) -> tuple[np.ndarray, np.ndarray]:
    """Decode a range of a medium.

    Args:
        spec: How the medium becomes vectors.
        data: Its encoded bytes.
        part: What to decode.

    Returns:
        Values [n, spec.width] of spec.dtype, and place float32 [n, 4]: time in s (of a position's beginning),
        x, y (centre of a patch as a fraction of the image, 0 for sound), camera. For sound n is the number of
        `spec.patch` frames of 10 ms begun, for an image `end - begin`.

    Raises:
        LakeError: If the medium is not of that codec or size, or the transform is unknown.
    """
    if not 0 <= part.begin < part.end:
        raise LakeError(f"a segment names the range [{part.begin}, {part.end}) of a medium", HINT)
    if spec.transform not in DECODERS:
        hint = "read the release with the version of mixlake that made it"
        raise LakeError(f"transform {spec.transform!r} is unknown to this loader", hint)
    values, place = DECODERS[spec.transform](spec, data, part)
    return values.astype(spec.dtype, copy=False), place
