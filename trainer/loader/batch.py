"""A batch: one rank's rows of one step."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

from lakehouse.errors import LakeError
from schemas.mixture import sequences
from trainer.loader.buffers import Buffers
from trainer.loader.labels import IGNORED
from trainer.loader.order import PAD
from trainer.loader.row_groups import Group
from trainer.loader.targets import Targets


class Features(NamedTuple):
    """Continuous inputs of one modality.

    Attributes:
        values: float32 [n, width].
        place: float32 [n, 4]: time in s, x, y, camera.
        at: int64 [n], ascending: row * length + offset of the input position of a vector.
    """

    values: torch.Tensor
    place: torch.Tensor
    at: torch.Tensor


class Pairs(NamedTuple):
    """Aligned pool tokens for a contrastive loss.

    Attributes:
        kind: What the pair aligns, one string a pair.
        a: int64 [n], row * length + offset of the medium's pool token.
        b: int64 [n], the same of its caption's.
    """

    kind: list[str]
    a: torch.Tensor
    b: torch.Tensor


@dataclass(frozen=True)
class RowSource:
    """Where a batch's rows are, for columns that are read only when needed.

    Args:
        parts: Row group, rows in it (int64 [k]), and rows of the batch (int64 [k]).
        pads: Pad rows; they come last.
        buffers: Memory for derived tensors.
    """

    parts: tuple[tuple[Group, np.ndarray, np.ndarray], ...]
    pads: int
    buffers: Buffers

    def lists(self, column: str) -> pa.ListArray:
        """Return a list column, one list a row of the batch; those of pad rows are empty."""
        if len(self.parts) == 1 and not self.pads:
            group, rows, _ = self.parts[0]
            first = int(rows[0])
            if int(rows[-1]) - first + 1 == len(rows) and (len(rows) < 2 or (np.diff(rows) == 1).all()):
                return group.column(column).slice(first, len(rows))
            return group.column(column).take(pa.array(rows))
        if not self.parts:
            return pa.array([[]] * self.pads, sequences.column(column).type)
        taken = [group.column(column).take(pa.array(rows)) for group, rows, _ in self.parts]
        if len(taken) > 1:
            order = np.argsort(np.concatenate([where for _, _, where in self.parts]), kind="stable")
            taken = [pa.concat_arrays(taken).take(pa.array(order))]
        if self.pads:
            taken.append(pa.array([[]] * self.pads, taken[0].type))
        return pa.concat_arrays(taken)


@dataclass(frozen=True)
class Batch:
    """One rank's rows of one step.

    Args:
        tokens: int32 [rows, length], ids; a continuous input position holds its placeholder.
        cu_seqlens: For each row int32, cumulative real lengths of its documents from 0. The padded tail is the last
            document, which has no targets; a pad row is one such document.
        positions: int64 [rows], stored positions in the stage; -1 for a pad row.
        features: Modality to its vectors; modalities that the rows lack are absent.
        begin: First place of the step in the training order, over all ranks.
        end: One past the last.
        source: Where the rows are.
    """

    tokens: torch.Tensor
    cu_seqlens: list[torch.Tensor]
    positions: torch.Tensor
    features: Mapping[str, Features]
    begin: int
    end: int
    source: RowSource = field(repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Rows, pad rows among them."""
        return self.tokens.shape[0]

    @property
    def length(self) -> int:
        """Tokens of a row."""
        return self.tokens.shape[1]

    @property
    def pad(self) -> torch.Tensor:
        """Which rows are pad rows, bool [rows]: no targets, no pairs, to be left out of router statistics."""
        return self.positions == PAD

    @functools.cached_property
    def cu_seqlens_padded(self) -> list[torch.Tensor]:
        """For each row int32, where its documents begin, from 0 to the row length."""
        return boundaries(self.source, "cu_seqlens_padded", self.length)

    @functools.cached_property
    def segments(self) -> pa.ListArray:
        """For each row its segments, as `schemas.mixture.SEGMENT` structs."""
        return self.source.lists("segments")

    @functools.cached_property
    def loss_spans(self) -> pa.ListArray:
        """For each row its loss spans, as `schemas.mixture.LOSS_SPAN` structs."""
        return self.source.lists("loss_spans")

    @functools.cached_property
    def pairs(self) -> Pairs:
        """The rows' pairs."""
        lists = self.source.lists("pairs")
        flat = lists.flatten()
        base = np.repeat(np.arange(len(lists)), np.diff(lists.offsets.to_numpy())) * self.length
        a, b = (torch.from_numpy(base + flat.field(name).to_numpy()) for name in ("a", "b"))
        return Pairs(flat.field("kind").to_pylist(), a, b)

    def full(self) -> FullBatch:
        """Derive labels, loss weights, position ids and modalities.

        Raises:
            LakeError: If documents, segments or loss spans of a row are outside it.
        """
        take, shape = self.source.buffers.take, (self.rows, self.length)
        tokens = self.tokens.numpy()
        labels, places = take(shape, np.int64), take(shape, np.int64)
        loss_mask, modality = take(shape, np.float32), take(shape, np.int8)
        targets = Targets(labels, loss_mask, places, modality)
        for group, rows, where in self.source.parts:
            wrong = group.targets().fill(rows, where, tokens, targets)
            if wrong >= 0:
                position = int(self.positions[where[rows == wrong][0]])
                raise LakeError(
                    f"gold.sequences: documents, segments or loss spans of position {position} are outside the row",
                    "run the flow gold.sequences again",
                )
        if self.source.pads:
            pads = slice(self.rows - self.source.pads, None)
            labels[pads], loss_mask[pads], modality[pads] = IGNORED, 0.0, -1
            places[pads] = np.arange(self.length)
        return FullBatch(
            tokens=self.tokens,
            cu_seqlens=self.cu_seqlens,
            positions=self.positions,
            features=self.features,
            begin=self.begin,
            end=self.end,
            source=self.source,
            labels=torch.from_numpy(labels),
            loss_mask=torch.from_numpy(loss_mask),
            position_ids=torch.from_numpy(places),
            modality=torch.from_numpy(modality),
        )


