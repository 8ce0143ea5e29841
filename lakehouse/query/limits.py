"""How much time, memory and disk a statement may take."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass

from lakehouse.errors import LimitError, MixlakeError, UsageError

_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", re.IGNORECASE)
_SHARE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*%\s*")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_LEAST = 16 * 2**20  # bytes without which DuckDB does not start


@dataclass(frozen=True, slots=True)
class Limits:
    """What a statement may take.

    Args:
        seconds: From its start until its last row is read, None for any time.
        memory: Memory of the engine: a size such as ``4GB`` or ``512MiB``, or a share of the machine's such as ``50%``.
        disk: What it may spill to disk: a size, or a share of the space that is free.
    """

    seconds: float | None = None
    memory: str = "50%"
    disk: str = "50%"

    def memory_bytes(self, total: int) -> int:
        """Return the limit of memory on a machine with so many bytes.

        Raises:
            UsageError: If it is not a size or a share.
        """
        return max(parse_size(self.memory, total), _LEAST)

    def disk_bytes(self, folder: str) -> int:
        """Return the limit of what is spilled to a folder.

        Raises:
            UsageError: If it is not a size or a share.
        """
        return parse_size(self.disk, shutil.disk_usage(folder).free)


def parse_size(text: str, whole: int) -> int:
    """Return bytes.

    Args:
        text: A size, ``4GB`` (of powers of 1000) or ``4GiB`` (of 1024), or a share such as ``50%``.
        whole: Bytes of which a share is meant.

    Raises:
        UsageError: If it is neither.
    """
    if (share := _SHARE.fullmatch(text)) is not None and 0 < float(share[1]) <= 100:
        return int(whole * float(share[1]) / 100)
    if (size := _SIZE.fullmatch(text)) is not None and float(size[1]) > 0:
        return int(float(size[1]) * (1024 if size[3] else 1000) ** _POWERS[size[2].lower()])
    raise UsageError(f"{text!r} is not a size", "write one such as 4GB, 512MiB or 50%")


def time_error(limits: Limits) -> MixlakeError:
    """Return the error for a statement that took too long."""
    return LimitError(
        f"the statement did not end within {limits.seconds:g} seconds",
        "read fewer rows or columns, or give it more time with --timeout SECONDS",
    )


def memory_error(limits: Limits) -> MixlakeError:
    """Return the error for a statement that needs more memory than it may take."""
    return LimitError(
        f"the statement needs more memory than it may take ({limits.memory})",
        "read fewer rows or columns, or give it more with --memory SIZE",
    )


def disk_error(limits: Limits) -> MixlakeError:
    """Return the error for a statement that spills more than it may."""
    return LimitError(
        f"the statement spills more to disk than it may ({limits.disk})",
        "read fewer rows or columns, give it more memory with --memory SIZE, or more disk with --spill SIZE",
    )


def full_disk_error(folder: str) -> MixlakeError:
    """Return the error for a folder for temporary files that is full."""
    return LimitError(
        f"the statement spills to {folder}, where no space is left", "free space there, or set TMPDIR to another folder"
    )
