"""Finding pairs of 64-bit hashes within a Hamming distance, over Arrow batches sorted by bucket."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BITS = 64


def blocks(count: int) -> list[tuple[int, int]]:
    """Return (first bit, bits) of the blocks that 64 bits are cut into, as even as can be."""
    edges = [_BITS * place // count for place in range(count + 1)]
    return [(begin, end - begin) for begin, end in itertools.pairwise(edges)]


def bucket_keys(batches: Iterable[pa.RecordBatch], distance: int, matching: int) -> Iterator[pa.RecordBatch]:
    """Give each picture one row for each choice of `matching` of `distance + matching` blocks.

    Args:
        batches: sample_id, phash (16 hex digits).
        distance: Most bits in which hashes of a pair differ.
        matching: Blocks that agree whole.

    Yields:
        sample_id, hash (int64, the same bits), key (int64). Any two hashes within the distance share a key;
        hashes that agree in no choice of blocks share one only by chance, which costs a comparison and no more.
    """
    parts = blocks(distance + matching)
    choices = list(itertools.combinations(range(len(parts)), matching))
    for batch in batches:
        hashes = hex_to_uint64(batch.column("phash"))
        values = [(hashes >> np.uint64(begin)) & np.uint64((1 << size) - 1) for begin, size in parts]
        keys = np.empty((len(choices), len(hashes)), np.uint64)
        for number, chosen in enumerate(choices):
            # Far apart from the first, so that two choices do not share keys: multiples of 2^64 over the golden ratio.
            key = np.full(len(hashes), (number + 1) * 0x9E3779B97F4A7C15 % 2**64, np.uint64)
            for place in chosen:
                # The chosen blocks may be wider than a key, so they are mixed (SplitMix64's multiplier), not joined.
                key = (key ^ values[place]) * np.uint64(0xBF58476D1CE4E5B9)
                key ^= key >> np.uint64(27)
            keys[number] = key
        rows = pa.array(np.tile(np.arange(len(hashes)), len(choices)))
        yield pa.record_batch(
            {
                "sample_id": batch.column("sample_id").take(rows),
                "hash": pa.array(np.tile(hashes.view(np.int64), len(choices))),
                "key": pa.array(keys.ravel().view(np.int64)),
            }
        )


def close_pairs(batches: Iterable[pa.RecordBatch], distance: int, window: int) -> Iterator[pa.RecordBatch]:
    """Compare each picture with those before it in its bucket.

    Args:
        batches: sample_id, hash, key; rows of one key are adjacent, in one stream.
        distance: Most bits in which hashes of a pair differ.
        window: Rows before it that a row is compared with, at most.

    Yields:
        a, b (a before b as strings), distance; a pair may come from several buckets.
    """
    tail: pa.RecordBatch | None = None
    for fresh in batches:
        batch = fresh if tail is None else pa.Table.from_batches([tail, fresh]).combine_chunks().to_batches()[0]
        left, right = _close_rows(batch, batch.num_rows - fresh.num_rows, distance, window)
        hashes, ids = batch.column("hash").to_numpy(), batch.column("sample_id")
        one, other = ids.take(pa.array(left)), ids.take(pa.array(right))
        in_order = pc.less(one, other)
        yield pa.record_batch(
            {
                "a": pc.if_else(in_order, one, other),
                "b": pc.if_else(in_order, other, one),
                "distance": pa.array(_bits(hashes[left] ^ hashes[right])),
            }
        )
        tail = batch.slice(max(0, batch.num_rows - window))


def alike_pairs(batches: Iterable[pa.RecordBatch], most: int, name: str) -> Iterator[pa.RecordBatch]:
    """Keep the pairs whose pixels are alike.

    Args:
        batches: What is known of the pairs, then pixels_a and pixels_b (all of one size).
        most: Most levels in which a value differs.
        name: Name of the column with the largest difference.

    Yields:
        What is known of the pairs, and the largest difference.
    """
    for batch in batches:
        apart = np.abs(_pixels(batch.column("pixels_a")) - _pixels(batch.column("pixels_b")))
        largest = pa.array(apart.max(axis=1, initial=0).astype(np.int32))
        pairs = batch.drop_columns(["pixels_a", "pixels_b"]).append_column(name, largest)
        yield pairs.filter(pc.less_equal(largest, most))


def _close_rows(batch: pa.RecordBatch, first_new: int, distance: int, window: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (earlier, later) of pairs of one bucket whose hashes are close; the later one is new."""
    keys = batch.column("key").to_numpy()
    hashes = batch.column("hash").to_numpy()
    left: list[np.ndarray] = [np.empty(0, np.int64)]
    right: list[np.ndarray] = [np.empty(0, np.int64)]
    later = np.arange(first_new, batch.num_rows)
    for lag in range(1, window + 1):
        # Rows of a key are adjacent, so a row without a fellow at this lag has none further off.
        later = later[later >= lag]
        later = later[keys[later] == keys[later - lag]]
        if not len(later):
            break
        close = later[_bits(hashes[later] ^ hashes[later - lag]) <= distance]
        left.append(close - lag)
        right.append(close)
    return np.concatenate(left), np.concatenate(right)


def _bits(values: np.ndarray) -> np.ndarray:
    return np.bitwise_count(values.view(np.uint64)).astype(np.int32)


def _pixels(thumbnails: pa.Array) -> np.ndarray:
    """Return binary [n], all of one size, as int16 [n, size]."""
    if not len(thumbnails):
        return np.empty((0, 1), np.int16)
    offsets = np.frombuffer(thumbnails.buffers()[1], np.int32)[thumbnails.offset :]
    data = np.frombuffer(thumbnails.buffers()[2], np.uint8)[offsets[0] : offsets[len(thumbnails)]]
    return data.reshape(len(thumbnails), -1).astype(np.int16)


def hex_to_uint64(hashes: pa.Array) -> np.ndarray:
    """Return string [n] of 16 hex digits as uint64 [n]."""
    text = hashes.cast(pa.binary()).cast(pa.binary(16))
    digits = np.frombuffer(text.buffers()[1] or b"", np.uint8)[text.offset * 16 : (text.offset + len(text)) * 16]
    return np.frombuffer(bytes.fromhex(digits.tobytes().decode("ascii")), ">u8").astype(np.uint64)
