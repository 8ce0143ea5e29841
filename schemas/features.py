"""What a continuous segment of a sequence is made of, and how many input positions it takes.

A `FeatureSpec` fixes the number of positions from a medium's size alone, so that tokenising and packing
never open the medium; the loader decodes by the same specification and refuses a mismatch.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

FEATURE_SPEC = pa.struct(
    [
        pa.field("codec", pa.string()),
        pa.field("transform", pa.string()),
        pa.field("patch", pa.int32()),
        pa.field("width", pa.int32()),
        pa.field("dtype", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class FeatureSpec:
    """A transform from a medium to vectors, one vector an input position.

    Args:
        codec: How the medium's bytes are encoded: "flac", "png".
        transform: "log-mel" or "rgb-patch".
        patch: For log-mel, frames joined into one position; for rgb-patch, the side of a square patch in px.
        width: Length of one vector.
        dtype: NumPy name of the vector's type.
    """

    codec: str
    transform: str
    patch: int
    width: int
    dtype: str = "float32"

    def as_dict(self) -> dict[str, str | int]:
        """Return the value of the Arrow struct `FEATURE_SPEC`."""
        return asdict(self)


# Whisper's front end: 16 kHz, 25 ms windows every 10 ms, 80 mel bands; eight frames (80 ms) a position.
SAMPLE_RATE = 16_000
WINDOW = 400
HOP = 160
MELS = 80
SPEECH = FeatureSpec(codec="flac", transform="log-mel", patch=8, width=8 * MELS)

# Square patches of an RGB picture, values scaled to [-1, 1], row by row.
PATCH = 32
IMAGE = FeatureSpec(codec="png", transform="rgb-patch", patch=PATCH, width=PATCH * PATCH * 3)


def speech_positions[N: (int, npt.NDArray[np.int64])](n_samples: N) -> N:
    """Return the input positions of a clip of that many samples at 16 kHz; the last may be part silence.

    Args:
        n_samples: One number, or int64 [n].
    """
    frames = -(-n_samples // HOP)
    return -(-frames // SPEECH.patch)


def image_positions[N: (int, npt.NDArray[np.int64])](width: N, height: N) -> N:
    """Return the input positions of a picture, 0 where a side is not a positive multiple of the patch.

    Args:
        width: In px, one number or int64 [n].
        height: The same.
    """
    whole = (width > 0) & (height > 0) & (width % PATCH == 0) & (height % PATCH == 0)
    positions: N = whole * (width // PATCH) * (height // PATCH)
    return positions
