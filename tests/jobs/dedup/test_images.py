from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from jobs.clean.images import ImageParams, encode, to_picture
from jobs.dedup.images import ImageDuplicateParams, image_duplicates_by_hash
from jobs.score.images import measure


def pictures(seed: int = 0) -> pa.Table:
    """Families of near hashes (some in another colour), copies, chains, one large family, and loners."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[int, bytes]] = []

    def near(value: int, bits: int) -> int:
        for bit in rng.choice(64, bits, replace=False):
            value ^= 1 << int(bit)
        return value

    def colours(base: int, spread: int = 6) -> bytes:
        return (base + rng.integers(0, spread + 1, 192)).astype(np.uint8).tobytes()

    for _ in range(20):
        first = int(rng.integers(0, 2**63)) * 2 + 1
        base = int(rng.integers(0, 200))
        rows += [(near(first, int(rng.integers(0, 5))), colours(base)) for _ in range(5)]
        rows += [(first, colours((base + 100) % 200))]
    copy = (int(rng.integers(0, 2**63)), colours(50, 0))
    rows += [copy] * 30
    link = int(rng.integers(0, 2**63))
    for _ in range(40):  # each is near the one before, not the one before that
        rows.append((link, colours(80)))
        link = near(link, 3)
    rows += [(int(rng.integers(0, 2**63)), colours(120)) for _ in range(100)]
    ids = [rng.bytes(16).hex() for _ in rows]
    n = len(rows)
    return pa.table(
        {
            "sample_id": ids,
            "parent_ids": pa.array([[]] * n, pa.list_(pa.string())),
            "source": ["stamps"] * n,
            "license": ["GPL-2.0-only"] * n,
            "phash": [f"{value:016x}" for value, _ in rows],
            "thumbnail": pa.array([value for _, value in rows], pa.binary()),
            # A mark that hash and thumbnail miss: every seventh picture bears it.
            "detail": pa.array([marked(value, number % 7 == 0) for number, (_, value) in enumerate(rows)], pa.binary()),
        }
    )


def marked(thumbnail: bytes, has_mark: bool) -> bytes:
    cells = np.frombuffer(thumbnail, np.uint8).reshape(8, 8, 3).repeat(8, axis=0).repeat(8, axis=1).copy()
    cells[20:23, 30] = np.where(has_mark, 255, cells[20:23, 30])
    return cells.tobytes()


def greedy(rows: pa.Table, params: ImageDuplicateParams) -> dict[str, tuple[str, int, int, int]]:
    """The definition, by brute force: in the order of ids, keep what repeats nothing kept."""
    order = np.argsort(rows["sample_id"].to_numpy(zero_copy_only=False))
    ids = [rows["sample_id"][int(i)].as_py() for i in order]
    hashes = [int(rows["phash"][int(i)].as_py(), 16) for i in order]
    colours, details = (
        [np.frombuffer(rows[name][int(i)].as_py(), np.uint8).astype(int) for i in order]
        for name in ("thumbnail", "detail")
    )
    kept: list[int] = []
    removed: dict[str, tuple[str, int, int, int]] = {}
    for i in range(len(ids)):
        close = [
            ((hashes[i] ^ hashes[j]).bit_count(), *(int(np.abs(p[i] - p[j]).max()) for p in (colours, details)), ids[j])
            for j in kept
        ]
        limits = (params.distance, params.color_difference, params.detail_difference)
        close = [c for c in close if all(found <= most for found, most in zip(c, limits, strict=False))]
        if close:
            distance, apart, in_detail, keeper = min(close)
            removed[ids[i]] = (keeper, distance, apart, in_detail)
        else:
            kept.append(i)
    return removed


@pytest.fixture(scope="module")
def result(relations) -> tuple[pa.Table, list[dict], ImageDuplicateParams]:
    rows, params = pictures(), ImageDuplicateParams()
    given = relations.from_arrow(rows)
    if relations.dialect == "spark":
        given = given.repartition(3)
    return rows, relations.to_arrow(image_duplicates_by_hash(given, relations, params)).to_pylist(), params


def test_removals_are_those_of_the_greedy_definition(result) -> None:
    rows, found, params = result
    wanted = greedy(rows, params)
    assert {row["sample_id"] for row in found} == set(wanted)
    assert len(found) == len(wanted) > 80


def test_each_removal_names_a_kept_picture_and_its_true_distance(result) -> None:
    rows, found, params = result
    removed = {row["sample_id"] for row in found}
    place = {media_id: at for at, media_id in enumerate(rows["sample_id"].to_pylist())}
    for row in found:
        assert row["keeper_id"] not in removed
        assert row["keeper_id"] < row["sample_id"]
        one, other = place[row["sample_id"]], place[row["keeper_id"]]
        hashes = [int(rows["phash"][at].as_py(), 16) for at in (one, other)]
        colours = [np.frombuffer(rows["thumbnail"][at].as_py(), np.uint8).astype(int) for at in (one, other)]
        assert (hashes[0] ^ hashes[1]).bit_count() == row["distance"] <= params.distance
        assert np.abs(colours[0] - colours[1]).max() == row["color_difference"] <= params.color_difference
        assert row["source"] == "stamps"
        assert "4" in row["rule"]


def test_no_two_kept_pictures_are_alike(result) -> None:
    rows, found, params = result
    removed = {row["sample_id"] for row in found}
    kept = rows.filter(pa.array([media_id not in removed for media_id in rows["sample_id"].to_pylist()]))
    assert greedy(kept, params) == {}


def test_pictures_of_another_sign_and_mirrored_ones_are_told_apart(embedded_relations) -> None:
    """A sign on a board, its copies at other sizes and in JPEG, another sign, and the mirrored board."""

    def board(sign: str, size: int = 600) -> Image.Image:
        image = Image.new("RGB", (600, 600), (230, 220, 180))
        draw = ImageDraw.Draw(image)
        draw.ellipse((60, 60, 540, 540), fill=(190, 60, 50))
        draw.rectangle((60, 420, 200, 560), fill=(40, 90, 60))
        draw.text((240, 200), sign, font=ImageFont.load_default(140), fill=(250, 250, 250))
        return image.resize((size, size), Image.Resampling.LANCZOS)

    jpeg = io.BytesIO()
    board("7").save(jpeg, "JPEG", quality=95)
    made = {
        "a": board("7"),
        "b": board("7", 900),
        "c": Image.open(jpeg),
        "other": board("1"),
        "mirror": ImageOps.mirror(board("7")),
    }
    cleaned = [to_picture(pa.py_buffer(encode(image.convert("RGB"))), ImageParams()) for image in made.values()]
    _, _, hashes, thumbnails, details = zip(*map(measure, cleaned), strict=True)
    rows = pa.table(
        {
            "sample_id": list(made),
            "parent_ids": pa.array([[]] * len(made), pa.list_(pa.string())),
            "source": ["boards"] * len(made),
            "license": ["CC0-1.0"] * len(made),
            "phash": hashes,
            "thumbnail": pa.array(thumbnails, pa.binary()),
            "detail": pa.array(details, pa.binary()),
        }
    )
    given = embedded_relations.from_arrow(rows)
    found = embedded_relations.to_arrow(
        image_duplicates_by_hash(given, embedded_relations, ImageDuplicateParams())
    ).to_pylist()
    assert {row["sample_id"]: row["keeper_id"] for row in found} == {"b": "a", "c": "a"}
