"""The state of an unfinished export, in a hidden folder beside its files.

``request.json`` says what is exported and from which snapshot, ``shards.jsonl`` names the finished shards, one a line;
a line that was cut off by a kill is disregarded with its shard. Files of shards bear the index of their dataset.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from lakehouse.errors import ExportError
from lakehouse.export.format import Shard
from lakehouse.export.manifest import parse_shard, require_inside
from lakehouse.export.request import Request
from lakehouse.export.rows import is_stored
from lakehouse.export.snapshot import Snapshot

NAME = ".mixlake-export"
_REQUEST = "request.json"
_SHARDS = "shards.jsonl"
_PUBLISH = "publish.json"


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An export that has begun.

    Args:
        request: What `Request.as_dict` returned.
        snapshot: What it reads.
        replaced: Files of an earlier export that it replaces.
    """

    request: Mapping[str, Any]
    snapshot: Snapshot
    replaced: tuple[str, ...] = ()


class WorkFolder:
    """The work folder of an export, locked for one process.

    Args:
        folder: The export's folder, which must exist.

    Raises:
        ExportError: If another process is exporting into the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.path.mkdir(exist_ok=True)
        self._journal: IO[bytes] | None = None
        self._lock: IO[str] | None = (self.path / "lock").open("w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise ExportError(f"another process exports into {folder}", "wait for it, or take another folder") from None

    def release(self) -> None:
        """Close the files, and give up the lock."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def begun(self) -> bool:
        """Whether there is an unfinished export."""
        return (self.path / _REQUEST).exists()

    def has_progress(self) -> bool:
        """Whether there is anything that a later attempt need not do again."""
        return (self.path / _SHARDS).exists() or any(map(is_stored, self.path.glob("rows-*")))

    def read(self) -> Unfinished | None:
        """Return the unfinished export, None where there is none.

        Raises:
            ExportError: If the state cannot be read.
        """
        try:
            state = json.loads((self.path / _REQUEST).read_text(encoding="utf-8"))
            return Unfinished(state["request"], Snapshot(**state["snapshot"]), tuple(state["replaced"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            raise ExportError(f"{self.path} is damaged", "delete it to start over") from None

    def begin(self, request: Request, snapshot: Snapshot, replaced: Sequence[str]) -> Unfinished:
        """Record what is exported, and which files it replaces."""
        self.clear()
        begun = Unfinished(request.as_dict(), snapshot, tuple(replaced))
        write_json(self.path / _REQUEST, {**asdict(begun), "snapshot": snapshot.as_dict()})
        return begun

    def clear(self) -> None:
        """Delete all state but for the lock."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        # The request goes first: what is left without it is of no export.
        for name in (_REQUEST, _PUBLISH, _SHARDS):
            (self.path / name).unlink(missing_ok=True)
        for entry in self.path.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != "lock":
                entry.unlink()

    def remove(self) -> None:
        """Delete the folder, if it is there."""
        if not self.path.exists():
            return
        self.clear()
        (self.path / "lock").unlink(missing_ok=True)
        self.path.rmdir()
        self.release()

    def rows_folder(self, dataset: int) -> Path:
        """Return the folder for the rows of a query."""
        return self.path / f"rows-{dataset:03d}"

    def shard_stem(self, dataset: int, shard: int) -> Path:
        """Return the path of a shard's files without suffix."""
        return self.path / f"shard-{dataset:03d}-{shard:06d}"

    def shards(self, dataset: int) -> tuple[list[Shard], bool]:
        """Return the finished shards of a dataset, in order, and whether there are no more to come."""
        found: list[Shard] = []
        for line in self._lines():
            if line["dataset"] != dataset:
                continue
            if line.get("end"):
                return found, True
            shard = parse_shard(line["shard"])
            require_inside([file.path for file in shard.files], self.path)
            found.append(shard)
        return found, False

    def add(self, dataset: int, shard: Shard) -> None:
        """Record a finished shard."""
        self._append({"dataset": dataset, "shard": asdict(shard)})

    def end(self, dataset: int) -> None:
        """Record that a dataset has no more shards."""
        self._append({"dataset": dataset, "end": True})

    def publishing(self) -> Mapping[str, Any] | None:
        """Return what `publish` wrote, None where shards are not all finished."""
        try:
            found: Mapping[str, Any] = json.loads((self.path / _PUBLISH).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return found

    def publish(self, value: Mapping[str, Any]) -> None:
        """Record that finished shards are about to be moved into place."""
        write_json(self.path / _PUBLISH, value)

    def _lines(self) -> list[dict[str, Any]]:
        try:
            *whole, _ = (self.path / _SHARDS).read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        try:
            return [json.loads(line) for line in whole]
        except ValueError:
            raise ExportError(f"{self.path} is damaged", "delete it to start over") from None

    def _append(self, value: Mapping[str, Any]) -> None:
        if self._journal is None:
            self._journal = (self.path / _SHARDS).open("a+b")
            # A line that a kill cut off would run into this one.
            self._journal.seek(0)
            written = self._journal.read()
            self._journal.truncate(len(written) - len(written.rpartition(b"\n")[2]))
        self._journal.write(json.dumps(value).encode() + b"\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file as a whole: a stop leaves the old one or the new one."""
    write_file(path, (json.dumps(value, ensure_ascii=False) + "\n").encode())


def write_file(path: Path, data: bytes) -> None:
    """Write a file as a whole: a stop leaves the old one or the new one."""
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as sink:
        sink.write(data)
        sink.flush()
        os.fsync(sink.fileno())
    partial.replace(path)
