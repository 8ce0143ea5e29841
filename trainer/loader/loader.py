"""`PackedLoader`: a release's packed rows as batches, a pure function of the position of training."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow.compute as pc
import torch

from lakehouse.errors import LakeError, ReleaseError, UsageError
from lakehouse.lake import Lake
from schemas.mixture import sequences
from schemas.samples import vocabulary
from trainer.loader.batch import Batch, RowSource, boundaries
from trainer.loader.buffers import Buffers
from trainer.loader.data_files import DataFiles
from trainer.loader.features import Decoder, Media
from trainer.loader.order import rank_rows, stored_positions
from trainer.loader.pinned_release import ReleaseLike, Snapshot, open_snapshot
from trainer.loader.position_index import StageIndex, add_actions, files_of_stage, stage_names
from trainer.loader.row_groups import Groups
from trainer.loader.state import DIGEST_DIGITS, LoaderState

if TYPE_CHECKING:
    from deltalake import DeltaTable

PAD_TOKEN = "<|pad|>"  # noqa: S105 - a token of the vocabulary


class PackedLoader:
    """One rank's batches of one stage of a release.

    Step ``k`` holds places ``[start + k * global_batch, start + (k + 1) * global_batch)`` of the training
    order; rank r takes those whose place in the step is congruent to r modulo the world, so the union over
    ranks is the same at any world size, and a run that stops after any row goes on from it at any other.
    Every rank has ``ceil(global_batch / world)`` rows in every step: rows that a step lacks are pad rows.

    Args:
        lake: The lake, or its place.
        release: Name of the release, or one that is open already; a mapping of versions by table also does.
        stage: The stage.
        seed: Order of its rows: 0 is the stored order, another seed permutes within blocks of 256 rows.
        rank: This rank.
        world: Ranks that share each step.
        global_batch: Rows of a step, over all ranks.
        start: Rows of the training order that were seen before.
        prefetch: Steps made ahead in a thread; 0 makes each when it is needed.
        features: Whether media are decoded.
        epochs: Passes over the stage; None never ends.
        threads: Decoding threads.
        media: Where media come from instead of the release's addresses.
        storage_options: Options of the object store; by default the lake's.

    Raises:
        UsageError: If there is no such stage, or a number is out of its range.
        ReleaseError: If there is no such release, or a data file of it is missing.
        LakeError: If the table is written in a way that would be read wrong, or its positions are not dense.

    Examples:
        >>> loader = PackedLoader("./lake", "mix-1", "cold", world=8, rank=3)  # doctest: +SKIP
        >>> for batch in loader:  # doctest: +SKIP
        ...     full = batch.full()
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a batch is a function of
        self,
        lake: str | Lake,
        release: str | ReleaseLike | Mapping[str, int],
        stage: str,
        seed: int = 0,
        rank: int = 0,
        world: int = 1,
        global_batch: int = 64,
        start: int = 0,
        *,
        prefetch: int = 2,
        features: bool = True,
        epochs: int | None = 1,
        threads: int = 4,
        media: Media | None = None,
        storage_options: dict[str, str] | None = None,
    ) -> None:
        """Open the stage: its log, its files' places, no row yet."""
        _check_ranges(rank, world, global_batch, start, prefetch, epochs)
        self._snapshot = open_snapshot(lake, release, storage_options)
        self.stage, self.seed = stage, seed
        self.rank, self.world, self.global_batch, self.start = rank, world, global_batch, start
        self._index, self._groups = _open_stage(self._snapshot, stage)
        self.rows = self._index.rows
        self.places = None if epochs is None else epochs * self.rows
        if self.places is not None and start > self.places:
            raise UsageError(
                f"start {start} is past the {self.places} rows of stage {stage!r}", "start is counted in rows"
            )
        self._prefetch = prefetch
        self._decoder = Decoder(self._snapshot, media, threads) if features else None
        self._buffers = Buffers(keep=4 * (prefetch + 2))
        self._done = 0
        if global_batch % world or (self.places is not None and (self.places - start) % global_batch):
            self._pad_id  # noqa: B018 - its absence is reported at once, not at the end of the stage

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], lake: str | Lake, release: str | ReleaseLike | Mapping[str, int], **options: Any
    ) -> Self:
        """Resume from a state, at any rank, world and batch size.

        Args:
            state: What `state_dict` gave.
            lake: The lake, or its place.
            release: The release that the state was made on.
            **options: Arguments of `PackedLoader` but stage, seed and start.

        Raises:
            ReleaseError: If the release holds other rows than the state's.
        """
        loader_state = LoaderState.from_dict(state)
        opened = open_snapshot(lake, release, options.get("storage_options"))
        if opened.digest[:DIGEST_DIGITS] != loader_state.digest:
            raise ReleaseError(
                f"the loader state is of a release with digest {loader_state.digest}, "
                f"release {opened.name} has {opened.digest[:DIGEST_DIGITS]}",
                "resume on the release that training began with, see mixlake release list",
            )
        return cls(lake, opened, loader_state.stage, loader_state.seed, start=loader_state.position, **options)

    @property
    def digest(self) -> str:
        """Digest of the release."""
        return self._snapshot.digest

    @functools.cached_property
    def row_length(self) -> int:
        """Tokens of a row."""
        ((file, group, _),) = self._index.locate(np.zeros(1, np.int64))
        return self._groups.get(file, group).length

    @property
    def position(self) -> int:
        """Rows of finished steps, over all ranks and epochs: those of the batches handed out."""
        return self._edge(self._done)

    @property
    def last_positions(self) -> np.ndarray:
        """Stored positions of the last batch's step, over all ranks, int64; for ``ledger.training_steps``."""
        return self.step_rows(self._done - 1) if self._done else np.empty(0, np.int64)

    def __len__(self) -> int:
        """Return the steps from ``start`` to the end.

        Raises:
            TypeError: If there is no end.
        """
        if self.places is None:
            raise TypeError("a loader with epochs=None has no end")
        return (self.places - self.start + self.global_batch - 1) // self.global_batch

    def __iter__(self) -> Iterator[Batch]:
        """Hand out the steps that are left, this rank's rows of each."""
        if self._prefetch == 0:
            while not self._ended(self._done):
                yield self._hand_out(self.step(self._done))
            return
        pool = ThreadPoolExecutor(1, "mixlake-loader")
        waiting: deque[Future[Batch]] = deque()
        following = self._done
        try:
            while True:
                while len(waiting) <= self._prefetch and not self._ended(following):
                    waiting.append(pool.submit(self.step, following))
                    following += 1
                if not waiting:
                    return
                yield self._hand_out(waiting.popleft().result())
        finally:
            pool.shutdown(wait=True, cancel_futures=True)

    def step(self, step: int) -> Batch:
        """Return this rank's rows of a step, counted from ``start``; changes no state.

        Raises:
            LakeError: If a row is damaged, or a medium cannot be decoded.
        """
        begin, end = self._edge(step), self._edge(step + 1)
        mine = rank_rows(self.step_rows(step), rank=self.rank, world=self.world, global_batch=self.global_batch)
        real = mine[mine >= 0]
        parts = []
        for file, group, where in self._index.locate(real):
            opened = self._groups.get(file, group)
            parts.append((opened, opened.rows(real[where]), where))
        source = RowSource(tuple(parts), len(mine) - len(real), self._buffers)
        length = parts[0][0].length if parts else self.row_length
        tokens = self._buffers.take((len(mine), length), np.int32)
        for opened, rows, where in parts:
            if opened.length != length:
                raise LakeError(
                    f"gold.sequences: rows of stage {self.stage!r} are {length} and {opened.length} tokens long",
                    "run the flow gold.sequences again",
                )
            opened.copy_tokens(rows, tokens.view(np.uint8), where)
        if source.pads:
            tokens[len(real) :] = self._pad_id
        return Batch(
            tokens=torch.from_numpy(tokens),
            cu_seqlens=boundaries(source, "cu_seqlens", length),
            positions=torch.from_numpy(mine),
            features=self._decoder.features(source, mine, length) if self._decoder else {},
            begin=begin,
            end=end,
            source=source,
        )

    def step_rows(self, step: int) -> np.ndarray:
        """Return the stored positions of a step over all ranks, in the training order, int64."""
        return stored_positions(self._edge(step), self._edge(step + 1), rows=self.rows, seed=self.seed)

    def state_dict(self) -> dict[str, str | int]:
        """Return the position of training; save it when the optimizer has made the last batch's step.

        A batch counts once it was handed out, whatever was made ahead of it.
        """
        return LoaderState(self.digest[:DIGEST_DIGITS], self.stage, self.seed, self.position).as_dict()

    def close(self) -> None:
        """End the decoding threads."""
        if self._decoder:
            self._decoder.close()

    @functools.cached_property
    def _pad_id(self) -> int:
        rows = self._snapshot.read(vocabulary, ["begin"], pc.field("name") == PAD_TOKEN)
        if rows.num_rows != 1:
            raise LakeError(f"gold.vocabulary has no {PAD_TOKEN}, which fills pad rows", "declare it and run its flow")
        return int(rows.column("begin")[0].as_py())

    def _edge(self, step: int) -> int:
        place = self.start + step * self.global_batch
        return place if self.places is None else min(place, self.places)

    def _ended(self, step: int) -> bool:
        return self.places is not None and self._edge(step) >= self.places

    def _hand_out(self, batch: Batch) -> Batch:
        self._done += 1
        return batch


