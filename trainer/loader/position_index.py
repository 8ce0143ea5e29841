"""Which file and row group hold a stored position.

The Delta log's minima and maxima say it for whole files, Parquet's for row groups; where a range is not
dense (compaction put distant rows side by side, a file holds several stages) the positions themselves are
read, eight bytes a row. The order of files and of rows in them does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from lakehouse.errors import LakeError
from trainer.loader.data_files import DataFiles

_WHOLE = -1


@dataclass(frozen=True, slots=True)
class Runs:
    """Ranges of positions in ascending order, and where each is stored.

    Args:
        lo: int64 [k], first position of a run.
        hi: int64 [k], one past its last.
        file: int32 [k].
        group: int32 [k], row group in the file; -1 where the run is spread over the file's groups.
    """

    lo: np.ndarray
    hi: np.ndarray
    file: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, runs: list[tuple[int, int, int, int]]) -> Runs:
        """Sort runs (lo, hi, file, group)."""
        table = np.array(sorted(runs), np.int64).reshape(-1, 4)
        return cls(table[:, 0], table[:, 1], table[:, 2].astype(np.int32), table[:, 3].astype(np.int32))

    def flaw(self, begin: int, end: int) -> str:
        """Say how the runs fail to cover [begin, end) once; empty where they do."""
        edge = np.r_[begin, self.hi]
        for expected, found in zip(edge, np.r_[self.lo, end], strict=True):
            if found > expected:
                return f"position {expected} is missing"
            if found < expected:
                return f"position {found} occurs more than once"
        return ""

    def find(self, positions: np.ndarray) -> np.ndarray:
        """Return the run of each position, int64."""
        return np.searchsorted(self.lo, positions, side="right") - 1


class StageIndex:
    """The rows of one stage.

    Args:
        actions: Files that may hold the stage, see `files_of_stage`.
        files: The same files, in the same order.
        stage: The stage.

    Raises:
        LakeError: If its positions are not dense from 0.
    """

    def __init__(self, actions: pa.Table, files: DataFiles, stage: str) -> None:
        """Find the runs of positions, from the log where it suffices."""
        self.stage = stage
        self._files = files
        self._of_file: dict[int, Runs] = {}
        dense = _dense(actions)
        low, high = (actions.column(f"{side}.position").to_pylist() for side in ("min", "max"))
        runs = [(low[file], high[file] + 1, file, _WHOLE) for file in np.flatnonzero(dense).tolist()]
        for file in np.flatnonzero(~dense).tolist():
            entries = self._read(file)
            self._of_file[file] = entries
            runs += zip(
                entries.lo.tolist(), entries.hi.tolist(), entries.file.tolist(), entries.group.tolist(), strict=True
            )
        self.runs = Runs.of(runs)
        self.rows = int(self.runs.hi[-1]) if runs else 0
        flaw = self.runs.flaw(0, self.rows)
        if flaw:
            raise LakeError(
                f"gold.sequences: stage {stage!r} is not dense: {flaw}", "run the flow gold.sequences again"
            )

    def locate(self, positions: np.ndarray) -> list[tuple[int, int, np.ndarray]]:
        """Return (file, row group, indices into ``positions``) for each row group that holds some of them."""
        at = self.runs.find(positions)
        out = []
        for run in np.unique(at).tolist() if len(at) and at.min() != at.max() else at[:1].tolist():
            inside = np.flatnonzero(at == run)
            file, group = int(self.runs.file[run]), int(self.runs.group[run])
            if group != _WHOLE:
                out.append((file, group, inside))
                continue
            runs = self._whole(file)
            groups = runs.group[runs.find(positions[inside])]
            out += [(file, group, inside[groups == group]) for group in np.unique(groups).tolist()]
        return _merged(out)

    def _whole(self, file: int) -> Runs:
        runs = self._of_file.get(file)
        if runs is None:
            runs = self._read(file)
            mine = np.flatnonzero((self.runs.file == file) & (self.runs.group == _WHOLE))[0]
            flaw = runs.flaw(int(self.runs.lo[mine]), int(self.runs.hi[mine]))
            if flaw:
                raise LakeError(
                    f"gold.sequences: {self._files.paths[file]} is not what the log says: {flaw}",
                    "run the flow gold.sequences again",
                )
            self._of_file[file] = runs
        return runs

    def _read(self, file: int) -> Runs:
        """Find the runs of a file, by row-group statistics where they suffice."""
        parquet = self._files.parquet(file)
        runs = []
        for group in range(parquet.num_row_groups):
            metadata = parquet.metadata.row_group(group)
            stage, position = (_statistics(metadata, name) for name in ("stage", "position"))
            if stage is not None and not stage[0] <= self.stage <= stage[1]:
                continue
            pure = stage is not None and stage[0] == stage[1]
            if pure and position is not None and position[1] - position[0] + 1 == metadata.num_rows:
                runs.append((position[0], position[1] + 1, file, group))
                continue
            positions = np.sort(read_positions(parquet, group, self.stage)[0])
            if not len(positions):
                continue
            first = np.flatnonzero(np.diff(positions, prepend=positions[0] - 2) != 1)
            last = positions[np.r_[first[1:], len(positions)] - 1]
            runs += [(lo, hi + 1, file, group) for lo, hi in zip(positions[first].tolist(), last.tolist(), strict=True)]
        return Runs.of(runs)


def read_positions(parquet: Any, group: int, stage: str) -> tuple[np.ndarray, np.ndarray]:
    """Read a row group's positions of a stage, int64 [k], and the rows in it that hold them, int64 [k]."""
    table = parquet.read_row_group(group, columns=["stage", "position"], use_threads=False)
    mine = pc.equal(table.column("stage"), stage).combine_chunks().to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(mine)
    return table.column("position").to_numpy()[rows].astype(np.int64, copy=False), rows


