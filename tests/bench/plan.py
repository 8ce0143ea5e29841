"""How long a plan takes, by the number of tables, and where the time goes.

For each number of tables a project is made (ten flows a module, layers that read each other, parameters, helpers) and
a lake as its runs would have left it: every table has twenty commits with notes, three have a thousand. Logs are made
through delta-rs; the data files that they name, which no plan reads, are left out. Then, each in a process of its own:

- ``mixlake plan`` as a person runs it, with the installed flows beside the project's, first with nothing kept from
  before, then again;
- the same by part: imports, declarations (the project's modules), tables (opening, notes), fingerprints;
- the limit: ``DeltaTable(path).history(1)`` over the same tables and nothing else, as many side by side.

    python tests/bench/plan.py                       # 10, 50, 200 and 1,000 tables
    python tests/bench/plan.py --tables 200 --commits 100 --repeat 5
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.delta.catalog import Catalog

if TYPE_CHECKING:
    from lakehouse.plan.plan import FlowPlan

LAYERS = 5
LONG = 3

CONTRACTS = """
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
T = [
    Table(f"{layer}.t{n}", doc="Things.", columns=COLUMNS, key=["sample_id"], checks=[Check("it has text", "text <> ''")])
    for n, layer in enumerate(LAYER_OF)
]
"""

HELPERS = """
import pyarrow.compute as pc

LIMIT = 10


def tidy(text, limit=LIMIT):
    return pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(text), 0, limit * 100)


def score(text):
    return pc.divide(pc.cast(pc.utf8_length(tidy(text)), "float64"), 100.0)
"""

HEAD = """
import dataclasses

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from PACKAGE.contracts import T
from PACKAGE import helpers
from PACKAGE.helpers import score, tidy


@dataclasses.dataclass(frozen=True)
class Params:
    least: float = 0.5
    words: tuple = ("a", "b")

"""

OPERATOR = """
def _wanted{n}(batch, params):
    kept = [name for name in batch.schema.names if name not in params.words]
    return batch.select(kept)


class Scorer{n}:
    def __init__(self, least):
        self.least = least

    def __call__(self, text):
        return pc.if_else(pc.greater(score(text), self.least), score(text), {n}.0)


@flow(writes=T[{n}], reads={{"rows": read(T[{parent}], columns=["sample_id", "text"])}}, params=Params, tags=("t{tag}",))
def step{n}(batch, params):
    \"\"\"Score the rows of table {parent}.\"\"\"
    found = _wanted{n}(batch, params)
    text = tidy(found["text"], helpers.LIMIT)
    return pa.record_batch({{"sample_id": found["sample_id"], "text": text, "score": Scorer{n}(params.least)(text)}})
"""

LANDING = """
def _outside{n}(params):
    return "{n}"


@flow(writes=T[{n}], kind="frame", params=Params, external=_outside{n})
def land{n}(params):
    \"\"\"Land table {n}.\"\"\"
    return pa.table({{"sample_id": ["{n}"], "text": ["x"]}})
"""

PARTS = """
import json, sys, time
clock = [time.perf_counter()]
from lakehouse.lake import Lake
import lakehouse.cli.plan, lakehouse.plan.plan, lakehouse.declare.registry
clock.append(time.perf_counter())
lake = Lake()
lake.registry
clock.append(time.perf_counter())
from lakehouse.declare.params import resolve_params
from lakehouse.plan.plan import fingerprints, make_plan
from lakehouse.plan.table_state import TableStates
project = lake.project
names = [name for spec in lake.registry.flows.values() for name in (spec.writes.name, *lake.registry.inputs(spec))]
TableStates(project).prefetch(names)
clock.append(time.perf_counter())
for spec in lake.registry.flows.values():
    fingerprints(project, spec, resolve_params(spec, lake.config))
clock.append(time.perf_counter())
assert not make_plan(project, ("bench_project*",)).stale
print(json.dumps([b - a for a, b in zip(clock, clock[1:])]))
"""

PEER = """
import json, sys, time
from concurrent.futures import ThreadPoolExecutor
from deltalake import DeltaTable
paths = sys.stdin.read().split()
clock = time.perf_counter()
with ThreadPoolExecutor(8) as pool:
    list(pool.map(lambda path: DeltaTable(path).history(1), paths))
print(json.dumps(time.perf_counter() - clock))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tables", type=int, nargs="+", default=[10, 50, 200, 1000])
    parser.add_argument("--commits", type=int, default=20, help="commits of a table")
    parser.add_argument("--long", type=int, default=1000, help=f"commits of {LONG} of the tables")
    parser.add_argument("--repeat", type=int, default=3, help="the best of so many counts")
    arguments = parser.parse_args()
    print("seconds; parts are of a warm plan, measured apart; limit: DeltaTable(path).history(1) over the same tables")
    heads = ["tables", "first", "plan", "imports", "modules", "opening", "prints", "limit", "opening/limit"]
    print("  ".join(head.rjust(8) for head in heads))
    for count in arguments.tables:
        with tempfile.TemporaryDirectory() as folder:
            made = Bench(Path(folder), count)
            made.build(arguments.commits, arguments.long)
            first = made.command()
            warm = min(made.command() for _ in range(arguments.repeat))
            parts = min((made.ask(PARTS) for _ in range(arguments.repeat)), key=sum)
            limit = min(made.ask(PEER, "\n".join(made.paths())) for _ in range(arguments.repeat))
        row = [first, warm, *parts, limit, parts[2] / limit]
        print("  ".join([str(count).rjust(8), *(f"{value:8.2f}" for value in row)]), flush=True)


