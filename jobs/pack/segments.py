"""Segments of packed rows: which sample each range of ids comes from, and where media go."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from jobs.pack.plan import Ints, Plan
from schemas.features import HOP
from schemas.mixture import SEGMENT


def segment_lists(window: pa.Table, plan: Plan) -> pa.Array:
    """Return the segments of each row.

    They cover the documents in order: an input segment for each range of placeholders, token segments between.

    Args:
        window: sample_id, modality and media of the samples.
        plan: Where their documents go.

    Returns:
        list<SEGMENT> [rows].
    """
    media = window.column("media").combine_chunks()
    flat = media.values
    document, medium, begin, end = _inputs(media, plan)
    gap_document, gap_begin, gap_end = _gaps(plan, document, begin, end)
    # Token segments have no medium, -1.
    owner = np.concatenate([document, gap_document])
    of = np.concatenate([medium, np.full(len(gap_document), -1)])
    begin, end = np.concatenate([begin, gap_begin]), np.concatenate([end, gap_end])
    order = np.lexsort((begin, owner))
    owner, of, begin, end = owner[order], of[order], begin[order], end[order]
    shift = plan.place[owner] - plan.begin[owner]
    is_input = of >= 0
    taken = pa.array(np.where(is_input, of, 0), mask=~is_input)
    sample = pa.array(plan.sample[owner])
    modality = window.column("modality").combine_chunks().take(sample)
    first, last = _media_range(flat, of, begin, end)
    values = {
        "sample_id": window.column("sample_id").combine_chunks().take(sample),
        "begin": pa.array((begin + shift).astype(np.int32)),
        "end": pa.array((end + shift).astype(np.int32)),
        "modality": pc.coalesce(flat.field("modality").take(taken), modality),
        "role": pa.array(np.where(is_input, "input", "token")),
        "feature_spec": flat.field("feature_spec").take(taken),
        "media_id": flat.field("media_id").take(taken),
        "media_begin": pa.array(first, mask=~is_input),
        "media_end": pa.array(last, mask=~is_input),
        "columns": flat.field("columns").take(taken),
        "offset": pa.array(begin.astype(np.int32)),
    }
    rows = plan.row[owner]
    offsets = np.searchsorted(rows, np.arange(plan.rows + 1)).astype(np.int32)
    structs = pa.StructArray.from_arrays(
        [_typed(values.get(item.name), item.type, len(owner)) for item in SEGMENT], fields=list(SEGMENT)
    )
    return pa.ListArray.from_arrays(pa.array(offsets), structs)


def _inputs(media: pa.ListArray, plan: Plan) -> tuple[Ints, Ints, Ints, Ints]:
    """Return document, medium, begin and end (in the sample) of each range of placeholders in a document."""
    offsets = media.offsets.to_numpy().astype(np.int64)
    count = np.diff(offsets)[plan.sample]
    document = np.repeat(np.arange(len(plan.sample)), count)
    nth = np.arange(len(document)) - np.repeat(np.cumsum(count) - count, count)
    medium = offsets[plan.sample[document]] + nth
    begin = np.maximum(media.values.field("begin").to_numpy().astype(np.int64)[medium], plan.begin[document])
    end = np.minimum(media.values.field("end").to_numpy().astype(np.int64)[medium], plan.end[document])
    inside = begin < end
    return document[inside], medium[inside], begin[inside], end[inside]


def _gaps(plan: Plan, document: Ints, begin: Ints, end: Ints) -> tuple[Ints, Ints, Ints]:
    """Return document, begin and end of the ranges between inputs, ordered by document and begin."""
    previous = plan.begin[document].copy()
    follows = document[1:] == document[:-1]
    previous[1:] = np.where(follows, end[:-1], previous[1:])
    last = plan.begin.copy()
    # Of equal indices NumPy keeps the last, which ends furthest.
    last[document] = end
    owner = np.concatenate([document, np.arange(len(plan.sample))])
    first, stop = np.concatenate([previous, last]), np.concatenate([begin, plan.end])
    real = first < stop
    return owner[real], first[real], stop[real]


def _media_range(flat: pa.StructArray, of: Ints, begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return the range of the medium (samples or patches) of each segment; of no meaning where there is none."""
    if len(flat) == 0:
        return np.zeros_like(begin), np.zeros_like(end)
    medium = np.maximum(of, 0)

    def column(name: str) -> npt.NDArray[np.int64]:
        return flat.field(name).to_numpy().astype(np.int64)[medium]

    spec = flat.field("feature_spec")
    sound = pc.equal(spec.field("transform"), "log-mel").to_numpy(zero_copy_only=False).astype(bool)
    # Samples or patches that one position stands for.
    stride = np.where(sound, spec.field("patch").to_numpy().astype(np.int64) * HOP, 1)[medium]
    start, stop, place = column("media_begin"), column("media_end"), column("begin")
    first = start + (begin - place) * stride
    last = np.where(end == column("end"), stop, start + (end - place) * stride)
    return first, last


def _typed(values: pa.Array | None, kind: pa.DataType, rows: int) -> pa.Array:
    if values is None:
        return pa.nulls(rows, kind)
    return values if values.type == kind else values.cast(kind)
