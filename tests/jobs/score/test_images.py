from __future__ import annotations

import io

import imagehash
import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageFilter

from jobs.score.images import laplacian_variance, measure, score_images
from lakehouse.declare.flow import NoParams


def scene(seed: int = 0, side: int = 256) -> Image.Image:
    rough = np.random.default_rng(seed).integers(0, 256, (12, 12, 3), np.uint8)
    return Image.fromarray(rough).resize((side, side), Image.Resampling.BICUBIC)


def png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, format="PNG")
    return out.getvalue()


def test_scores_go_with_their_picture_and_bad_ones_are_rejected() -> None:
    files = [png(scene(1)), b"junk", b"", png(scene(2))]
    batch = pa.record_batch(
        {
            "sample_id": pa.array(["a", "b", "c", "d"]),
            "parent_ids": pa.array([[]] * 4, pa.list_(pa.string())),
            "source": pa.array(["s"] * 4),
            "license": pa.array(["MIT"] * 4),
            "received_width": pa.array([4000] * 4, pa.int32()),
            "received_height": pa.array([3000] * 4, pa.int32()),
            "image": pa.array(files, pa.binary()),
        }
    )
    rows = score_images(batch, NoParams()).to_pylist()
    assert [bool(row["_reject"]) for row in rows] == [False, True, True, False]
    assert (rows[0]["width"], rows[0]["height"]) == (4000, 3000)
    assert rows[3]["phash"] == measure(scene(2))[2]
    assert rows[1]["phash"] is None


def test_blur_lowers_sharpness() -> None:
    sharp = Image.effect_noise((128, 128), 60).convert("RGB")
    assert measure(sharp)[0] > 20 * measure(sharp.filter(ImageFilter.GaussianBlur(3)))[0]
    assert laplacian_variance(np.full((10, 10), 77, np.uint8)) == 0
    assert laplacian_variance(np.zeros((2, 2), np.uint8)) == 0


def test_sharpness_is_the_variance_of_the_kernel() -> None:
    luma = np.random.default_rng(3).integers(0, 256, (7, 9), np.uint8).astype(int)
    edges = [
        luma[y - 1, x] + luma[y + 1, x] + luma[y, x - 1] + luma[y, x + 1] - 4 * luma[y, x]
        for y in range(1, 6)
        for x in range(1, 8)
    ]
    assert laplacian_variance(luma.astype(np.uint8)) == pytest.approx(np.var(edges))


def test_entropy_counts_grey_levels() -> None:
    assert measure(Image.new("RGB", (64, 64), "red"))[1] == 0
    halves = Image.new("RGB", (64, 64), "black")
    halves.paste("white", (0, 0, 32, 64))
    assert measure(halves)[1] == pytest.approx(1.0)
    levels = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16)[:, :, None], 3, axis=2)
    assert measure(Image.fromarray(levels))[1] == pytest.approx(8.0)


def test_the_hash_survives_compression_and_tells_pictures_apart() -> None:
    out = io.BytesIO()
    scene(1).resize((128, 128)).save(out, "JPEG", quality=60)
    again = Image.open(out).convert("RGB").resize((256, 256))
    assert imagehash.hex_to_hash(measure(scene(1))[2]) - imagehash.hex_to_hash(measure(again)[2]) <= 4
    assert imagehash.hex_to_hash(measure(scene(1))[2]) - imagehash.hex_to_hash(measure(scene(2))[2]) > 12


def test_the_thumbnail_holds_colours_row_by_row() -> None:
    image = Image.new("RGB", (64, 64), (10, 20, 30))
    image.paste((200, 100, 0), (56, 0, 64, 8))
    thumbnail = np.frombuffer(measure(image)[3], np.uint8).reshape(8, 8, 3)
    assert thumbnail[0, 7].tolist() == [200, 100, 0]
    assert thumbnail[7, 0].tolist() == [10, 20, 30]
