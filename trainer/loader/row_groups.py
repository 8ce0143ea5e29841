"""Row groups of a stage, opened once and kept while they are near: token bytes in place, lists by column."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.errors import LakeError
from trainer.loader.data_files import DataFiles
from trainer.loader.pages import plain_runs
from trainer.loader.position_index import read_positions
from trainer.loader.targets import TargetColumns

_AGAIN = "run the flow gold.sequences again"


@dataclass(frozen=True, slots=True)
class Inputs:
    """The continuous segments of a row group.

    Args:
        row: int64 [k], row in the group, ascending.
        segments: Struct array [k] of the segments.
    """

    row: np.ndarray
    segments: pa.StructArray


class Group:
    """One row group; of its rows, those of the stage.

    Args:
        files: Data files of the table.
        file: Which of them.
        group: Which row group of it.
        stage: The stage.

    Raises:
        LakeError: If a row's token bytes are not four times its length, or rows differ in length.
    """

    def __init__(self, files: DataFiles, file: int, group: int, stage: str) -> None:
        """Read positions and boundaries, and find the tokens."""
        self._files, self._file, self._group = files, file, group
        self._lock = threading.RLock()
        self._columns: dict[str, pa.Array] = {}
        self._inputs: Inputs | None = None
        self._targets: TargetColumns | None = None
        self.nbytes = 0
        parquet = files.parquet(file)
        self.n = int(parquet.metadata.row_group(group).num_rows)
        positions, rows = read_positions(parquet, group, stage)
        order = np.argsort(positions, kind="stable")
        self._positions, self._rows = positions[order], rows[order]
        self.length = self._row_length()
        self._tokens = self._open_tokens()

    def rows(self, positions: np.ndarray) -> np.ndarray:
        """Return the rows of the group that hold these positions, int64."""
        at = np.minimum(np.searchsorted(self._positions, positions), len(self._positions) - 1)
        if (self._positions[at] != positions).any():
            missing = positions[self._positions[at] != positions][0]
            raise LakeError(f"gold.sequences: position {missing} is not where the statistics say", _AGAIN)
        return self._rows[at]

    def copy_tokens(self, rows: np.ndarray, out: np.ndarray, where: np.ndarray) -> None:
        """Copy token bytes of rows to rows ``where`` of ``out``, uint8 [n, 4 * length]."""
        for view, begin in self._tokens:
            mine, to = rows, where
            if len(view) < self.n:
                inside = (rows >= begin) & (rows < begin + len(view))
                mine, to = rows[inside] - begin, where[inside]
            if len(mine) and _consecutive(mine) and _consecutive(to):
                out[to[0] : to[0] + len(to)] = view[mine[0] : mine[0] + len(mine)]
                continue
            for row, target in zip(mine.tolist(), to.tolist(), strict=True):
                out[target] = view[row]

    def column(self, name: str) -> pa.Array:
        """Return a column whole, one chunk; read at its first use."""
        with self._lock:
            if name not in self._columns:
                table = self._files.parquet(self._file).read_row_group(self._group, columns=[name], use_threads=False)
                self._columns[name] = _one(table.column(name))
                self.nbytes += self._columns[name].nbytes
            return self._columns[name]

    def inputs(self) -> Inputs:
        """Return the continuous segments; row groups that statistics prove free of them are not read for it."""
        with self._lock:
            if self._inputs is None:
                if self._only_tokens():
                    self._inputs = Inputs(np.empty(0, np.int64), pa.array([], pa.struct([])))
                else:
                    lists = self.column("segments")
                    flat = lists.flatten()
                    chosen = pc.fill_null(pc.equal(flat.field("role"), "input"), False)
                    row = pc.list_parent_indices(lists).filter(chosen).to_numpy().astype(np.int64)
                    self._inputs = Inputs(row, flat.filter(chosen))
                    self.nbytes += self._inputs.segments.nbytes
            return self._inputs

    def targets(self) -> TargetColumns:
        """Return what labels, loss weights, position ids and modalities derive from."""
        with self._lock:
            if self._targets is None:
                names = ("cu_seqlens_padded", "segments", "loss_spans")
                self._targets = TargetColumns.of(*map(self.column, names))
            return self._targets

    def _only_tokens(self) -> bool:
        metadata = self._files.parquet(self._file).metadata.row_group(self._group)
        for i in range(metadata.num_columns):
            column = metadata.column(i)
            path = column.path_in_schema
            if path.startswith("segments.") and path.endswith(".role"):
                statistics = column.statistics if column.is_stats_set else None
                return bool(
                    statistics is not None and statistics.has_min_max and statistics.min == statistics.max == "token"
                )
        return False

    def _row_length(self) -> int:
        lists = self.column("cu_seqlens_padded")
        offsets = lists.offsets.to_numpy()
        if (offsets[1:] <= offsets[:-1]).any():
            raise LakeError(f"gold.sequences: a row of {self._where} has no document boundaries", _AGAIN)
        ends = lists.values.to_numpy()[offsets[1:] - 1][self._rows]
        if (ends != ends[0]).any():
            raise LakeError(
                f"gold.sequences: rows of one stage are {int(ends[0])} and {int(ends[ends != ends[0]][0])} tokens long",
                _AGAIN,
            )
        return int(ends[0])

    def _open_tokens(self) -> list[tuple[np.ndarray, int]]:
        """Return views, uint8 [n, 4 * length], and the row that each begins at."""
        width = 4 * self.length
        metadata = self._files.parquet(self._file).metadata.row_group(self._group)
        mapped = self._files.mapped(self._file)
        if mapped is not None:
            column = next(
                (c for c in map(metadata.column, range(metadata.num_columns)) if c.path_in_schema == "tokens"), None
            )
            runs = plain_runs(mapped, column, self.n, width) if column is not None else None
            if runs is not None:
                begins = np.r_[0, np.cumsum([run.n for run in runs])]
                return [(run.view(mapped), int(begin)) for run, begin in zip(runs, begins, strict=False)]
        return self._decode_tokens(width)

    def _decode_tokens(self, width: int) -> list[tuple[np.ndarray, int]]:
        table = self._files.parquet(self._file).read_row_group(self._group, columns=["tokens"], use_threads=False)
        views, begin = [], 0
        for chunk in table.column("tokens").chunks:
            sizes = np.asarray(pc.fill_null(pc.binary_length(chunk), -1))
            wrong = np.flatnonzero(sizes != width)
            of_stage = wrong[np.isin(wrong + begin, self._rows)]
            if len(of_stage):
                position = self._positions[self._rows == of_stage[0] + begin][0]
                raise LakeError(
                    f"gold.sequences: the row at position {position} has {sizes[of_stage[0]]} bytes of tokens, "
                    f"not 4 x {self.length}",
                    _AGAIN,
                )
            if len(wrong):  # a stage of another length is in the same row group
                views += self._ragged(chunk, sizes, begin, width)
            elif len(chunk):
                views.append((_bytes_of(chunk, width), begin))
            begin += len(chunk)
        self.nbytes += sum(view.nbytes for view, _ in views)
        return views

    @staticmethod
    def _ragged(chunk: pa.Array, sizes: np.ndarray, begin: int, width: int) -> list[tuple[np.ndarray, int]]:
        same = np.flatnonzero(sizes == width)
        edges = np.flatnonzero(np.diff(same, prepend=-2) != 1)
        return [
            (_bytes_of(chunk.slice(int(part[0]), len(part)), width), begin + int(part[0]))
            for part in np.split(same, edges[1:])
            if len(part)
        ]

    @property
    def _where(self) -> str:
        return f"{self._files.paths[self._file]}, row group {self._group}"


class Groups:
    """Row groups kept by their decoded size, the least recently used leaving first.

    Args:
        files: Data files of the table.
        stage: The stage.
        keep_bytes: Decoded bytes to keep; mapped tokens count nothing.
        keep: Row groups to keep at most.
    """

    def __init__(self, files: DataFiles, stage: str, keep_bytes: int = 256 << 20, keep: int = 64) -> None:
        """Begin with none."""
        self._files, self._stage = files, stage
        self._keep_bytes, self._keep = keep_bytes, keep
        self._held: OrderedDict[tuple[int, int], Group] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, file: int, group: int) -> Group:
        """Return an open row group."""
        with self._lock:
            group_rows = self._held.get((file, group))
            if group_rows is None:
                group_rows = self._held[file, group] = Group(self._files, file, group, self._stage)
            self._held.move_to_end((file, group))
            while len(self._held) > 1 and (
                len(self._held) > self._keep or sum(held.nbytes for held in self._held.values()) > self._keep_bytes
            ):
                self._held.popitem(last=False)
            return group_rows


def _consecutive(numbers: np.ndarray) -> bool:
    return bool(numbers[-1] - numbers[0] + 1 == len(numbers) and (numbers[1:] - numbers[:-1] == 1).all())


def _one(column: pa.ChunkedArray) -> pa.Array:
    if column.num_chunks == 1:
        return column.chunk(0)
    combined: Any = column.combine_chunks()
    return combined.chunk(0) if isinstance(combined, pa.ChunkedArray) else combined


def _bytes_of(chunk: pa.Array, width: int) -> np.ndarray:
    """Return the values of a binary array of one width as uint8 [n, width], without copying."""
    _, offsets, data = chunk.buffers()
    kind = np.int64 if pa.types.is_large_binary(chunk.type) else np.int32
    begin = int(np.frombuffer(offsets, kind)[chunk.offset])
    return np.frombuffer(data, np.uint8)[begin : begin + len(chunk) * width].reshape(len(chunk), width)
