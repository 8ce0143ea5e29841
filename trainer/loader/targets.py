"""Labels, loss weights, position ids and modalities of packed rows, in one pass over compiled loops."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trainer.loader.labels import IGNORED, MODALITIES


class Targets(NamedTuple):
    """The targets of a batch, each [batch rows, length].

    Args:
        labels: int64, the next id, `IGNORED` where it is no target.
        loss_mask: float32, the weight, 0 where the next id is no target.
        position_ids: int64, the place in the document.
        modality: int8, modality of the next id's document, -1 where it has none.
    """

    labels: np.ndarray
    loss_mask: np.ndarray
    position_ids: np.ndarray
    modality: np.ndarray


class TargetColumns(NamedTuple):
    """What the targets of a row group derive from: lists as offsets [n + 1] and flat values.

    Args:
        document_offsets: int32 [n + 1], into ``documents``.
        documents: int32, where documents begin in the row, from 0 to the row length.
        segment_offsets: int32 [n + 1], into the next three.
        segment_begin: int32.
        segment_end: int32.
        segment_modality: int8, index into `MODALITIES`, -1 for another.
        span_offsets: int32 [n + 1], into the next three.
        span_begin: int32.
        span_end: int32.
        span_weight: float32.
    """

    document_offsets: np.ndarray
    documents: np.ndarray
    segment_offsets: np.ndarray
    segment_begin: np.ndarray
    segment_end: np.ndarray
    segment_modality: np.ndarray
    span_offsets: np.ndarray
    span_begin: np.ndarray
    span_end: np.ndarray
    span_weight: np.ndarray

    @classmethod
    def of(cls, documents: pa.ListArray, segments: pa.ListArray, spans: pa.ListArray) -> TargetColumns:
        """Take them from the columns cu_seqlens_padded, segments and loss_spans of a row group."""
        modality = pc.fill_null(pc.index_in(segments.values.field("modality"), pa.array(MODALITIES)), -1)
        return cls(
            documents.offsets.to_numpy(),
            documents.values.to_numpy(),
            segments.offsets.to_numpy(),
            segments.values.field("begin").to_numpy(),
            segments.values.field("end").to_numpy(),
            modality.cast(pa.int8()).to_numpy(),
            spans.offsets.to_numpy(),
            spans.values.field("begin").to_numpy(),
            spans.values.field("end").to_numpy(),
            spans.values.field("weight").to_numpy(),
        )

    def fill(self, rows: np.ndarray, where: np.ndarray, tokens: np.ndarray, out: Targets) -> int:
        """Fill rows ``where`` of a batch from rows ``rows`` of the group.

        The weight of a loss span on token i is that of predicting it from i - 1, so targets are one place
        to the left.

        Args:
            rows: int64 [k].
            where: int64 [k].
            tokens: int32, the batch's ids.
            out: Where the targets are written.

        Returns:
            -1, or the first of ``rows`` whose documents, segments or spans are outside the row.
        """
        return int(_fill(self, rows, where, tokens, out))


@numba.njit(cache=True, nogil=True)
def _fill(columns: TargetColumns, rows: np.ndarray, where: np.ndarray, tokens: np.ndarray, out: Targets) -> int:  # noqa: C901 - a kernel over flat buffers
    documents = columns.documents
    length = tokens.shape[1]
    for k in range(len(rows)):
        row, to = rows[k], where[k]
        ids = tokens[to]
        label, mask, place, kind = out.labels[to], out.loss_mask[to], out.position_ids[to], out.modality[to]
        label[:] = IGNORED
        mask[:] = 0.0
        kind[:] = -1
        first, last = columns.document_offsets[row], columns.document_offsets[row + 1]
        if documents[first] != 0 or documents[last - 1] != length:
            return int(row)
        for d in range(first, last - 1):
            begin, end = documents[d], documents[d + 1]
            if begin < 0 or end > length or end < begin:
                return int(row)
            part = place[begin:end]
            for i in range(len(part)):
                part[i] = i
        # Loops over slices from 0: an index that might be negative would keep them from being vectorised.
        for s in range(columns.segment_offsets[row], columns.segment_offsets[row + 1]):
            begin, end, which = columns.segment_begin[s], columns.segment_end[s], columns.segment_modality[s]
            if begin < 0 or end > length or end < begin:
                return int(row)
            kinds = kind[max(begin - 1, 0) : max(end - 1, 0)]
            for i in range(len(kinds)):
                kinds[i] = which
        for s in range(columns.span_offsets[row], columns.span_offsets[row + 1]):
            begin, end, weight = columns.span_begin[s], columns.span_end[s], columns.span_weight[s]
            # The first token of a row is predicted from nothing.
            if begin < 1 or end > length or end < begin:
                return int(row)
            if weight == 0.0:
                continue
            weights, wanted, following = mask[begin - 1 : end - 1], label[begin - 1 : end - 1], ids[begin:end]
            for i in range(len(weights)):
                weights[i] = weight
                wanted[i] = following[i]
    return -1