class Bench:
    """A project and its lake in a folder."""

    def __init__(self, root: Path, tables: int) -> None:
        self.root = root
        self.tables = tables
        self.width = max(1, tables // LAYERS)
        # Own modules only, and compiled files are kept as on any machine.
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("MIXLAKE")}
        self.env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.env["PYTHONPATH"] = os.pathsep.join([str(root), str(Path(__file__).parents[2])])

    def paths(self) -> list[str]:
        return [str(path.parent) for path in self.root.glob("lake/*/*/_delta_log")]

    def build(self, commits: int, long: int) -> None:
        """Write the modules, then the logs with the notes that fit them."""
        package = self.root / "bench_project"
        package.mkdir()
        (package / "__init__.py").write_text("")
        layers = ["bronze", *["silver"] * (LAYERS - 2), "gold"]
        layer_of = [layers[min(n // self.width, LAYERS - 1)] for n in range(self.tables)]
        (package / "contracts.py").write_text(CONTRACTS.replace("LAYER_OF", repr(layer_of)))
        (package / "helpers.py").write_text(HELPERS)
        for begin in range(0, self.tables, 10):
            text = HEAD.replace("PACKAGE", package.name)
            for n in range(begin, min(begin + 10, self.tables)):
                form = LANDING if n < self.width else OPERATOR
                text += form.format(n=n, parent=n - self.width, tag=n % 7)
            (package / f"flows{begin // 10}.py").write_text(text)
        modules = ["contracts", *(f"flows{i}" for i in range((self.tables + 9) // 10))]
        names = ", ".join(f"{package.name}.{name}" for name in modules)
        (self.root / "mixlake.yaml").write_text(f"modules: [{names}]\n")
        subprocess.run(
            [sys.executable, __file__, "--write-lake", str(commits), str(long)], check=True, cwd=self.root, env=self.env
        )
        for folder in package.rglob("__pycache__"):
            shutil.rmtree(folder)

    def command(self) -> float:
        """Return the wall time of ``mixlake plan``."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "lakehouse.cli.main", "plan", "bench_project*", "--json"]
        ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.root, env=self.env)
        taken = time.perf_counter() - began
        if ended.returncode:
            raise SystemExit(ended.stderr)
        states = [item["state"] for item in json.loads(ended.stdout)]
        assert states == ["fresh"] * self.tables, states[:5]
        return taken

    def ask(self, code: str, given: str = ""):
        """Return what a program prints as JSON."""
        ended = subprocess.run(
            [sys.executable, "-c", code],
            input=given,
            capture_output=True,
            text=True,
            check=True,
            cwd=self.root,
            env=self.env,
        )
        return json.loads(ended.stdout)


def write_lake(commits: int, long: int) -> None:
    """Write the logs of the current folder's project, as its runs would have left them."""
    from deltalake import DeltaTable, write_deltalake

    from lakehouse.declare import discovery
    from lakehouse.delta.append import create
    from lakehouse.lake import Lake
    from lakehouse.plan.plan import make_plan

    discovery._entry_points = lambda group: []
    lake = Lake()
    items = make_plan(lake.project).flows
    lengths = {item.writes: long if n < LONG else commits for n, item in enumerate(items)}
    rows = items[0].flow.writes.schema.empty_table()
    for length in sorted(set(lengths.values())):
        template = Path(tempfile.mkdtemp(dir="."), "bronze", "t0")
        create(Catalog(str(template.parents[1])), items[0].flow.writes)
        write_deltalake(DeltaTable(str(template)), rows, mode="append")
        log = template / "_delta_log"
        actions = [json.loads(line) for line in (log / f"{1:020d}.json").read_text().splitlines()]
        for item in items:
            if lengths[item.writes] != length:
                continue
            folder = Path(lake.catalog.table_uri(item.writes), "_delta_log")
            folder.mkdir(parents=True)
            shutil.copy(log / f"{0:020d}.json", folder)
            for version in range(1, length):
                note = note_of(item, f"run-{version}", {name: lengths[name] - 1 for name in item.inputs})
                with (folder / f"{version:020d}.json").open("w") as file:
                    for action in actions:
                        if "commitInfo" in action:
                            action["commitInfo"]["userMetadata"] = note
                        file.write(json.dumps(action, separators=(",", ":")) + "\n")
            if length > 100:  # as delta-rs and Spark do while they write
                DeltaTable(str(folder.parent), version=(length - 1) // 100 * 100).create_checkpoint()
        shutil.rmtree(template.parents[1])


def note_of(item: FlowPlan, run_id: str, inputs: dict[str, int]) -> str:
    """Return the note that a run of a flow as it is now leaves."""
    from lakehouse.delta.commit_note import CommitNote

    now = item.fingerprints
    return CommitNote(
        run_id=run_id,
        flow=item.flow.id,
        kind=item.flow.kind,
        mode="incremental",
        code=now.code,
        params=now.params,
        contract=now.contract,
        external=now.external,
        inputs=inputs,
        changed=True,
        counts={"rows": 1},
        digest="1-" + "0" * 32,
    ).to_json()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write-lake"]:
        write_lake(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
