"""What a person waits for on one machine: a first run of eight flows, nothing to do, one document changed.

Two hundred files of the running Python's library are landed as documents, cleaned, scored, signed and put in order by
seven flows, and compared for near-duplicates by an eighth. Each step is a command in a process of its own: the wait, and the CPU
seconds of all processes that the command started, the JVM among them. Each engine has a lake of its own. Beside it
stand two parts of such a run that no flow can be blamed for: planning, and a Spark session that starts and ends.

    python tests/bench/loop.py
    python tests/bench/loop.py --documents 2000 --engine embedded
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
from pathlib import Path

from _processes import Cost, adopt_children, cost

FLOWS = (
    "bronze.sources",
    "bronze.files",
    "bronze.documents",
    "silver.documents",
    "silver.document_scores",
    "silver.document_signatures",
    "silver.document_order",
    "silver.document_duplicates",
)
ENGINES = ("embedded", "spark", "auto")

PROJECT = """
params:
  bronze.sources: {packaged: false, files: [sources.yaml]}
"""

SOURCES = """
sources:
  library:
    connector: folder
    path: documents
    license: PSF-2.0
    license_file: LICENSE.txt
    modality: text
    kind: manual
    language: en
    include: ["**/*.txt"]
"""

SESSION = """
from pathlib import Path
from lakehouse import Lake
from lakehouse.spark.session import start, stop
start(Lake().config, Path("spark.log")).range(1).count()
stop()
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--engine", action="append", choices=ENGINES, help="by default all three")
    arguments = parser.parse_args()
    adopt_children()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make_project(root, arguments.documents)
        mixlake = (sys.executable, "-m", "lakehouse.cli.main")
        show("plan, no table yet", cost(root, *mixlake, "plan", *FLOWS))
        show("a Spark session", cost(root, sys.executable, "-c", SESSION))
        for engine in arguments.engine or ENGINES:
            flows = FLOWS
            run = (*mixlake, "--lake", engine, "run", *flows, "--engine", engine)
            show(f"{engine}: {len(flows)} flows, {arguments.documents} documents", cost(root, *run))
            show(f"{engine}: nothing changed", cost(root, *run))
            change(root / "documents" / "0.txt")
            show(f"{engine}: one document changed", cost(root, *run))


def make_project(root: Path, documents: int) -> None:
    """Write a project of a folder of documents, from the first files of the library by name."""
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(path for path in library.rglob("*.py") if "site-packages" not in path.parts and path.stat().st_size)
    (root / "documents").mkdir()
    (root / "documents" / "LICENSE.txt").write_text("Python Software Foundation License 2\n")
    for number, path in enumerate(files[:documents]):
        (root / "documents" / f"{number}.txt").write_bytes(path.read_bytes())
    (root / "mixlake.yaml").write_text(PROJECT)
    (root / "sources.yaml").write_text(SOURCES)


def change(path: Path) -> None:
    """Add a line to a document."""
    with path.open("a") as file:
        file.write("\nOne more line of text that was not there before.\n")


def show(what: str, costs: Cost) -> None:
    """Print one line."""
    print(f"{what:40s} {costs.wall:7.2f} s {costs.cpu:7.2f} CPU s", flush=True)


if __name__ == "__main__":
    main()
