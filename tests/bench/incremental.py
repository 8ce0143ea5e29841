"""Whether a row-local flow costs in proportion to what is new.

Documents of made-up words lie in a table that no flow writes. An operator folds, normalises and takes them apart by
regular expressions. It runs over all of them; then a hundredth of as many documents comes new (append), then a
hundredth that lie side by side is changed and a few are taken away (merge), then a hundredth is changed here and there
(scattered), and at last it runs with ``--full``, which must find the table as the incremental runs left it: the content
digests are compared. Rows read, and the operator's time (added up over workers), are those of the commit notes. A small
lake goes through all of it first, so that the JVM is warm.

Read in it: rows and operator time should be a hundredth. What is left of the flow's time are the fixed costs that
tests/bench/engine.py shows, and for changes the join with the held keys and Delta's MERGE. Where changed keys lie side
by side, these read the files in which such keys lie; where they are scattered all of the table, and all files are
written anew.

    python tests/bench/incremental.py                   # 200,000 documents
    python tests/bench/incremental.py --rows 1e6 --share 0.001
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run.report import FlowResult

PACKAGE = "bench_incremental"
WORDS = 100

MODULE = """
import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

ID = Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True)
TEXT = Column("text", pa.string(), "Text.")
RUN = Column("run_id", pa.string(), "Run.", volatile=True, lineage=True)
documents = Table("bronze.documents", doc="A document.", columns=[ID, TEXT, RUN], key=["sample_id"])
scores = Table(
    "silver.scores",
    doc="A document's scores.",
    columns=[ID, TEXT, *(Column(f"score{n}", pa.int32(), "Count.") for n in range(4)), RUN],
    key=["sample_id"],
    checks=[Check("there is text", "text <> ''")],
)
PATTERNS = (r"[aeiou]{2,}", r"([a-z])[^aeiou ]*[aeiou] ", r"(ab|ba|ac|ca)+[a-z]*", r"[^aeiou ]{3,}")


@flow(writes=scores, reads={"documents": documents})
def score(batch, params):
    text = pc.utf8_normalize(pc.utf8_lower(batch["text"]), "NFKC")
    found = [pc.cast(pc.count_substring_regex(text, pattern), "int32") for pattern in PATTERNS]
    named = {f"score{n}": column for n, column in enumerate(found)}
    return pa.record_batch({"sample_id": batch["sample_id"], "text": text, **named})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=float, default=200_000, help="documents")
    parser.add_argument("--share", type=float, default=0.01, help="share of them that is new, then changed")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / f"{PACKAGE}.py").write_text(MODULE)
        (root / "mixlake.yaml").write_text(f"modules: [{PACKAGE}]\n")
        steps(open_lake(root, "warm"), 2000, 20)
        rows = int(arguments.rows)
        report(steps(open_lake(root, "lake"), rows, max(1, int(rows * arguments.share))))
        from lakehouse.spark.session import stop

        stop()


def open_lake(root: Path, name: str) -> Lake:
    from lakehouse.declare import discovery
    from lakehouse.declare.config import load_config
    from lakehouse.lake import Lake

    discovery._entry_points = lambda group: []
    config = dataclasses.replace(load_config(root), spark={"spark.master": "local[2]"})
    return Lake(str(root / name), config)


def steps(lake: Lake, rows: int, new: int) -> dict[str, FlowResult]:
    """Land and run, step by step; return the flow's results by step."""
    from lakehouse.delta.append import create

    documents = lake.registry.tables["bronze.documents"]
    create(lake.catalog, documents)
    found = {}
    land(lake, 0, rows)
    found["first"] = run(lake)
    land(lake, rows, rows + new)
    found["append"] = run(lake)
    table = lake.catalog.open(documents.name)
    table.update({"text": "text || ' and more'"}, predicate=f"sample_id >= '{name(0)}' AND sample_id < '{name(new)}'")
    lake.catalog.open(documents.name).delete(f"sample_id >= '{name(rows)}' AND sample_id < '{name(rows + new // 10)}'")
    found["merge"] = run(lake)
    every = max(2, rows // new)
    lake.catalog.open(documents.name).update(
        {"text": "text || ' again'"}, predicate=f"CAST(sample_id AS BIGINT) % {every} = 1"
    )
    found["scattered"] = run(lake)
    found["--full"] = run(lake, full=True)
    first, last, full = (found[key].note for key in ("first", "scattered", "--full"))
    if full.digest != last.digest or full.changed or first.digest == last.digest:
        raise SystemExit("the incremental runs left other rows than a full run makes")
    return found


def run(lake: Lake, *, full: bool = False) -> FlowResult:
    report = lake.run(full=full)
    (result,) = report.results
    if result.status != "done":
        raise SystemExit(f"{result.status}: {result.error}")
    return result


def name(n: int) -> str:
    """Return a document's identity."""
    return f"{n:012d}"


def land(lake: Lake, begin: int, end: int) -> None:
    """Append documents, without Spark."""
    from deltalake import write_deltalake

    chance = np.random.default_rng(begin)
    letters = chance.integers(ord("a"), ord("z") + 1, (5000, 9), np.uint8)
    lengths = chance.integers(2, 10, len(letters))
    words = pa.array([bytes(row[:length]).decode() for row, length in zip(letters, lengths, strict=True)])
    step = 50_000
    for first in range(begin, end, step):
        count = min(step, end - first)
        picked = words.take(pa.array(chance.integers(0, len(words), count * WORDS)))
        lists = pa.ListArray.from_arrays(pa.array(np.arange(count + 1, dtype=np.int32) * WORDS), picked)
        rows = pa.table(
            {
                "sample_id": pa.array([name(n) for n in range(first, first + count)]),
                "text": pc.binary_join(lists, " "),
                "run_id": pa.array(["landed"] * count),
            }
        )
        write_deltalake(lake.catalog.table_uri("bronze.documents"), rows, mode="append")


def report(found: dict[str, FlowResult]) -> None:
    """Print the steps, and their shares of the first."""
    heads = ["step", "mode", "read", "inserted", "updated", "deleted"]
    heads += ["operator", "rows made", "differ", "commit", "flow"]
    print("rows, and seconds; operator: added up over workers; flow: all of it")
    print("  ".join(head.rjust(11) for head in heads))
    for step, result in found.items():
        note = result.note
        words = [step, note.mode, *(str(note.counts.get(key, 0)) for key in heads[2:6])]
        words += [f"{value:.2f}" for value in seconds(result)]
        print("  ".join(word.rjust(11) for word in words))
    for base in ("first", "--full"):
        print(f"\nin per cent of the {'first run' if base == 'first' else 'run with --full'}")
        print("  ".join(head.rjust(11) for head in ["step", "read", *heads[6:7], heads[-1]]))
        for step in ("append", "merge", "scattered"):
            mine, whole = found[step], found[base]
            pairs = [(mine.note.counts["read"], whole.note.counts["read"])]
            pairs += [(seconds(mine)[n], seconds(whole)[n]) for n in (0, -1)]
            print("  ".join(word.rjust(11) for word in [step, *(f"{100 * a / b:.1f}" for a, b in pairs)]))


def seconds(result: FlowResult) -> list[float]:
    phases = result.note.phases
    parts = [phases.get(key, 0.0) for key in ("function", "rows", "difference")]
    return [*parts, result.seconds - result.note.seconds, result.seconds]


if __name__ == "__main__":
    main()
