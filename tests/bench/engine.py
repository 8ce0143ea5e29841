"""What the engine costs beyond Spark's own work: seconds, Spark jobs and commits of a flow.

A small project (row-local flows over landed lines, one of which sets rows aside, and SQL flows over theirs) is run by
the engine: into an empty lake (first), after a tenth more lines came (new), and after all code changed and no row did
(same). Beside it, in the same warm JVM, the same work is written by hand in plain Spark and Delta: read at a version or
the change feed, ``mapInArrow`` or SQL, hold, count, write with a note and a transaction. By hand no row is checked, no
key is compared, nothing is set aside and nothing is found unchanged: a SQL table, and all tables of the third step, are
overwritten whole. Rounds take turns, each in a lake of its own; the first does not count.

Flows run one after the other here, as by hand; a run of the engine has them side by side by default. On a machine that
others use, CPU seconds and jobs say more than seconds; CPU includes the JIT compiler, so that more rounds give less.

    python tests/bench/engine.py                          # flows, start and plan
    python tests/bench/engine.py --flows 20 --rounds 5 --tables
    python tests/bench/engine.py --jobs --tables          # also which Spark jobs a flow ran
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tests.module_text import ModuleText

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from lakehouse.declare.flow import Flow
    from lakehouse.lake import Lake
    from lakehouse.plan.plan import FlowPlan
    from lakehouse.run.report import FlowResult

PACKAGE = "bench_engine"

TABLES = ModuleText("""
import pyarrow as pa
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table

COLUMNS = [
    Column("sample_id", pa.string(), "Identity.", nullable=False, lineage=True),
    Column("parent_ids", pa.list_(pa.string()), "Parents.", lineage=True),
    Column("source", pa.string(), "Source.", lineage=True),
    Column("license", pa.string(), "Licence.", lineage=True),
    Column("text", pa.string(), "Text."),
    Column("score", pa.float64(), "Score."),
    Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
]
CHECKS = [Check("it has text", "text <> ''"), Check("its score is known", "score >= 0")]
LINES = Table("bronze.lines", doc="Lines.", columns=COLUMNS, key=["sample_id"], checks=CHECKS)
SCORED = [
    Table(f"silver.scored{n}", doc="Scores.", columns=COLUMNS, key=["sample_id"], checks=CHECKS) for n in range(FLOWS)
]
COUNTS = {
    f"COUNTS{n}": Table(
        f"gold.counts{n}",
        doc="Counts.",
        columns=[
            Column("source", pa.string(), "Source.", nullable=False, lineage=True),
            Column("n", pa.int64(), "Rows."),
            Column("score", pa.float64(), "Mean score."),
            Column("run_id", pa.string(), "Run.", volatile=True, lineage=True),
        ],
        key=["source"],
    )
    for n in range(SQLS)
}
globals().update(COUNTS)
""")

FLOWS = ModuleText("""
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from PACKAGE.tables import LINES, SCORED

HERE = Path(__file__).parent


def lines(count):
    keys = pa.array(range(count), pa.int64())
    name = pc.cast(keys, "string")
    return pa.table(
        {
            "sample_id": pc.binary_join_element_wise("line", name, "-"),
            "source": pc.binary_join_element_wise("source", pc.cast(pc.bit_wise_and(keys, 15), "string"), "-"),
            "license": pa.array(["MIT"] * count),
            "text": pc.binary_join_element_wise("a line of text and its number", name, " "),
            "score": pa.array([0.0] * count),
        }
    )


@flow(writes=LINES, kind="frame", external=lambda params: (HERE / "count").read_text())
def land(params):
    return lines(int((HERE / "count").read_text()))


def scored(batch):
    text = batch["text"]
    score = pc.divide(pc.cast(pc.utf8_length(text), "float64"), 100.0)
    names = ["sample_id", "parent_ids", "source", "license", "text"]
    return pa.record_batch([*(batch[name] for name in names), score], names=[*names, "score"])
""")

OPERATOR = """
@flow(writes=SCORED[{n}], reads={{"rows": LINES}})
def score{n}(batch, params):
    made = scored(batch)
    if {n} == 0:  # one flow sets a row in sixty-four aside
        bad = pc.match_substring_regex(made["sample_id"], "-(64|128|192|256)$")
        reason = pc.if_else(bad, "too short: by the operator", pa.scalar(None, pa.string()))
        made = pa.record_batch([*made.columns, reason], names=[*made.schema.names, "_reject"])
    return made
