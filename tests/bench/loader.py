"""Measure the loader: tokens per CPU-second, against a plain copy of mapped memory and Megatron's GPTDataset.

    python tests/bench/loader.py --rows 8192

Rows of 4,096 made-up tokens are written as a Delta table and, document by document, as Megatron's indexed
dataset. All rates are of one process, in rounds taken in turn, and the best round counts: on a shared machine
the others measure the neighbours.
"""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import ColumnProperties, WriterProperties, write_deltalake

from schemas.mixture import sequences
from schemas.samples import vocabulary

LENGTH = 4096
WORDS = 150_000
END, PAD_ID = 151_643, 152_073
MEAN_LOG, SIGMA = 6.15, 1.05  # documents of about 800 tokens, as facts about web text have it


def make_rows(begin: int, rows: int) -> tuple[pa.Table, list[np.ndarray]]:
    """Return packed rows of whole documents, and the documents."""
    rng = np.random.default_rng(begin)
    tokens = np.full((rows, LENGTH), PAD_ID, np.int32)
    cuts, segments, spans, documents = [], [], [], []
    for row in range(rows):
        at, edges, held, weights = 0, [0], [], []
        while LENGTH - at > 32:
            n = int(min(max(rng.lognormal(MEAN_LOG, SIGMA), 8), LENGTH - at))
            tokens[row, at : at + n] = rng.integers(0, WORDS, n, dtype=np.int32)
            tokens[row, at + n - 1] = END
            documents.append(tokens[row, at : at + n])
            held.append(_segment(f"{begin + row:016x}{at:016x}", at, at + n))
            weights.append({"begin": at + 1, "end": at + n, "weight": 1.0})
            at += n
            edges.append(at)
        if at < LENGTH:
            edges.append(LENGTH)
        cuts.append(edges)
        segments.append(held)
        spans.append(weights)
    ids = [f"{position:032x}" for position in range(begin, begin + rows)]
    columns: dict[str, Any] = {
        "sample_id": ids,
        "parent_ids": [[segment["sample_id"] for segment in held] for held in segments],
        "source": ["made"] * rows,
        "license": ["CC0-1.0"] * rows,
        "run_id": ["bench"] * rows,
        "stage": ["cold"] * rows,
        "position": np.arange(begin, begin + rows),
        "tokens": [row.tobytes() for row in tokens],
        "cu_seqlens": cuts,
        "cu_seqlens_padded": cuts,
        "segments": segments,
        "loss_spans": spans,
        "pairs": [[]] * rows,
        "n_tokens": [held[-1]["end"] for held in segments],
        "cells": [[("text/en/web", held[-1]["end"])] for held in segments],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in sequences.schema]
    return pa.table(arrays, schema=pa.schema([field.with_nullable(True) for field in sequences.schema])), documents


def _segment(sample_id: str, begin: int, end: int) -> dict[str, Any]:
    return {
        "sample_id": sample_id, "begin": begin, "end": end, "modality": "text", "role": "token", "offset": 0,
    }  # fmt: skip


def build(root: Path, rows: int) -> None:
    """Write the table, a vocabulary, and Megatron's dataset."""
    import torch
    from megatron.core.datasets.indexed_dataset import IndexedDatasetBuilder

    plain = ColumnProperties(dictionary_enabled=False)
    properties = WriterProperties(
        compression="UNCOMPRESSED",
        max_row_group_size=4096,
        data_page_size_limit=1 << 30,
        default_column_properties=plain,
        column_properties={"tokens": ColumnProperties(dictionary_enabled=False, statistics_enabled="NONE")},
    )
    builder = IndexedDatasetBuilder(str(root / "documents.bin"), dtype=np.int32)
    for begin in range(0, rows, 4096):
        table, documents = make_rows(begin, min(4096, rows - begin))
        write_deltalake(str(root / "gold/sequences"), table, mode="append", writer_properties=properties)
        for document in documents:
            builder.add_document(torch.from_numpy(document), [len(document)])
    builder.finalize(str(root / "documents.idx"))
    pad = {"name": "<|pad|>", "begin": PAD_ID, "end": PAD_ID + 1, "kind": "mark", "text": None, "run_id": "bench"}
    write_deltalake(str(root / "gold/vocabulary"), pa.Table.from_pylist([pad], schema=vocabulary.schema))


def open_loader(root: Path, batch: int, **options: Any) -> Any:
    """Open the made lake without end."""
    from trainer.loader import PackedLoader

    versions = {"gold.sequences": VERSIONS["gold.sequences"], "gold.vocabulary": 0}
    return PackedLoader(str(root), versions, "cold", global_batch=batch, epochs=None, **options)


VERSIONS: dict[str, int] = {}


def plain_batches(root: Path, batch: int, **options: Any) -> Iterator[Any]:
    """Yield int32 tokens and boundaries."""
    for one in open_loader(root, batch, **options):
        yield one.tokens


def full_batches(root: Path, batch: int, **options: Any) -> Iterator[Any]:
    """Yield tokens, boundaries, labels, weights, position ids and modalities."""
    for one in open_loader(root, batch, **options):
        yield one.full().labels


