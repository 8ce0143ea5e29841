"""Where the time of the demo's way goes, by flow.

For each flow: the whole time, the time inside its operator (added up over workers), the time until its rows were made
and counted, the time until the difference was known, and what the commit took. The engine's own share is all but the
making of rows. Package downloads are cached; a first run includes them in bronze.sources.

    python tests/bench/way.py                     # the whole way into a temporary lake
    python tests/bench/way.py --only 'debian-*'   # some sources
    python tests/bench/way.py --lake ./lake       # what an earlier run left, without running
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lake", help="read the figures of this lake's last runs")
    parser.add_argument("--only", action="append", default=[], help="patterns of the sources to land")
    parser.add_argument("--select", action="append", default=[], help="flows to run, by default all")
    arguments = parser.parse_args()
    if arguments.lake:
        show(arguments.lake)
        return
    with tempfile.TemporaryDirectory() as folder:
        run(str(Path(folder, "lake")), arguments.only, arguments.select)
        show(str(Path(folder, "lake")))


def run(uri: str, only: list[str], select: list[str]) -> None:
    from lakehouse.lake import Lake
    from lakehouse.progress import Progress
    from lakehouse.run import run as run_flows

    lake = Lake(uri)
    if only:
        lake = Lake(config=lake.config.with_params({"bronze.sources": {"only": tuple(only)}}))
    with Progress() as progress:
        report = run_flows(lake, tuple(select), listener=progress)
    began = time.monotonic()
    lake.plan()
    print(f"\nrun {report.seconds:.1f} s, of it until Spark was up {report.session_seconds:.1f} s")
    print(f"planning afterwards {time.monotonic() - began:.2f} s")
    if not report.ok:
        raise SystemExit("; ".join(str(o.error) for o in report.outcomes if o.error))


def show(uri: str) -> None:
    from lakehouse.lake import Lake

    rows = (
        Lake(uri)
        .sql(
            """
            SELECT "table", mode, counts['read'] AS read, counts['inserted'] AS inserted, seconds,
                phases['function'] AS function, phases['rows'] AS made, phases['difference'] AS difference
            FROM ledger.runs QUALIFY row_number() OVER (PARTITION BY "table" ORDER BY version DESC) = 1
            ORDER BY committed_at
            """
        )
        .to_pylist()
    )
    heads = ["table", "mode", "read", "inserted", "seconds", "operator", "rows made", "difference", "other"]
    print("  ".join([heads[0].ljust(28), heads[1].ljust(11), *(head.rjust(10) for head in heads[2:])]))
    others = []
    for row in rows:
        made, difference = row["made"] or 0.0, row["difference"] or 0.0
        other = row["seconds"] - made
        others.append(other)
        numbers = [row["seconds"], row["function"] or 0.0, made, difference, other]
        counts = [str(row[name] or 0).rjust(10) for name in ("read", "inserted")]
        print("  ".join([row["table"].ljust(28), row["mode"].ljust(11), *counts, *(f"{n:10.2f}" for n in numbers)]))
    total = sum(row["seconds"] for row in rows)
    print(f"\nsum {total:.1f} s over {len(rows)} flows; operators {sum(row['function'] or 0 for row in rows):.1f} s")
    print(f"engine beyond making rows, before the commit: median {statistics.median(others):.2f} s a flow")


if __name__ == "__main__":
    main()
