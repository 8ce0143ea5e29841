"""The entry point for ``spark-submit``, including code shipped as a zip in ``--py-files``.

Python imports from a zip, but flows have files beside their code (SQL, quotas, vocabularies) and compiled kernels are
kept beside it. So a driver that found the engine in a zip unpacks it and restarts from the folder.
"""

from __future__ import annotations

import atexit
import importlib
import os
import shutil
import sys
import tempfile
import zipfile
from pathlib import Path


def main() -> int:
    """Run the command line, and return its exit status."""
    unpack()
    command = importlib.import_module("lakehouse.cli.main").main
    status: int = command()
    return status


def unpack() -> None:
    """Replace zips of mixlake's or a team's code on the path by folders."""
    if "lakehouse" in sys.modules and not _zip_of(str(sys.modules["lakehouse"].__file__)):
        return
    for index, entry in enumerate(sys.path):
        if _holds_code(entry):
            folder = tempfile.mkdtemp(prefix="mixlake-code-")
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            with zipfile.ZipFile(entry) as archive:
                archive.extractall(folder)
            sys.path[index] = folder
            _configure(Path(folder))
    sys.path_importer_cache.clear()
    for name in [name for name in sys.modules if name.split(".", 1)[0] == "lakehouse"]:
        del sys.modules[name]
    importlib.invalidate_caches()


def _holds_code(entry: str) -> bool:
    if not entry or not Path(entry).is_file() or not zipfile.is_zipfile(entry):
        return False
    with zipfile.ZipFile(entry) as archive:  # and not Spark's own, or a library
        return "lakehouse/__init__.py" in archive.namelist()


def _configure(folder: Path) -> None:
    """Use the configuration shipped with the code where the driver's machine has none."""
    packed = folder / "mixlake.yaml"
    here = Path.cwd()
    own = any((place / packed.name).is_file() for place in (here, *here.parents))
    if packed.is_file() and not own:
        os.environ.setdefault("MIXLAKE_CONFIG", str(packed))


def _zip_of(file: str) -> bool:
    return any(parent.is_file() for parent in Path(file).parents)


if __name__ == "__main__":
    sys.exit(main())