def _merged(parts: list[tuple[int, int, np.ndarray]]) -> list[tuple[int, int, np.ndarray]]:
    """Join the parts of one row group: it may contain several runs."""
    joined: dict[tuple[int, int], list[np.ndarray]] = {}
    for file, group, inside in parts:
        joined.setdefault((file, group), []).append(inside)
    if len(joined) == len(parts):
        return parts
    return [(file, group, np.sort(np.concatenate(some))) for (file, group), some in joined.items()]


def stage_names(actions: pa.Table, files: DataFiles) -> list[str]:
    """Return the stages that a table holds, sorted; files of several stages are read, one column."""
    names: set[str] = set()
    for file in range(actions.num_rows):
        low, high = (actions.column(f"{side}.stage")[file].as_py() for side in ("min", "max"))
        if low is not None and low == high:
            names.add(low)
        else:
            column = files.parquet(file).read(columns=["stage"], use_threads=False).column("stage")
            names.update(pc.unique(column).to_pylist())
    return sorted(names)


def add_actions(opened: DeltaTable) -> pa.Table:
    """Return a version's data files with the statistics that the log keeps; those that it lacks are null."""
    actions = pa.table(opened.get_add_actions(flatten=True))
    wanted = [
        ("path", pa.string()),
        ("size_bytes", pa.int64()),
        ("num_records", pa.int64()),
        *((f"{side}.stage", pa.string()) for side in ("min", "max")),
        *((f"{side}.position", pa.int64()) for side in ("min", "max")),
    ]
    present = set(actions.column_names)
    return pa.table(
        {
            name: actions.column(name).cast(kind) if name in present else pa.nulls(actions.num_rows, kind)
            for name, kind in wanted
        }
    )


def files_of_stage(actions: pa.Table, stage: str) -> pa.Table:
    """Return the files that may hold rows of a stage: those whose range of names takes it in, or is not known."""
    inside = pc.and_(
        pc.less_equal(actions.column("min.stage"), stage), pc.greater_equal(actions.column("max.stage"), stage)
    )
    return actions.filter(pc.fill_null(inside, True))


def _dense(actions: pa.Table) -> np.ndarray:
    """Say of each file whether the log proves that it holds one stage and all positions between its extremes."""
    span = pc.add(pc.subtract(actions.column("max.position"), actions.column("min.position")), 1)
    proven = pc.and_(
        pc.equal(actions.column("min.stage"), actions.column("max.stage")),
        pc.equal(span, actions.column("num_records")),
    )
    return np.asarray(pc.fill_null(proven, False).combine_chunks().to_numpy(zero_copy_only=False))


def _statistics(metadata: Any, name: str) -> tuple[Any, Any] | None:
    for i in range(metadata.num_columns):
        column = metadata.column(i)
        if column.path_in_schema == name:
            statistics = column.statistics if column.is_stats_set else None
            return (statistics.min, statistics.max) if statistics is not None and statistics.has_min_max else None
    return None
