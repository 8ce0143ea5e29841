from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.dedup.images import ImageDuplicateParams, image_duplicates_by_hash


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
        }
    )


def greedy(rows: pa.Table, params: ImageDuplicateParams) -> dict[str, tuple[str, int, int]]:
    """The definition, by brute force: in the order of ids, keep what repeats nothing kept."""
    order = np.argsort(rows["sample_id"].to_numpy(zero_copy_only=False))
    ids = [rows["sample_id"][int(i)].as_py() for i in order]
    hashes = [int(rows["phash"][int(i)].as_py(), 16) for i in order]
    colours = [np.frombuffer(rows["thumbnail"][int(i)].as_py(), np.uint8).astype(int) for i in order]
    kept: list[int] = []
    removed: dict[str, tuple[str, int, int]] = {}
    for i in range(len(ids)):
        close = [
            ((hashes[i] ^ hashes[j]).bit_count(), int(np.abs(colours[i] - colours[j]).max()), ids[j]) for j in kept
        ]
        close = [c for c in close if c[0] <= params.distance and c[1] <= params.color_difference]
        if close:
            distance, apart, keeper = min(close)
            removed[ids[i]] = (keeper, distance, apart)
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
    assert len(found) == len(wanted) > 100


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
