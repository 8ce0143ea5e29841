"""Where rows come from: a loader, and what else a trainer needs from the release."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow.compute as pc

from lakehouse.errors import ReleaseError
from lakehouse.lake import Lake
from lakehouse.ledger.releases import Release, load_release
from trainer.data.microbatch import Batch
from trainer.distributed.process_group import Layout
from trainer.loader.loader import PackedLoader
from trainer.recipe.recipe import Data

VOCABULARY = "gold.vocabulary"


class Loader(Protocol):
    """What a trainer needs of `trainer.loader.PackedLoader`."""

    def __iter__(self) -> Any:
        """Return an iterator over this rank's batches."""
        ...

    def state_dict(self) -> Mapping[str, Any]:
        """Return digest, stage, seed and position."""
        ...


@dataclass(frozen=True, slots=True)
class Source:
    """A loader with the release that it reads.

    Args:
        loader: This rank's batches.
        release: Name of the release.
        digest: Its digest.
        vocabulary: Token ids.
    """

    loader: Loader
    release: str
    digest: str
    vocabulary: int

    def batches(self) -> Iterable[Batch]:
        """Return this rank's batches in order."""
        return self.loader


def open_source(lake: Lake, release: str, data: Data, layout: Layout, state: Mapping[str, Any] | None) -> Source:
    """Open a release for this process.

    Args:
        lake: The lake.
        release: Name of the release.
        data: What is trained on.
        layout: This process among the others.
        state: The loader's state in a checkpoint, None for the stage's beginning.

    Raises:
        ReleaseError: If there is no such release, or the state is of another.
    """
    opened = load_release(lake.catalog, release)
    share: dict[str, Any] = {
        "rank": layout.data_rank,
        "world": layout.data_world,
        "global_batch": data.global_batch,
        "epochs": data.epochs,
    }
    if state is None:
        loader = PackedLoader(lake, release, data.stage, data.seed, **share)
    else:
        loader = PackedLoader.from_state(state, lake, release, **share)
    return Source(loader, release, opened.digest, vocabulary_size(lake, opened))


def vocabulary_size(lake: Lake, release: Release) -> int:
    """Return the number of token ids that a release declares.

    Raises:
        ReleaseError: If it has no vocabulary.
    """
    if VOCABULARY not in release.tables:
        raise ReleaseError(
            f"the release {release.name} has no {VOCABULARY}", "create one that holds all of the gold layer"
        )
    rows = lake.catalog.open(VOCABULARY, release.tables[VOCABULARY]).to_pyarrow_table(columns=["end"])
    size = pc.max(rows["end"]).as_py()
    if not size:
        raise ReleaseError(f"{VOCABULARY} of the release {release.name} is empty", "run the flow that writes it")
    return int(size)
