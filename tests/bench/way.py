"""Where the time of the demo's way goes, by flow.

For each flow: the time inside its operator (added up over workers), the time until its rows were read, made, checked
and counted, the time until the difference to the table was known, and the time of the commit, which writes the files.
Package downloads are cached; a first run includes them in bronze.sources. Flows run side by side, so that their times
add up to more than the run's.

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
        commits = run(str(Path(folder, "lake")), arguments.only, arguments.select)
        show(str(Path(folder, "lake")), commits)


def run(uri: str, only: list[str], select: list[str]) -> dict[str, float]:
    """Run the flows; return the seconds that each one's commit took."""
    from lakehouse.cli.progress import Progress
    from lakehouse.lake import Lake
    from lakehouse.run.run import run as run_flows

    lake = Lake(uri)
    if only:
        lake = Lake(config=lake.config.with_params({"bronze.sources": {"only": tuple(only)}}))
    with Progress() as progress:
        report = run_flows(lake.project, tuple(select), listener=progress)
    began = time.monotonic()
    lake.plan()
    print(f"\nrun {report.seconds:.1f} s, of it until Spark was up {report.session_seconds:.1f} s")
    print(f"planning afterwards {time.monotonic() - began:.2f} s")
    if not report.ok:
        raise SystemExit("; ".join(str(o.error) for o in report.results if o.error))
    return {o.writes: o.seconds - o.note.seconds for o in report.results if o.note}


def show(uri: str, commits: dict[str, float] | None = None) -> None:
    """Print the figures of each table's last run; commits are known only of a run that was made here."""
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
    heads = ["table", "mode", "read", "inserted", "operator", "rows made", "difference", "commit"]
    print("  ".join([heads[0].ljust(28), heads[1].ljust(11), *(head.rjust(10) for head in heads[2:])]))
    for row in rows:
        counts = [str(row[name] or 0).rjust(10) for name in ("read", "inserted")]
        seconds = [row["function"], row["made"], row["difference"], (commits or {}).get(row["table"])]
        cells = [f"{value:10.2f}" if value is not None else "-".rjust(10) for value in seconds]
        print("  ".join([row["table"].ljust(28), row["mode"].ljust(11), *counts, *cells]))
    made = sum(row["made"] or 0 for row in rows)
    inside = sum(row["function"] or 0 for row in rows)
    print(f"\n{len(rows)} flows: rows made in {made:.1f} s, inside operators {inside:.1f} s of it (over workers)")
    if commits:
        values = [(row["difference"] or 0) + commits[row["table"]] for row in rows if row["table"] in commits]
        print(f"difference and commit: median {statistics.median(values):.2f} s a flow, {sum(values):.1f} s in all")


if __name__ == "__main__":
    main()
