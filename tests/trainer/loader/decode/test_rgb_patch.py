from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.features import IMAGE, PATCH, image_positions
from tests.trainer.loader.decode.encoded import png
from trainer.loader.decode.decoders import decode
from trainer.loader.decode.media_range import MediaRange


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_a_picture_gives_the_promised_number_of_vectors(columns: int, rows: int, data: st.DataObject) -> None:
    pixels = np.random.default_rng(columns * 7 + rows).integers(0, 256, (rows * PATCH, columns * PATCH, 3), np.uint8)
    n = image_positions(columns * PATCH, rows * PATCH)
    begin = data.draw(st.integers(0, n - 1))
    end = data.draw(st.integers(begin + 1, n))
    values, place = decode(IMAGE, png(pixels), MediaRange(begin, end, columns, camera=5))
    assert values.shape == (end - begin, IMAGE.width)
    for row, patch in enumerate(range(begin, end)):
        y, x = divmod(patch, columns)
        wanted = pixels[y * PATCH : (y + 1) * PATCH, x * PATCH : (x + 1) * PATCH].astype(np.float32) / 127.5 - 1
        np.testing.assert_allclose(values[row].reshape(PATCH, PATCH, 3), wanted, atol=1e-6)
        np.testing.assert_allclose(place[row], [0, (x + 0.5) / columns, (y + 0.5) / rows, 5], rtol=1e-6)
    assert values.min() >= -1
    assert values.max() <= 1