"""

SQL = """
SELECT source, count(*) AS n, avg(score) AS score FROM silver.scored{of} GROUP BY source
"""

PLAIN = """
import time
clock = time.perf_counter()
from pyspark.sql import SparkSession
session = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").getOrCreate()
print(time.perf_counter() - clock)
session.range(10).count()
print(time.perf_counter() - clock)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flows", type=int, default=10, help="row-local flows")
    parser.add_argument("--sql", type=int, default=5, help="SQL flows")
    parser.add_argument("--rows", type=int, default=1000, help="rows that each flow reads")
    parser.add_argument("--rounds", type=int, default=4, help="rounds, the first of which does not count")
    parser.add_argument("--starts", type=int, default=1, help="starts of a JVM; the first reads its files from disk")
    parser.add_argument("--jobs", action="store_true", help="list the Spark jobs of the last round's flows")
    parser.add_argument(
        "--tables", type=int, nargs="*", default=[10, 50, 200], help="tables of the plans; none: no plan"
    )
    arguments = parser.parse_args()
    sys.dont_write_bytecode = True  # flows are edited faster than files' times tell
    for _ in range(arguments.starts):
        start()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), arguments.flows, arguments.sql, arguments.rows)
        rounds = [bench.round(n) for n in range(arguments.rounds)]
        report(rounds[1:])
        if arguments.jobs:
            bench.list_jobs()
        bench.session.stop()
    if arguments.tables:
        print(flush=True)
        counts = [str(count) for count in arguments.tables]
        subprocess.run([sys.executable, str(Path(__file__).with_name("plan.py")), "--tables", *counts], check=True)


def start() -> None:
    """Print how long Spark takes to start, beside a plain one."""
    with tempfile.TemporaryDirectory() as folder:
        programs = ["-c", PLAIN], [__file__, "--start-only", folder]
        printed = [
            subprocess.run([sys.executable, *program], capture_output=True, text=True, check=True).stdout.split()
            for program in programs
        ]
    (plain, plain_job), (ours, ours_job) = (map(float, words) for words in printed)
    print("start of the JVM      session  first job done   (seconds, in a process of its own)")
    print(f"the engine's, Delta  {ours:8.2f}  {ours_job:14.2f}")
    print(f"plain Spark          {plain:8.2f}  {plain_job:14.2f}")
    print(f"ratio                {ours / plain:8.2f}  {ours_job / plain_job:14.2f}\n", flush=True)


def start_only(folder: str) -> None:
    """Start the engine's session and say how long it took."""
    clock = time.perf_counter()
    from lakehouse.declare.config import Config
    from lakehouse.spark.session import start as start_session

    config = Config(lake=folder, root=Path(folder), spark={"spark.master": "local[2]"})
    session = start_session(config, Path(folder, "spark.log"))
    print(time.perf_counter() - clock)
    session.range(10).count()
    print(time.perf_counter() - clock)


@dataclasses.dataclass(frozen=True)
class Measure:
    """One flow in one step of one round."""

    step: str
    kind: str
    engine: float
    hand: float
    cpu: float
    hand_cpu: float
    jobs: int
    hand_jobs: int
    commits: int
    set_aside: int


class Watch:
    """A listener that notes which Spark jobs ran while a flow was executed."""

    def __init__(self) -> None:
        self.begins: dict[str, tuple[int, float]] = {}
        self.end = (0, 0.0)
        self.results: list[FlowResult] = []

    def planned(self, plan: Any) -> None:
        pass

    def session(self, seconds: float) -> None:
        pass

    def began(self, item: FlowPlan) -> None:
        self.begins[item.flow.id] = (jobs_so_far(), cpu_so_far())

    def ended(self, result: FlowResult) -> None:
        self.results.append(result)
        self.end = (jobs_so_far(), cpu_so_far())

    def spans(self) -> dict[str, range]:
        """Return the numbers of the jobs by flow, of which one begins where the one before has ended."""
        begins = [number for number, _ in [*self.begins.values(), self.end]]
        return dict(zip(self.begins, map(range, begins, begins[1:]), strict=True))

    def cpu(self) -> dict[str, float]:
        """Return the driver's CPU seconds by flow."""
        begins = [seconds for _, seconds in [*self.begins.values(), self.end]]
        return {name: b - a for name, a, b in zip(self.begins, begins, begins[1:], strict=False)}


def jobs_so_far() -> int:
    """Return how many jobs Spark has run."""
    from pyspark import SparkContext

    return int(SparkContext.getOrCreate()._jsc.sc().dagScheduler().numTotalJobs())


