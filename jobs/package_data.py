"""Files that lie beside the code: models and tables of facts, also where the code is imported from a zip.

Workers of a cluster import the project from the zip that the driver sends them, in which no path can be opened.
"""

from __future__ import annotations

import atexit
import functools
import hashlib
import pkgutil
import shutil
import tempfile
from pathlib import Path

import jobs


def package_bytes(path: Path) -> bytes:
    """Return the content of a file of the package.

    Args:
        path: Its place beside a module's ``__file__``.

    Raises:
        FileNotFoundError: If it is not there.
    """
    if path.is_file():
        return path.read_bytes()
    try:
        # By its name in the package: a worker's zip lies at "./NAME.zip", of which a path drops the dot.
        content = pkgutil.get_data("jobs", path.relative_to(Path(jobs.__file__).parent).as_posix())
    except (OSError, ValueError) as error:
        raise FileNotFoundError(path) from error
    if content is None:
        raise FileNotFoundError(path)
    return content


def package_digest(path: Path) -> str:
    """Return the SHA-256 of a file of the package in hex, for a flow's ``models``."""
    return hashlib.sha256(package_bytes(path)).hexdigest()


@functools.cache
def package_path(path: Path) -> Path:
    """Return where a library can open a file of the package: a copy, until the process ends, of one in a zip."""
    if path.is_file():
        return path
    folder = tempfile.mkdtemp(prefix="mixlake-data-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / path.name
    copy.write_bytes(package_bytes(path))
    return copy
