from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.dedup.hamming import alike_pairs, blocks, bucket_keys, close_pairs, hex_to_uint64

HASH = st.integers(0, 2**64 - 1)


def keys_of(hashes: list[int], distance: int, matching: int) -> list[set[int]]:
    batch = pa.record_batch({"sample_id": [str(i) for i in range(len(hashes))], "phash": [f"{h:016x}" for h in hashes]})
    (found,) = bucket_keys([batch], distance, matching)
    keys: list[set[int]] = [set() for _ in hashes]
    for row in found.to_pylist():
        keys[int(row["sample_id"])].add(row["key"])
        assert row["hash"] % 2**64 == hashes[int(row["sample_id"])]
    return keys


@settings(max_examples=300, deadline=None)
@given(HASH, st.integers(0, 8), st.integers(1, 3), st.data())
def test_hashes_within_the_distance_always_meet(value: int, distance: int, matching: int, data: st.DataObject) -> None:
    flipped = data.draw(st.lists(st.integers(0, 63), max_size=distance, unique=True))
    other = value
    for bit in flipped:
        other ^= 1 << bit
    one, two = keys_of([value, other], distance, matching)
    assert one & two


def test_far_hashes_seldom_meet() -> None:
    rng = np.random.default_rng(0)
    hashes = [int(h) for h in rng.integers(0, 2**63, 400, np.uint64)]
    keys = keys_of(hashes, 4, 2)
    met = sum(bool(keys[i] & keys[j]) for i in range(400) for j in range(i))
    assert met / (400 * 399 / 2) < 1e-3
    assert all(len(found) == 15 for found in keys)


@given(st.integers(1, 20))
def test_blocks_cover_all_bits_once(count: int) -> None:
    parts = blocks(count)
    assert sorted(bit for begin, size in parts for bit in range(begin, begin + size)) == list(range(64))
    assert max(size for _, size in parts) - min(size for _, size in parts) <= 1


@given(st.lists(HASH, max_size=20), st.integers(0, 3))
def test_hex_is_read_as_it_is_written(values: list[int], skip: int) -> None:
    texts = pa.array([f"{value:016x}" for value in values], pa.string()).slice(skip)
    assert hex_to_uint64(texts).tolist() == values[skip:]


def buckets(rows: list[tuple[int, int]], size: int) -> list[pa.RecordBatch]:
    """(key, hash) rows, sorted, in batches of some size."""
    ordered = sorted(rows)
    batch = pa.record_batch(
        {
            "sample_id": pa.array([f"{at:03d}" for at in range(len(ordered))], pa.string()),
            "hash": pa.array([value for _, value in ordered], pa.int64()),
            "key": pa.array([key for key, _ in ordered], pa.int64()),
        }
    )
    return [batch.slice(at, size) for at in range(0, max(1, len(ordered)), size)]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-2, 2), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 63)), max_size=40),
    st.integers(1, 50),
)
def test_pairs_do_not_depend_on_batches(rows: list[tuple[int, int]], size: int) -> None:
    found = [row for batch in close_pairs(buckets(rows, size), 3, 64) for row in batch.to_pylist()]
    ordered = sorted(rows)
    wanted = [
        (f"{i:03d}", f"{j:03d}", ((ordered[i][1] ^ ordered[j][1]) % 2**64).bit_count())
        for j in range(len(ordered))
        for i in range(j)
        if ordered[i][0] == ordered[j][0] and ((ordered[i][1] ^ ordered[j][1]) % 2**64).bit_count() <= 3
    ]
    assert sorted((row["a"], row["b"], row["distance"]) for row in found) == sorted(wanted)


def test_a_skewed_bucket_costs_its_rows_times_the_window() -> None:
    found = list(close_pairs(buckets([(7, 0)] * 500, 64), 4, 10))
    assert sum(batch.num_rows for batch in found) == 499 + sum(500 - lag for lag in range(2, 11))


@pytest.mark.parametrize("limit", [0, 5, 255])
def test_colour_tells_equal_hashes_apart(limit: int) -> None:
    rng = np.random.default_rng(1)
    left = rng.integers(0, 256, (50, 192), np.uint8)
    right = np.clip(left.astype(int) + rng.integers(-9, 10, (50, 1)), 0, 255).astype(np.uint8)
    batch = pa.record_batch(
        {
            "a": [f"a{i}" for i in range(50)],
            "b": [f"b{i}" for i in range(50)],
            "distance": pa.array([0] * 50, pa.int32()),
            "pixels_a": [row.tobytes() for row in left],
            "pixels_b": [row.tobytes() for row in right],
        }
    )
    found = pa.Table.from_batches(
        alike_pairs([batch.slice(0, 0), batch.slice(0, 20), batch.slice(20)], limit, "color_difference")
    )
    apart = np.abs(left.astype(int) - right).max(axis=1)
    assert found["a"].to_pylist() == [f"a{i}" for i in np.flatnonzero(apart <= limit)]
    assert pc.all(pc.less_equal(found["color_difference"], limit)).as_py() in {True, None}
