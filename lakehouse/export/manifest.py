"""The manifest of an export: its source and snapshot, its shards and their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from lakehouse.errors import ExportError
from lakehouse.export.format import Shard, ShardFile

# Spark, DuckDB and Arrow skip files that begin with an underscore when they read a folder.
MANIFEST = "_manifest.json"
LAYOUT = 1


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """A dataset in the manifest.

    Args:
        name: The table's name, or ``query``.
        rows: Rows of all shards.
        columns: Arrow type by column, as read from the lake.
        rules: What became of columns that the format cannot hold as they are.
        shards: The shards, in order.
    """

    name: str
    rows: int
    columns: Mapping[str, str]
    rules: tuple[str, ...]
    shards: tuple[Shard, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds.

    Args:
        request: What was exported and how; see `lakehouse.export.request.Request`.
        snapshot: What it was read from; see `lakehouse.export.snapshot.Snapshot`.
        datasets: The datasets.
        extra: Further files.
        created_at: When it was finished, ISO 8601.
    """

    request: Mapping[str, Any]
    snapshot: Mapping[str, Any]
    datasets: tuple[DatasetEntry, ...]
    extra: tuple[ShardFile, ...] = ()
    created_at: str = ""
    layout: int = field(default=LAYOUT)

    @property
    def rows(self) -> int:
        """Rows of all datasets."""
        return sum(dataset.rows for dataset in self.datasets)

    @property
    def files(self) -> list[ShardFile]:
        """All files, but for the manifest itself."""
        shards = (shard for dataset in self.datasets for shard in dataset.shards)
        return [*(file for shard in shards for file in shard.files), *self.extra]

    @property
    def digest(self) -> str:
        """SHA-256 over the names and digests of all files, sorted by name, 64 hex digits."""
        return files_digest(self.files)

    def as_dict(self) -> dict[str, Any]:
        """Return the manifest as it is written."""
        return {"layout": self.layout, "digest": self.digest, "rows": self.rows, **asdict(self)}

    def to_json(self) -> str:
        """Return the text of the manifest's file."""
        return json.dumps(self.as_dict(), ensure_ascii=False, indent=1, sort_keys=False) + "\n"


def files_digest(files: Iterable[ShardFile]) -> str:
    """Return SHA-256 over lines ``path TAB sha256`` of files, sorted by path."""
    lines = sorted(f"{file.path}\t{file.sha256}\n" for file in files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a folder, None where it has none.

    Raises:
        ExportError: If it is not a manifest, or names files outside the folder.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raise ExportError(f"{path} is not a manifest", "choose another folder, or move that file away") from None
    return parse_manifest(found, path)


def parse_manifest(found: Any, path: Path) -> Manifest:
    """Return a manifest from its JSON value.

    Raises:
        ExportError: If it is not a manifest, or names files outside the folder.
    """
    try:
        layout = int(found["layout"])
        if layout > LAYOUT:
            raise ExportError(f"{path} has layout {layout}; this mixlake reads up to {LAYOUT}", "install a newer one")
        datasets = tuple(
            DatasetEntry(
                entry["name"],
                int(entry["rows"]),
                dict(entry["columns"]),
                tuple(entry["rules"]),
                tuple(parse_shard(shard) for shard in entry["shards"]),
            )
            for entry in found["datasets"]
        )
        extra = tuple(ShardFile(**file) for file in found["extra"])
        manifest = Manifest(found["request"], found["snapshot"], datasets, extra, found["created_at"], layout)
        require_inside([file.path for file in manifest.files], path)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise ExportError(f"{path} is not a manifest", "choose another folder, or move that file away") from None
    return manifest


def parse_shard(value: Mapping[str, Any]) -> Shard:
    """Return a shard from its JSON value."""
    return Shard(int(value["rows"]), tuple(ShardFile(**file) for file in value["files"]), value["facts"])


def require_inside(paths: Sequence[str], place: Path) -> None:
    """Refuse names that lead out of a folder.

    Raises:
        ExportError: If one does.
    """
    for text in paths:
        path = PurePosixPath(text)
        if not text or path.is_absolute() or ".." in path.parts or "\0" in text:
            raise ExportError(f"{place} names {text!r}, which is outside its folder", "it was altered: delete it")