def copies(root: Path, batch: int) -> Iterator[Any]:
    """Yield a buffer that mapped bytes were copied to: what no loader that gives tensors of its own can beat."""
    path = max((root / "gold/sequences").glob("*.parquet"), key=lambda p: p.stat().st_size)
    mapped = np.asarray(np.memmap(path, np.uint8, "r"))
    size = batch * LENGTH * 4
    slots = [np.empty(size, np.uint8) for _ in range(4)]
    step = 0
    while True:
        at = step % (len(mapped) // size) * size
        slot = slots[step % 4]
        slot[:] = mapped[at : at + size]
        step += 1
        yield slot.view(np.int32)


def megatron_batches(root: Path, batch: int, rows: int) -> Iterator[Any]:
    """Yield what Megatron trains on by default: tokens, labels, loss mask, position ids."""
    from megatron.core.datasets.blended_megatron_dataset_builder import BlendedMegatronDatasetBuilder
    from megatron.core.datasets.gpt_dataset import GPTDataset, GPTDatasetConfig
    from torch.utils.data import DataLoader

    class Tokenizer:
        eod, pad, vocab_size, unique_identifiers = END, -1, PAD_ID + 1, {"class": "made"}

    config = GPTDatasetConfig(
        random_seed=1,
        sequence_length=LENGTH,
        blend=([str(root / "documents")], None),
        split="100,0,0",
        path_to_cache=str(root / "cache"),
        tokenizer=Tokenizer(),
        reset_position_ids=False,
        reset_attention_mask=False,
        eod_mask_loss=False,
        create_attention_mask=False,
    )
    dataset = BlendedMegatronDatasetBuilder(GPTDataset, [20 * rows, 0, 0], lambda: True, config).build()[0]
    order = (list(range(i, i + batch)) for i in range(0, 20 * rows - batch, batch))
    for one in DataLoader(dataset, batch_sampler=list(order), num_workers=0):
        yield one["tokens"]


def rate(make: Callable[[], Iterator[Any]], seconds: float) -> tuple[float, float]:
    """Return million tokens per CPU-second and per second of wall time."""
    batches = make()
    for _ in range(3):
        next(batches)
    tokens, wall, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < seconds:
        one = next(batches)
        tokens += one.size if isinstance(one, np.ndarray) else one.numel()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    batches.close()
    return tokens / 1e6 / cpu, tokens / 1e6 / wall


def resume(root: Path, batch: int, start: int) -> float:
    """Return CPU-milliseconds from nothing open to the first batch."""
    cpu = time.process_time()
    loader = open_loader(root, batch, start=start, seed=1, prefetch=0)
    next(iter(loader))
    return (time.process_time() - cpu) * 1e3


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example: python tests/bench/loader.py --rows 8192 --json",
    )
    parser.add_argument("--rows", type=int, default=4096, help="packed rows of 4,096 tokens (default 4096, 67 MB)")
    parser.add_argument("--batch", type=int, default=64, help="rows of a batch (default 64)")
    parser.add_argument("--seconds", type=float, default=0.5, help="time of one measurement (default 0.5)")
    parser.add_argument("--rounds", type=int, default=3, help="measurements of each (default 3)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.filterwarnings("ignore")
    import torch
    from deltalake import DeltaTable

    torch.set_num_threads(1)
    root = Path(tempfile.mkdtemp(prefix="mixlake-bench-"))
    try:
        build(root, args.rows)
        VERSIONS["gold.sequences"] = DeltaTable(str(root / "gold/sequences")).version()
        cases: dict[str, Callable[[], Iterator[Any]]] = {
            "copy of mapped memory (the limit)": lambda: copies(root, args.batch),
            "int32 + cu_seqlens": lambda: plain_batches(root, args.batch),
            "int32 + cu_seqlens, no prefetch": lambda: plain_batches(root, args.batch, prefetch=0),
            "int32 + cu_seqlens, seed 1": lambda: plain_batches(root, args.batch, seed=1),
            "int32 + cu_seqlens, rank 3 of 8": lambda: plain_batches(root, 8 * args.batch, rank=3, world=8),
            "full batch": lambda: full_batches(root, args.batch),
            "full batch, seed 1": lambda: full_batches(root, args.batch, seed=1),
            "Megatron GPTDataset": lambda: megatron_batches(root, args.batch, args.rows),
        }
        rates: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
        for _ in range(args.rounds):
            for name, make in cases.items():
                rates[name].append(rate(make, args.seconds))
        depths = (0, 10**4, 10**6, 10**9, 10**12)
        resumes = {depth: min(resume(root, args.batch, depth) for _ in range(3)) for depth in depths}
    finally:
        shutil.rmtree(root, ignore_errors=True)
    best = {name: max(found) for name, found in rates.items()}
    limit, peer = (best[name][0] for name in ("copy of mapped memory (the limit)", "Megatron GPTDataset"))
    if args.json:
        print(json.dumps({"mtok_per_cpu_s": {n: r[0] for n, r in best.items()}, "resume_cpu_ms": resumes}))
        return
    print(f"{'million tokens per':38} CPU-second  second   of limit  of Megatron")
    for name, (cpu, wall) in best.items():
        print(f"{name:38} {cpu:10.0f} {wall:7.0f} {cpu / limit:9.0%} {cpu / peer:11.1f}x")
    print("resume, CPU-ms to the first batch: " + ", ".join(f"row {d:.0e}: {ms:.1f}" for d, ms in resumes.items()))


if __name__ == "__main__":
    main()
