"""Many small rows through an operator flow, then a change of few of them: the embedded engine against delta-rs by hand.

A table of ids and numbers lies in the lake. A flow doubles the numbers, first of all rows, then of a hundredth that was
changed here and there. By hand the same is done with what such a program would use: Arrow batches of the source written
by delta-rs, then the change feed read and merged into the table by delta-rs. What the flow does beyond that: it checks
rows, digests their content, compares them with stored rows by key, and commits a note.

    python tests/bench/small_rows.py                  # 1,000,000 rows
    python tests/bench/small_rows.py --rows 1e7
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake

if TYPE_CHECKING:
    from lakehouse.lake import Lake

PACKAGE = "bench_small_rows"
MODULE = """
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
N = Column("n", pa.int64(), "Number.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
numbers = Table("bronze.numbers", doc="A number.", columns=[ID, N, RUN], key=["sample_id"])
doubled = Table("silver.doubled", doc="Twice a number.", columns=[ID, N, RUN], key=["sample_id"])


@flow(writes=doubled, reads={"numbers": numbers})
def double(batch, params):
    return pa.record_batch({"sample_id": batch["sample_id"], "n": pc.multiply(batch["n"], 2)})
"""
FEED = {"delta.enableChangeDataFeed": "true"}
PIECE = 1_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=1e6)
    parser.add_argument("--share", type=float, default=0.01, help="share of them that is changed")
    arguments = parser.parse_args()
    rows, every = int(arguments.rows), max(1, round(1 / arguments.share))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"{PACKAGE}.py").write_text(MODULE)
        (root / "mixlake.yaml").write_text(f"modules: [{PACKAGE}]\nengine: embedded\n")
        run(open_lake(root, "warm", 1000))
        lake = open_lake(root, "lake", rows)
        source = lake.catalog.table_uri("bronze.numbers")
        target = str(root / "by_hand")
        flow = cost(lambda: run(lake))
        hand = cost(lambda: write_by_hand(source, target))
        show(f"{rows:,} rows", flow, hand)
        change(source, every)
        flow = cost(lambda: run(lake))
        hand = cost(lambda: merge_by_hand(source, target))
        show(f"{rows // every:,} of them changed", flow, hand)
        compare(lake, target)
    print(f"most memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.1f} GiB")


def open_lake(root: Path, name: str, rows: int) -> Lake:
    from lakehouse.declare import discovery
    from lakehouse.declare.config import load_config
    from lakehouse.delta.append import create
    from lakehouse.lake import Lake

    discovery._entry_points = lambda group: []
    lake = Lake(str(root / name), replace(load_config(root)))
    numbers = lake.registry.tables["bronze.numbers"]
    create(lake.catalog, numbers)
    for begin in range(0, rows, PIECE):
        ids = np.arange(begin, min(begin + PIECE, rows))
        # Ids that are spread over all files, as digests are.
        text = pc.utf8_lpad(pa.array(ids * 7_919 % 1_000_000_007).cast(pa.string()), 12, "0")
        piece = pa.table({"sample_id": text, "n": ids, "run_id": pa.repeat("made", len(ids))})
        write_deltalake(lake.catalog.table_uri(numbers.name), piece, mode="append")
    return lake


def run(lake: Lake) -> None:
    (result,) = lake.run().results
    if result.status != "done":
        raise SystemExit(f"{result.status}: {result.error}")


def change(source: str, every: int) -> None:
    DeltaTable(source).update({"n": "n + 1"}, predicate=f"n % {every} = 1")


def doubled(batch: pa.RecordBatch) -> pa.RecordBatch:
    return pa.record_batch(
        {
            "sample_id": batch["sample_id"],
            "n": pc.multiply(batch["n"], 2),
            "run_id": pa.repeat("by hand", batch.num_rows),
        }
    )


def write_by_hand(source: str, target: str) -> None:
    scanner = DeltaTable(source).to_pyarrow_dataset().scanner(["sample_id", "n"])
    schema = pa.schema([("sample_id", pa.string()), ("n", pa.int64()), ("run_id", pa.string())])
    reader = pa.RecordBatchReader.from_batches(schema, (doubled(batch) for batch in scanner.to_batches()))
    write_deltalake(target, reader, configuration=FEED)


def merge_by_hand(source: str, target: str) -> None:
    table = DeltaTable(source)
    feed = pa.table(table.load_cdf(starting_version=table.version(), ending_version=table.version()))
    feed = feed.select(["sample_id", "n", "_change_type"]).cast(
        pa.schema([("sample_id", pa.string()), ("n", pa.int64()), ("_change_type", pa.string())])
    )
    (batch,) = feed.filter(pc.equal(feed["_change_type"], "update_postimage")).combine_chunks().to_batches()
    changed = pa.Table.from_batches([doubled(batch)])
    (
        DeltaTable(target)
        .merge(changed, "t.sample_id = s.sample_id", source_alias="s", target_alias="t")
        .when_matched_update_all()
        .when_not_matched_insert_all()
        .execute()
    )


def compare(lake: Lake, target: str) -> None:
    """Refuse figures of work that came to other rows."""
    sums = []
    for uri in (lake.catalog.table_uri("silver.doubled"), target):
        rows = pa.table(DeltaTable(uri).to_pyarrow_dataset().to_table(["sample_id", "n"]))
        sums.append((rows.num_rows, pc.sum(rows["n"]).as_py(), pc.count_distinct(rows["sample_id"]).as_py()))
    if sums[0] != sums[1]:
        raise SystemExit(f"the flow made {sums[0]}, by hand {sums[1]}")


def cost(work: Callable[[], None]) -> tuple[float, float]:
    """Return the seconds, and the CPU seconds of this process and its children, that some work takes."""
    began, before = time.monotonic(), cpu()
    work()
    return time.monotonic() - began, cpu() - before


def cpu() -> float:
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def show(what: str, flow: tuple[float, float], hand: tuple[float, float]) -> None:
    parts = ((name, *pair) for name, pair in (("flow", flow), ("by hand", hand)))
    shown = "   ".join(f"{name} {wall:7.2f} s {used:7.2f} CPU s" for name, wall, used in parts)
    print(f"{what:28s} {shown}   ratio {flow[0] / hand[0]:.2f} wall, {flow[1] / hand[1]:.2f} CPU", flush=True)


if __name__ == "__main__":
    main()
