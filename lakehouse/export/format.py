"""What an export format implements: its options, how rows become files, and what it does with types it lacks.

A package adds a format under the entry point group ``mixlake.export_formats``: the name, and an instance of
`ExportFormat`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from lakehouse.declare.contract import Table


@dataclass(frozen=True, slots=True)
class FormatOption:
    """An option of a format, given as ``--option NAME=VALUE``.

    Args:
        name: Its name.
        doc: What it does.
        default: Its value where none is given.
        choices: The values that it takes, empty for any text.
    """

    name: str
    doc: str
    default: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """Rows of one schema that are exported under one name.

    Args:
        name: The table's name, or ``query``.
        schema: Columns of the rows.
        contract: The table's declaration, None where there is none.
        alone: Whether it is the only dataset of the export.
    """

    name: str
    schema: pa.Schema
    contract: Table | None = None
    alone: bool = True


@dataclass(frozen=True, slots=True)
class Shard:
    """A finished shard.

    Args:
        rows: Rows that were read for it.
        files: Names, relative to the folder, with bytes and SHA-256 in hex.
        facts: What the format counted: numbers, or mappings of names to numbers.
    """

    rows: int
    files: tuple[ShardFile, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ShardFile:
    """A file of an export.

    Args:
        path: Its name, relative to the folder.
        bytes: Its size.
        sha256: Its digest, 64 hex digits.
    """

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ExportedDataset:
    """A dataset with its finished shards, in order."""

    dataset: Dataset
    shards: tuple[Shard, ...]

    @property
    def rows(self) -> int:
        """Rows of all shards."""
        return sum(shard.rows for shard in self.shards)


class ShardWriter(ABC):
    """Write the files of one shard."""

    @abstractmethod
    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows.

        Raises:
            ExportError: If the format cannot hold a value, and no option says what to do with it.
        """

    @abstractmethod
    def size(self) -> int:
        """Return the bytes written so far, about."""

    @abstractmethod
    def close(self) -> Mapping[str, Any]:
        """Finish the files, and return facts about the shard; see `Shard`."""


class Encoder(ABC):
    """How the rows of one dataset are written.

    Attributes:
        suffixes: One for each file of a shard.
        rules: What becomes of columns that the format cannot hold as they are, one sentence each.
    """

    suffixes: tuple[str, ...]
    rules: tuple[str, ...] = ()

    @abstractmethod
    def open(self, stem: Path) -> ShardWriter:
        """Begin a shard whose files are named by a stem and the suffixes."""

    def stem(self, index: int, count: int) -> str:  # noqa: ARG002 - some formats name the count
        """Return the name of a shard without suffix, relative to the dataset's folder."""
        return f"part-{index:05d}"


class ExportFormat(ABC):
    """A format of files.

    Attributes:
        name: The word after ``--format``.
        doc: What it is, in one line.
        types: How it treats types that it lacks, in a few sentences.
        options: Its options.
    """

    name: str
    doc: str
    types: str
    options: tuple[FormatOption, ...] = ()

    @abstractmethod
    def encoder(self, dataset: Dataset, options: Mapping[str, str]) -> Encoder:
        """Return how a dataset is written.

        Args:
            dataset: The dataset.
            options: A value for each of the format's options.

        Raises:
            ExportError: If the format cannot hold a column.
        """

    @abstractmethod
    def rows_in(self, files: Sequence[Path], options: Mapping[str, str]) -> int | None:
        """Read back how many rows a shard's files hold, None where the format does not keep rows apart.

        Raises:
            OSError: If a file cannot be read, or pyarrow's errors or a ValueError where it is not of the format.
        """

    def extra_files(
        self,
        datasets: Sequence[ExportedDataset],  # noqa: ARG002 - of formats that have such files
        options: Mapping[str, str],  # noqa: ARG002
        origin: Mapping[str, Any],  # noqa: ARG002
    ) -> Mapping[str, bytes]:
        """Return further files by name, such as a description; called when all shards are finished.

        Args:
            datasets: What was exported, under the final names.
            options: A value for each of the format's options.
            origin: The manifest's request and snapshot, under these names.

        Raises:
            ExportError: If the shards do not make a dataset of the format.
        """
        return {}
