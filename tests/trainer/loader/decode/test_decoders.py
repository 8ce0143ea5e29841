from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lakehouse.errors import LakeError
from schemas.features import IMAGE, SPEECH
from tests.trainer.loader.decode.encoded import flac, noise, png
from trainer.loader.decode.decoders import DECODERS, decode
from trainer.loader.decode.media_range import MediaRange


def test_every_declared_feature_has_a_decoder():
    assert {spec.transform for spec in (SPEECH, IMAGE)} == set(DECODERS)


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
        decode(spec, data, MediaRange(begin, end, columns))
    assert caught.value.hint
