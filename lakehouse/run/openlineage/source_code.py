"""Find a flow's source code and the git commit that has it."""

from __future__ import annotations

import inspect
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from lakehouse.declare.flow import Flow

_SECONDS = 5.0
# The short form that ssh takes: user@host:path.
_SHORT = re.compile(r"^(?P<user>[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)$")


@dataclass(frozen=True, slots=True)
class Place:
    """A file in a repository.

    Args:
        url: The repository's address, without a password.
        path: The file in it.
        commit: The commit that has the file unchanged.
    """

    url: str
    path: str
    commit: str


def text(flow: Flow) -> str:
    """Return the source of a flow's function, empty if it cannot be read."""
    try:
        return inspect.getsource(flow.function) if flow.function is not None else ""
    except (OSError, TypeError):
        return ""


def place(file: str) -> Place | None:
    """Return the repository of a file; None if no commit of one with an ``origin`` has the file unchanged."""
    path = Path(file)
    if not path.is_file():
        return None
    folder = path.resolve().parent
    top, _, head = (_git(folder, "rev-parse", "--show-toplevel", "HEAD") or "").partition("\n")
    url = address(_git(folder, "remote", "get-url", "origin") or "") if head else None
    if url is None or _git(folder, "status", "--porcelain", "--ignored", "--", path.name) != "":
        return None
    return Place(url, path.resolve().relative_to(Path(top).resolve()).as_posix(), head)


def address(remote: str) -> str | None:
    """Return a remote's address as a URL without credentials, None if it is a local path.

    Examples:
        >>> address("git@github.com:acme/flows.git")
        'ssh://git@github.com/acme/flows.git'
        >>> address("https://me:token@github.com/acme/flows.git")
        'https://github.com/acme/flows.git'
    """
    if "://" in remote:
        parts = urlsplit(remote)
        if parts.scheme == "file":
            return None
        host = parts.netloc.rpartition("@")[2]
        user = parts.username if parts.scheme == "ssh" else None
        return urlunsplit((parts.scheme, f"{user}@{host}" if user else host, parts.path, "", ""))
    short = _SHORT.match(remote)
    return f"ssh://{short['user'] or ''}{short['host']}/{short['path'].lstrip('/')}" if short else None


def _git(folder: Path, *words: str) -> str | None:
    """Return git's output, None if it fails or is not installed."""
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