def cpu_so_far() -> float:
    """Return the CPU seconds of this process and its JVM, from Linux' /proc; Python workers do not count."""
    from pyspark import SparkContext

    found = time.process_time()
    stat = Path(f"/proc/{SparkContext._gateway.proc.pid}/stat")
    if stat.exists():
        words = stat.read_text().rpartition(")")[2].split()
        found += (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
    return found


class Bench:
    """The project, its lakes, and those written by hand."""

    def __init__(self, root: Path, flows: int, sqls: int, rows: int) -> None:
        from lakehouse.spark.session import start as start_session

        self.root = root
        self.rows = rows
        self.flows, self.sqls = flows, sqls
        self.spans: dict[str, dict[str, range]] = {}
        package = root / PACKAGE
        package.mkdir()
        (package / "__init__.py").write_text("")
        (package / "tables.py").write_text(TABLES.replace("FLOWS", str(flows)).replace("SQLS", str(sqls)))
        (root / "sql").mkdir()
        modules = f"[{PACKAGE}.tables, {PACKAGE}.flows]"
        (root / "mixlake.yaml").write_text(f"modules: {modules}\nsql: [sql/*.sql]\nparallel: 1\n")
        self.edit(again=False)
        self.land(rows)
        self.session = start_session(self.lake("start").config, root / "spark.log")

    def edit(self, *, again: bool) -> None:
        """Write the flows, or write them otherwise so that they make the same rows."""
        text = FLOWS + "".join(OPERATOR.format(n=n) for n in range(self.flows))
        sql = SQL
        if again:
            text = text.replace("pc.utf8_length(text)", 'pc.cast(pc.utf8_length(text), "int64")')
            sql = sql.replace("count(*)", "count(*) + 0")
        (self.root / PACKAGE / "flows.py").write_text(text.replace("PACKAGE", PACKAGE))
        for n in range(self.sqls):
            (self.root / "sql" / f"gold.counts{n}.sql").write_text(sql.format(of=n % self.flows))
        for name in [name for name in sys.modules if name.split(".", 1)[0] == PACKAGE]:
            del sys.modules[name]

    def land(self, rows: int) -> None:
        (self.root / PACKAGE / "count").write_text(str(rows))

    def lake(self, name: str) -> Lake:
        from lakehouse.declare import discovery
        from lakehouse.declare.config import load_config
        from lakehouse.lake import Lake

        discovery._entry_points = lambda group: []
        config = dataclasses.replace(load_config(self.root), spark={"spark.master": "local[2]"})
        return Lake(str(self.root / name), config)

    def round(self, number: int) -> list[Measure]:
        """Run all steps, each by the engine and by hand."""
        found = []
        hand = Hand(self, self.lake(f"hand{number}"))
        for step, rows in (("first", self.rows), ("new", self.rows + self.rows // 10), ("same", 0)):
            self.edit(again=step == "same")
            if rows:
                self.land(rows)
            found.extend(self.step(step, f"lake{number}", hand))
        return found

    def step(self, step: str, name: str, hand: Hand) -> list[Measure]:
        from lakehouse.run.run import run

        lake = self.lake(name)
        before = {flow.writes.name: version(lake, flow.writes.name) for flow in lake.registry.flows.values()}
        aside = version(lake, "ledger.quarantine")
        watch = Watch()
        report = run(lake.project, listener=watch)
        if not report.ok:
            raise SystemExit("; ".join(str(result.error) for result in report.results if result.error))
        spans, cpu = watch.spans(), watch.cpu()
        self.spans[step] = spans
        aside = version(lake, "ledger.quarantine") - aside
        found = []
        for result in report.results:
            if result.status == "fresh":
                continue
            spec = lake.registry.flows[result.flow]
            began, cpu_began, clock = jobs_so_far(), cpu_so_far(), time.perf_counter()
            hand.make(spec, step)
            seconds, hand_cpu = time.perf_counter() - clock, cpu_so_far() - cpu_began
            measure = Measure(
                step,
                "landing" if spec.external else spec.kind,
                result.seconds,
                seconds,
                cpu[result.flow],
                hand_cpu,
                len(spans[result.flow]),
                jobs_so_far() - began,
                # A table's first version is its creation, which has no rows.
                version(lake, result.writes) - max(before[result.writes], 0),
                aside if result.note and result.note.reasons else 0,
            )
            found.append(measure)
        print(f"{name} {step}: {sum(item.engine for item in found):.1f} s", file=sys.stderr, flush=True)
        return found

    def list_jobs(self) -> None:
        """Print what Spark knows of the jobs of one flow a kind."""
        store = self.session.sparkContext._jsc.sc().statusStore()
        for step, spans in self.spans.items():
            for name in ("score1", "score0", "gold.counts1"):
                flow, span = next((item for item in spans.items() if item[0].endswith(name)), ("", range(0)))
                print(f"\n{step}: {flow}, {len(span)} jobs")
                for number in span:
                    job = store.job(number)
                    description = job.description().get() if job.description().isDefined() else ""
                    print(
                        f"  {job.numTasks():4d} tasks  {job.name()[:60].ljust(60)}  {' '.join(description.split())[:90]}"
                    )


class Hand:
    """The project's flows as one would write them without an engine."""

    def __init__(self, bench: Bench, lake: Lake) -> None:
        self.session = bench.session
        self.lake = lake
        self.transaction = 0

    def make(self, spec: Flow, step: str) -> None:
        """Make one table and commit it, with a note and a transaction."""
        from pyspark import StorageLevel

        from lakehouse.delta.append import create

        create(self.lake.catalog, spec.writes)
        session = self.session.newSession()
        only_new = step == "new" and spec.kind == "operator"
        rows = self.rows(session, spec, only_new=only_new).persist(StorageLevel.DISK_ONLY)
        count = rows.count()
        self.transaction += 1
        mode = "append" if only_new or step == "first" else "overwrite"
        writer = rows.write.format("delta").mode(mode).option("userMetadata", json.dumps({"rows": count}))
        writer = writer.option("txnAppId", spec.id).option("txnVersion", self.transaction)
        writer.save(self.lake.catalog.table_uri(spec.writes.name))
        rows.unpersist()

    def rows(self, session: SparkSession, spec: Flow, *, only_new: bool) -> DataFrame:
        from pyspark.sql import functions as F

        run_id = F.lit("by hand").alias("run_id")
        if spec.external:
            schema = spec.writes.schema
            made = spec.function(None)
            arrays = [made[f.name] if f.name in made.column_names else pa.nulls(len(made), f.type) for f in schema]
            return session.createDataFrame(pa.table(arrays, names=schema.names))
        parts = {}
        for read in spec.reads.values():
            reader = session.read.format("delta")
            newest = version(self.lake, read.table)
            if only_new:
                reader = reader.option("readChangeFeed", "true").option("startingVersion", newest)
            else:
                reader = reader.option("versionAsOf", newest)
            parts[read.table] = reader.load(self.lake.catalog.table_uri(read.table))
        if spec.kind == "sql":
            for name, part in parts.items():
                part.createOrReplaceTempView(name.replace(".", "_"))
                text = spec.sql.replace(name, name.replace(".", "_"))
            return session.sql(text).select("*", run_id)
        (part,) = parts.values()
        function, names = spec.function, [column.name for column in spec.writes.columns if column.name != "run_id"]
        schema = part.select(*names).schema

        def over(batches):
            for batch in batches:
                yield function(batch, None).select(names)

        return part.select(*names).mapInArrow(over, schema).select("*", run_id)


def version(lake: Lake, name: str) -> int:
    """Return a table's latest version, -1 where there is none."""
    return int(lake.catalog.open(name).version()) if lake.catalog.has(name) else -1


def report(rounds: list[list[Measure]]) -> None:
    """Print medians over flows and rounds."""
    heads = ["flow", "step", "engine", "by hand", "ratio", "beyond", "CPU", "by hand", "ratio"]
    heads += ["jobs", "by hand", "commits", "quarantine"]
    print("a flow's seconds, CPU seconds of driver and JVM, Spark jobs, commits: medians (commits: largest)")
    print("  ".join(head.rjust(10) for head in heads))
    groups = collections.defaultdict(list)
    for found in (item for items in rounds for item in items):
        kind = f"{found.kind}+" if found.set_aside else found.kind
        groups[kind, found.step].append(found)
        groups["all", found.step].append(found)
    order = ["landing", "operator", "operator+", "sql", "all"]
    for kind, step in sorted(groups, key=lambda item: (order.index(item[0]), "first new same".index(item[1]))):
        items = groups[kind, step]
        names = ("engine", "hand", "cpu", "hand_cpu", "jobs", "hand_jobs")
        engine, hand, cpu, hand_cpu, jobs, hand_jobs = (
            statistics.median(getattr(item, name) for item in items) for name in names
        )
        commits, aside = max(item.commits for item in items), max(item.set_aside for item in items)
        row = [f"{engine:.2f}", f"{hand:.2f}", f"{engine / hand:.2f}", f"{engine - hand:.2f}"]
        row += [f"{cpu:.2f}", f"{hand_cpu:.2f}", f"{cpu / hand_cpu:.2f}"]
        row += [f"{jobs:g}", f"{hand_jobs:g}", str(commits), str(aside)]
        print("  ".join(word.rjust(10) for word in [kind, step, *row]))
    print("operator+: rows were set aside, in a commit of ledger.quarantine before the flow's own")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--start-only"]:
        start_only(sys.argv[2])
    else:
        main()
