"""Cut a stream of rows into shards, and record each as it is finished."""

from __future__ import annotations

import hashlib
import logging
import os
from pathlib import Path

from lakehouse.export.format import Encoder, Shard, ShardFile
from lakehouse.export.rows import BATCH_BYTES, Rows, pieces
from lakehouse.export.work_folder import WorkFolder

log = logging.getLogger("mixlake.export")


def write_shards(
    rows: Rows, encoder: Encoder, work: WorkFolder, dataset: int, limits: tuple[int, int | None]
) -> list[Shard]:
    """Write the shards of a dataset that are not there yet.

    Args:
        rows: Its rows.
        encoder: How they are written.
        work: The work folder, which has the shards that were finished before.
        dataset: Index of the dataset.
        limits: A shard ends when it has about so many bytes, or so many rows (None for no such limit).

    Returns:
        All its shards, at least one: a dataset without rows has an empty shard, which keeps its columns.
    """
    shards, complete = work.shards(dataset)
    if complete:
        return shards
    # Batches that do not make a shard much larger than its limit.
    size = max(1, min(BATCH_BYTES, limits[0] // 8))
    batches = rows.batches(sum(shard.rows for shard in shards))
    stream = (piece for batch in batches for piece in pieces(batch, size))
    if shards:
        log.info("going on behind %s finished shards", len(shards))
    batch = next(stream, None)
    while batch is not None or not shards:
        stem = work.shard_stem(dataset, len(shards))
        writer = encoder.open(stem)
        count = 0
        while batch is not None:
            room = None if limits[1] is None else limits[1] - count
            taken = batch if room is None or batch.num_rows <= room else batch.slice(0, room)
            writer.write(taken)
            count += taken.num_rows
            batch = batch.slice(taken.num_rows) if taken.num_rows < batch.num_rows else next(stream, None)
            if count == limits[1] or writer.size() >= limits[0]:
                break
        facts = writer.close()
        files = tuple(_sealed(stem.with_name(stem.name + suffix)) for suffix in encoder.suffixes)
        shards.append(Shard(count, files, facts))
        work.add(dataset, shards[-1])
        log.info("shard %s: %s rows, %s bytes", len(shards), count, sum(file.bytes for file in files))
    work.end(dataset)
    return shards


def _sealed(path: Path) -> ShardFile:
    """Flush a file to its disk, and return its name, size and digest."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return ShardFile(path.name, path.stat().st_size, digest)