@dataclass(frozen=True)
class FullBatch(Batch):
    """A batch with what a trainer derives from it.

    Args:
        labels: int64 [rows, length], the next id; `trainer.loader.labels.IGNORED` where it is no target.
        loss_mask: float32 [rows, length], weight of predicting the next id; 0 where it is no target.
        position_ids: int64 [rows, length], place in the document.
        modality: int8 [rows, length], index into `trainer.loader.labels.MODALITIES` of the document that the next id
            belongs to; -1 where there is none.
    """

    labels: torch.Tensor = field(kw_only=True)
    loss_mask: torch.Tensor = field(kw_only=True)
    position_ids: torch.Tensor = field(kw_only=True)
    modality: torch.Tensor = field(kw_only=True)

    def full(self) -> FullBatch:
        """Return the batch itself."""
        return self


def boundaries(source: RowSource, column: str, length: int) -> list[torch.Tensor]:
    """Return a column of boundaries as one int32 tensor a row; a pad row is one document of the whole length."""
    if source.pads and not source.parts:
        return [torch.tensor([0, length], dtype=torch.int32) for _ in range(source.pads)]
    lists = RowSource(source.parts, 0, source.buffers).lists(column)
    offsets = lists.offsets.to_numpy()
    # One copy for all rows: Arrow's memory may not be written to, a tensor's may.
    flat = torch.from_numpy(np.array(lists.values.to_numpy()[offsets[0] : offsets[-1]], np.int32))
    out = list(torch.split(flat, np.diff(offsets).tolist()))
    out += [torch.tensor([0, length], dtype=torch.int32) for _ in range(source.pads)]
    return out
