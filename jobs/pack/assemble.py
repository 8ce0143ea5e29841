"""Packed rows of one window: ids, boundaries, segments, targets, pairs and lineage as Arrow columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from jobs.pack.licenses import conjunctions
from jobs.pack.plan import Ints, Lengths, Plan, plan_rows
from jobs.pack.segments import segment_lists
from schemas.identity import derived_ids
from schemas.mixture import LOSS_SPAN, PAIR

SOURCE = "mixture"


@dataclass(frozen=True, slots=True)
class Shape:
    """What a window's rows are made by.

    Args:
        flow: Id of the flow and the stage, which row ids are derived from.
        row_length: Tokens of a row.
        align: Documents begin at multiples of it.
        pad: Id of padding.
        targets: One past the last id that is ever a target.
    """

    flow: str
    row_length: int
    align: int
    pad: int
    targets: int


def lengths_of(window: pa.Table) -> tuple[Lengths, Sequence[str]]:
    """Return what a plan looks at, and the names of the cells.

    Args:
        window: Columns cell and parts [n], in the order of virtual time.
    """
    parts = _one(window.column("parts"))
    offsets = parts.offsets.to_numpy().astype(np.int64)
    offsets -= offsets[0]
    cell = _one(window.column("cell")).dictionary_encode()
    names = cell.dictionary.to_pylist()
    order = np.argsort(np.array(names))
    rank = np.empty(len(names), np.int64)
    rank[order] = np.arange(len(names))
    codes = rank[cell.indices.to_numpy()]
    ends = parts.flatten().to_numpy().astype(np.int64)
    return Lengths(offsets, ends, codes, len(names)), [names[place] for place in order]


def in_order(window: pa.Table) -> pa.Table:
    """Return the samples of a window in the order of virtual time, whatever order they came in."""
    return window.take(
        pa.compute.sort_indices(window, [(name, "ascending") for name in ("time", "sample_id", "epoch")])
    )


def assemble(window: pa.Table, shape: Shape, first: int) -> pa.Table:
    """Pack one window.

    Args:
        window: One draw per row: sample_id, license, cell, modality, epoch, time, parts, tokens, media.
        shape: What rows are made by.
        first: Position of the window's first row in its stage.

    Returns:
        The columns of ``gold.sequences`` without stage and run_id.
    """
    window = in_order(window)
    lengths, cells = lengths_of(window)
    plan = plan_rows(lengths, shape.row_length, shape.align)
    ids = _ids(window, plan, shape)
    sizes = plan.end - plan.begin
    real, padded = _boundaries(plan, sizes, shape)
    position = pa.array(first + np.arange(plan.rows))
    parents = _parents(window, plan)
    n_tokens = np.bincount(plan.row, weights=sizes, minlength=plan.rows).astype(np.int32)
    return pa.table(
        {
            "sample_id": derived_ids(parents, shape.flow, position),
            "parent_ids": parents,
            "source": pa.repeat(SOURCE, plan.rows),
            "license": conjunctions(_at(window, "license", plan), plan.row, plan.rows),
            "position": position,
            "tokens": _bytes(ids),
            "cu_seqlens": real,
            "cu_seqlens_padded": padded,
            "segments": segment_lists(window, plan),
            "loss_spans": _loss_spans(ids, plan, shape),
            "pairs": _pairs(window, lengths, plan, sizes),
            "n_tokens": pa.array(n_tokens),
            "cells": _cell_maps(plan.counts, cells),
        }
    )


def _ids(window: pa.Table, plan: Plan, shape: Shape) -> npt.NDArray[np.int32]:
    """Return int32 [rows, row_length]."""
    from jobs.pack.best_fit import copy_ranges

    tokens = _one(window.column("tokens"))
    wide = np.int64 if pa.types.is_large_binary(tokens.type) else np.int32
    _, offsets, data = tokens.buffers()
    starts = np.frombuffer(offsets, wide)[tokens.offset : tokens.offset + len(tokens)].astype(np.int64) // 4
    source = np.frombuffer(data, "<i4", count=data.size // 4)
    ids = np.full((plan.rows, shape.row_length), shape.pad, np.int32)
    places = plan.row * shape.row_length + plan.place
    copy_ranges(source, starts[plan.sample] + plan.begin, plan.end - plan.begin, places, ids.reshape(-1))
    return ids


def _bytes(ids: npt.NDArray[np.int32]) -> pa.Array:
    rows, length = ids.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * length * 4
    return pa.Array.from_buffers(
        pa.large_binary(), rows, [None, pa.py_buffer(offsets), pa.py_buffer(ids.astype("<i4", copy=False))]
    ).cast(pa.binary())


def _boundaries(plan: Plan, sizes: Ints, shape: Shape) -> tuple[pa.Array, pa.Array]:
    """Return cumulative real lengths and aligned beginnings; a padded tail is the last document."""
    taken = -(-sizes // shape.align) * shape.align
    used = np.bincount(plan.row, weights=taken, minlength=plan.rows).astype(np.int64)
    short = np.flatnonzero(used < shape.row_length)
    # A zero before the documents of each row, its tail behind them.
    row = np.concatenate([np.arange(plan.rows), plan.row, short])
    rank = np.concatenate([np.zeros(plan.rows, np.int64), np.ones(len(sizes), np.int64), np.full(len(short), 2)])
    order = np.lexsort((rank, row))
    offsets = np.searchsorted(row[order], np.arange(plan.rows + 1)).astype(np.int32)
    tail = shape.row_length - used[short]
    zero = np.zeros(plan.rows, np.int64)
    lists = []
    for widths in (sizes, taken):
        flat = np.concatenate([zero, widths, tail])[order]
        cumulative = np.cumsum(flat)
        cumulative -= np.repeat(cumulative[offsets[:-1]], np.diff(offsets))
        lists.append(pa.ListArray.from_arrays(pa.array(offsets), pa.array(cumulative.astype(np.int32))))
    return lists[0], lists[1]


def _loss_spans(ids: npt.NDArray[np.int32], plan: Plan, shape: Shape) -> pa.Array:
    """Return runs of targets: text and special ids, but for the first of each document."""
    target = np.zeros((plan.rows, shape.row_length + 2), np.int8)
    inner = target[:, 1:-1]
    inner[:] = ids < shape.targets
    inner[plan.row, plan.place] = 0
    edges = np.diff(target, axis=1)
    row, begin = np.nonzero(edges == 1)
    end = np.nonzero(edges == -1)[1]
    offsets = np.searchsorted(row, np.arange(plan.rows + 1)).astype(np.int32)
    spans = pa.StructArray.from_arrays(
        [pa.array(begin.astype(np.int32)), pa.array(end.astype(np.int32)), pa.array(np.ones(len(row), np.float32))],
        fields=list(LOSS_SPAN),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), spans)


def _pairs(window: pa.Table, lengths: Lengths, plan: Plan, sizes: Ints) -> pa.Array:
    """Return the pool tokens of samples of two documents that are whole in a row."""
    two = (np.diff(lengths.part_offsets) == 2)[plan.sample] & plan.whole
    first = np.flatnonzero(two & (plan.begin == 0))
    pool = plan.place + sizes - 1
    modality = _one(window.column("modality")).take(pa.array(plan.sample[first]))
    kind = pa.compute.binary_join_element_wise(modality, pa.scalar("text"), "/")
    offsets = np.searchsorted(plan.row[first], np.arange(plan.rows + 1)).astype(np.int32)
    pairs = pa.StructArray.from_arrays(
        [kind, pa.array(pool[first].astype(np.int32)), pa.array(pool[first + 1].astype(np.int32))],
        fields=list(PAIR),
    )
    return pa.ListArray.from_arrays(pa.array(offsets), pairs)


def _parents(window: pa.Table, plan: Plan) -> pa.Array:
    """Return the samples of each row, each once, in the order in which they occur."""
    coded = _at(window, "sample_id", plan).dictionary_encode()
    code = coded.indices.to_numpy().astype(np.int64)
    _, firsts = np.unique(plan.row * len(coded.dictionary) + code, return_index=True)
    firsts.sort()
    offsets = np.searchsorted(plan.row[firsts], np.arange(plan.rows + 1)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), coded.dictionary.take(pa.array(code[firsts])))


def _cell_maps(counts: Ints, cells: Sequence[str]) -> pa.Array:
    row, cell = np.nonzero(counts)
    offsets = np.searchsorted(row, np.arange(len(counts) + 1)).astype(np.int32)
    keys = pa.array(cells, pa.string()).take(pa.array(cell))
    return pa.MapArray.from_arrays(pa.array(offsets), keys, pa.array(counts[row, cell].astype(np.int32)))


def _at(window: pa.Table, name: str, plan: Plan) -> pa.Array:
    return _one(window.column(name)).take(pa.array(plan.sample))


def _one(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
