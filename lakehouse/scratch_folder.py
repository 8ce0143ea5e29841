"""Folders for what a process keeps on disk for a while, such as what a large sort spills.

They lie in the system's folder for temporary files (``TMPDIR``), can be read by this user only, and are deleted at the
end. What a killed process left there is deleted by the next one: each folder has a file on which its owner holds a
lock, which the kernel releases when the owner ends, however it ends.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import functools
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "mixlake-scratch-"
_LOCK = ".owner-is-alive"
# Seconds in which a folder's lock may be free, or missing, while its owner makes or deletes it.
_UNLOCKED = 60.0
_WITHOUT_LOCK = 86_400.0

# The folders that this process made, each with its process and the descriptor of its lock: a fork inherits the list.
_own: dict[Path, tuple[int, int]] = {}
_guard = threading.Lock()


@contextmanager
def scratch_folder(purpose: str) -> Iterator[Path]:
    """Make a folder that is deleted at the end.

    Args:
        purpose: A word for its name.
    """
    folder = new_scratch_folder(purpose)
    try:
        yield folder
    finally:
        delete_scratch_folder(folder)


def new_scratch_folder(purpose: str) -> Path:
    """Make a folder that `delete_scratch_folder`, or else the end of the process, deletes."""
    _sweep_once(os.getpid())
    folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
    lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with contextlib.suppress(OSError):  # a file system without locks: the folder is deleted at the end all the same
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    with _guard:
        _own[folder] = (os.getpid(), lock)
    return folder


def delete_scratch_folder(folder: Path) -> None:
    """Delete a folder of this process."""
    with _guard:
        _, lock = _own.pop(folder, (0, None))
    shutil.rmtree(folder, ignore_errors=True)
    if lock is not None:
        os.close(lock)


def delete_own_scratch_folders() -> None:
    """Delete all folders of this process, which is about to end."""
    for folder, (process, _) in list(_own.items()):
        if process == os.getpid():
            delete_scratch_folder(folder)


def sweep_scratch_folders() -> list[Path]:
    """Delete the folders of this user's processes that have ended, and return them."""
    deleted = []
    with contextlib.suppress(OSError), os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if entry.name.startswith(PREFIX) and _is_abandoned(entry):
                shutil.rmtree(entry.path, ignore_errors=True)
                deleted.append(Path(entry.path))
    return deleted


def _is_abandoned(entry: os.DirEntry[str]) -> bool:
    """Whether a folder is this user's, and the process that made it has ended."""
    try:
        status = entry.stat(follow_symlinks=False)
        age = time.time() - status.st_ctime
        if not entry.is_dir(follow_symlinks=False) or status.st_uid != os.getuid() or age < _UNLOCKED:
            return False
        lock = os.open(Path(entry.path, _LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:  # its owner was killed while it made or deleted it
        return age > _WITHOUT_LOCK
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(lock)
    return True


@functools.cache
def _sweep_once(process: int) -> None:  # noqa: ARG001 - once a process, a forked one too
    sweep_scratch_folders()
    atexit.register(delete_own_scratch_folders)
