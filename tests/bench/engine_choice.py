"""From which size on Spark on one machine is quicker than the embedded engine: what `engine: auto` goes by.

A table of texts of a few kilobytes lies in the lake. An operator normalises and hashes them, and a portable SQL flow
groups what that wrote. Each engine runs both in a process of its own into a lake of its own, so that Spark's start
counts, as it does for a person; then once more after a hundredth of the texts changed.

    python tests/bench/engine_choice.py                     # 64, 256 and 1,024 MiB of text
    python tests/bench/engine_choice.py --mib 4096
"""

from __future__ import annotations

import argparse
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
from _processes import Cost, adopt_children, cost
from deltalake import DeltaTable, write_deltalake

PACKAGE = "bench_engine_choice"
MODULE = """
import hashlib
import unicodedata

import pyarrow as pa

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
TEXT = Column("text", pa.string(), "Text.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
texts = Table("bronze.texts", doc="A text.", columns=[ID, TEXT, RUN], key=["sample_id"])
normal = Table(
    "silver.normal", doc="A normalised text.",
    columns=[ID, TEXT, Column("digest", pa.string(), "Hash."), Column("size", pa.int64(), "Characters."), RUN],
    key=["sample_id"],
)
sizes = Table(
    "gold.sizes", doc="Texts of a size.",
    columns=[Column("bits", pa.string(), "First digit of the hash."), Column("n", pa.int64(), "Texts."),
             Column("characters", pa.int64(), "Characters."), RUN],
    key=["bits"],
)


@flow(writes=normal, reads={"texts": texts})
def normalise(batch, params):
    texts = [unicodedata.normalize("NFC", text) for text in batch["text"].to_pylist()]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    sizes = pa.array(map(len, texts), pa.int64())
    return pa.record_batch({"sample_id": batch["sample_id"], "text": texts, "digest": digests, "size": sizes})
"""
SQL = """-- dialect: portable
SELECT substr(digest, 1, 1) AS bits, count(*) AS n, sum(size) AS characters FROM silver.normal GROUP BY 1
"""
ENGINES = ("embedded", "spark")
PIECE_BYTES = 64 << 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, nargs="+", default=[64, 256, 1024], help="text in the lake")
    arguments = parser.parse_args()
    adopt_children()
    for mib in arguments.mib:
        with tempfile.TemporaryDirectory() as folder:
            compare(Path(folder), mib)


def compare(root: Path, mib: int) -> None:
    """Run both engines over so much text, and over a change of it."""
    (root / f"{PACKAGE}.py").write_text(MODULE)
    (root / "gold.sizes.sql").write_text(SQL)
    (root / "mixlake.yaml").write_text(f"modules: [{PACKAGE}]\nsql: [gold.sizes.sql]\n")
    first, other = (root / engine for engine in ENGINES)
    write_texts(root, first, mib)
    shutil.copytree(first, other)
    stored = sum(path.stat().st_size for path in first.rglob("*.parquet"))
    print(f"{mib} MiB of text, {stored / 2**20:.0f} MiB of files")
    costs = [run(root, engine) for engine in ENGINES]
    show("all rows", costs)
    for engine in ENGINES:
        table = DeltaTable(str(root / engine / "bronze" / "texts"))
        table.update({"text": "text || '.'"}, predicate="sample_id LIKE '00%'")
    show("1 row of 100", [run(root, engine) for engine in ENGINES])


def write_texts(root: Path, lake: Path, mib: int) -> None:
    """Write texts that are made of lines of the library, each another choice of them."""
    from lakehouse.declare.config import load_config
    from lakehouse.delta.append import create
    from lakehouse.lake import Lake

    project = Lake(str(lake), load_config(root)).project
    create(project.catalog, project.registry.tables["bronze.texts"])
    files = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))
    lines = "\n".join(path.read_text(errors="replace") for path in files).split("\n")
    chance = np.random.default_rng(0)
    number = 0
    for begin in range(0, mib << 20, PIECE_BYTES):
        left = min(PIECE_BYTES, (mib << 20) - begin)
        ids, texts = [], []
        while left > 0:
            at = chance.integers(0, len(lines) - 300, 4)
            texts.append("\n".join(line for place in at for line in lines[place : place + 30]))
            ids.append(f"{number * 7_919 % 100:02d}{number:010d}")
            left -= len(texts[-1])
            number += 1
        piece = pa.table({"sample_id": ids, "text": texts, "run_id": pa.repeat("made", len(ids))})
        write_deltalake(project.catalog.table_uri("bronze.texts"), piece, mode="append")


def run(root: Path, engine: str) -> Cost:
    """Run all flows with an engine, in a process of its own."""
    return cost(root, sys.executable, "-m", "lakehouse.cli.main", "--lake", engine, "run", "--engine", engine, *FLOWS)


FLOWS = ("silver.normal", "gold.sizes")


def show(what: str, costs: list[Cost]) -> None:
    """Print one line."""
    shown = "   ".join(f"{name} {c.wall:7.2f} s {c.cpu:7.2f} CPU s" for name, c in zip(ENGINES, costs, strict=True))
    print(f"  {what:14s} {shown}   embedded/spark {costs[0].wall / costs[1].wall:.2f}", flush=True)


if __name__ == "__main__":
    main()