def _open_stage(snapshot: Snapshot, stage: str) -> tuple[StageIndex, Groups]:
    opened: DeltaTable = snapshot.open(sequences)
    options = dict(snapshot.storage_options) if snapshot.storage_options else None
    what = f"release {snapshot.name}, {sequences.name}"
    actions = add_actions(opened)
    chosen = files_of_stage(actions, stage)
    files = DataFiles(opened, chosen, storage_options=options, what=what)
    index = StageIndex(chosen, files, stage)
    if not index.rows:
        names = stage_names(actions, DataFiles(opened, actions, storage_options=options, what=what))
        raise UsageError(
            f"there is no stage {stage!r} in release {snapshot.name}", f"its stages are: {', '.join(names) or 'none'}"
        )
    return index, Groups(files, stage)


def _check_ranges(rank: int, world: int, global_batch: int, start: int, prefetch: int, epochs: int | None) -> None:
    checks = (
        (world >= 1, f"world is {world}", "give the number of ranks, at least 1"),
        (0 <= rank < world, f"rank is {rank} of {world}", "ranks count from 0 to world - 1"),
        (global_batch >= 1, f"global_batch is {global_batch}", "give the rows of a step, at least 1"),
        (start >= 0, f"start is {start}", "give the rows seen before, 0 at the beginning"),
        (prefetch >= 0, f"prefetch is {prefetch}", "give the steps to make ahead, 0 for none"),
        (epochs is None or epochs >= 1, f"epochs is {epochs}", "give the passes over the stage, or None"),
    )
    for holds, message, hint in checks:
        if not holds:
            raise UsageError(message, hint)
