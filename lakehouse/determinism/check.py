"""Check that a flow is deterministic: its function is run again on the same rows, and the results are compared.

A retry, another cluster or an incremental run must not change a result. An operator is called on a sample of its
pinned input: again in the same process; in a new process with another hash seed (the order of a set, state that is left
over); with the rows cut into other batches; and with the rows in another order. A flow of another kind is run twice on
its whole inputs, by the engine that would run it: see `repeat_embedded` and `repeat_on_spark`.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import sqlglot

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.params import resolve_params
from lakehouse.declare.reads import Read
from lakehouse.determinism import repeat_embedded, repeat_on_spark
from lakehouse.engine.operator_runner import Runner, runner_of
from lakehouse.errors import MixlakeError, TableNotFoundError
from lakehouse.plan.engine_choice import choose_engine
from lakehouse.plan.graph import Graph
from lakehouse.plan.plan import FlowPlan, plan_flow
from lakehouse.plan.selection import select_flows
from lakehouse.plan.table_state import TableStates
from lakehouse.project import Project
from lakehouse.query.connection import connect
from lakehouse.query.row_diff import ColumnDifference, column_differences
from lakehouse.spark.code_archive import distribute_code
from lakehouse.spark.session import start

State = Literal["same", "differs", "failed", "skipped"]

ROWS = 512
AGAIN = "when it was called again"
PROCESS = "in another process, with another hash seed"
BATCHES = "when its rows came in other batches"
ORDER = "when its rows came in another order"
_TIMEOUT = 3600


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of checking one flow.

    Args:
        flow: Its id.
        writes: The table that it writes.
        place: File and line of its function.
        state: same; differs; failed, where it could not be run; skipped, where there was nothing to run it on.
        rows: Rows that an operator was given, or that another flow gave.
        detail: Why it failed or was skipped.
        differences: What differed, and when; of one column the first time.
    """

    flow: str
    writes: str
    place: str
    state: State
    rows: int = 0
    detail: str = ""
    differences: tuple[tuple[str, ColumnDifference], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake check --json`` prints."""
        found = {name: getattr(self, name) for name in ("flow", "writes", "place", "state", "rows", "detail")}
        differences = [
            {"when": when, "column": one.column, "key": one.key, "values": list(one.values), "rows": one.rows}
            for when, one in self.differences
        ]
        return {**found, "differences": differences}


def check(
    project: Project,
    select: Sequence[str] = (),
    rows: int = ROWS,
    *,
    spark: bool = False,
    on_result: Callable[[CheckResult], None] | None = None,
) -> list[CheckResult]:
    """Run the selected flows repeatedly on the same rows, and compare their results; nothing is written.

    Args:
        project: The lake, whose tables give the rows.
        select: Words of a selection, see `lakehouse.plan.selection`; empty selects all flows.
        rows: Rows of the input that an operator is given.
        spark: Whether flows of other kinds are run, too, where they need Spark.
        on_result: Called with each flow's result.

    Returns:
        One entry per selected flow, in the order of their data.
    """
    found = []
    for name in select_flows(Graph(project.registry), tuple(select)):
        spec = project.registry.flows[name]
        checked = _operator(project, spec, rows) if spec.kind == "operator" else _other(project, spec, spark=spark)
        found.append(checked)
        if on_result is not None:
            on_result(checked)
    return found


def compared(first: pa.Table, second: pa.Table, table: Table) -> list[ColumnDifference]:
    """Compare two answers for a table; columns that may differ by their nature (times, runs) are left out."""
    volatile = {column.name for column in table.columns if column.volatile}
    names = [name for name in first.column_names if name not in volatile]
    return column_differences(first.select(names), second.select(names), [name for name in table.key if name in names])


def _operator(project: Project, spec: Flow, rows: int) -> CheckResult:
    try:
        given = sample(project, spec, rows)
        if given.num_rows == 0:
            return _ended(spec, "skipped", "its input has no rows")
        differences = list(_differences(project, spec, given))
    except TableNotFoundError as error:
        return _ended(spec, "skipped", error.message)
    except MixlakeError as error:
        return _ended(spec, "failed", error.message)
    return _ended(spec, "differs" if differences else "same", "", given.num_rows, differences)


def _other(project: Project, spec: Flow, *, spark: bool) -> CheckResult:
    """Check a flow that is no operator, on its whole inputs."""
    if not spec.reads:
        return _ended(spec, "skipped", "it lands external data, which may change")
    item = plan_flow(TableStates(project), spec, full=True)
    missing = [name for name, version in item.inputs.items() if version < 0 and name in project.registry.writers]
    if missing:
        return _ended(spec, "skipped", f"{missing[0]} was never written")
    try:
        choice = choose_engine(project, item)
        if choice.engine == "embedded":
            when, (rows, first, second) = repeat_embedded.OTHERWISE, repeat_embedded.run_twice(project, item)
        elif spark:
            when, (rows, first, second) = repeat_on_spark.OTHERWISE, _twice_on_spark(project, item)
        else:
            return _ended(spec, "skipped", f"Spark would run it: {choice.reason}; --spark checks it")
    except MixlakeError as error:
        return _ended(spec, "failed", error.message)
    differences = [(when, one) for one in compared(first, second, spec.writes)]
    return _ended(spec, "differs" if differences else "same", "", rows, differences)


def _twice_on_spark(project: Project, item: FlowPlan) -> tuple[int, pa.Table, pa.Table]:
    root = start(project.config, project.config.root / ".mixlake" / "spark-check.log")
    distribute_code(root, project.config.modules, project.config.root)
    return repeat_on_spark.run_twice(root, project, item)


def _ended(
    spec: Flow,
    state: State,
    detail: str = "",
    rows: int = 0,
    differences: Sequence[tuple[str, ColumnDifference]] = (),
) -> CheckResult:
    return CheckResult(spec.id, spec.writes.name, spec.place, state, rows, detail, tuple(differences))


def sample(project: Project, spec: Flow, rows: int) -> pa.Table:
    """Return rows of an operator's driving input as Spark would hand them over.

    Raises:
        MixlakeError: If an input is missing, or its ``where`` cannot be evaluated outside Spark.
    """
    item = spec.reads[spec.driving]
    sources = project.registry.sources(item)
    parts = []
    with connect(project) as engine:
        for table in sources:
            project.catalog.open(table.name)  # refuses what was never written
            schema = _schema(item, table)
            names = ", ".join(
                f"'{table.name}' AS {name}" if name == TABLE_PSEUDO_COLUMN else f'"{name}"' for name in schema.names
            )
            layer, _, last = table.name.partition(".")
            where = f"WHERE {_where(item.where)}" if item.where else ""
            limit = -(-rows // len(sources))
            found = engine.table(f'SELECT {names} FROM "{layer}"."{last}" {where} LIMIT {limit}')  # noqa: S608 - declared names
            parts.append(found.cast(schema))
    return pa.concat_tables(parts).slice(0, rows) if parts else pa.table({})


def _schema(item: Read, table: Table) -> pa.Schema:
    names = item.names or tuple(column.name for column in table.columns)
    kinds = [pa.string() if name == TABLE_PSEUDO_COLUMN else table.column(name).stored_type for name in names]
    return pa.schema([pa.field(name, kind) for name, kind in zip(names, kinds, strict=True)])


def _where(predicate: str) -> str:

    return sqlglot.transpile(f"SELECT {predicate}", read="spark", write="duckdb")[0].removeprefix("SELECT ")


def _differences(project: Project, spec: Flow, given: pa.Table) -> Iterator[tuple[str, ColumnDifference]]:
    runner = runner_of(spec, resolve_params(spec, project.config))
    batches = cut(given, [spec.batch_rows] * (given.num_rows // spec.batch_rows + 1))
    # Uneven pieces, the first of a single row.
    sizes = [1, *np.diff(np.linspace(0, given.num_rows - 1, 5, dtype=int)).tolist()]
    order = np.random.default_rng(0).permutation(given.num_rows)
    shuffled = given.take(pa.array(order))
    first = _answer(runner, batches)
    variations: list[tuple[str, Callable[[], pa.Table]]] = [
        (AGAIN, lambda: _answer(runner, batches)),
        (PROCESS, lambda: _elsewhere(project, spec, batches)),
        (BATCHES, lambda: _answer(runner, cut(given, sizes))),
        (ORDER, lambda: _answer(runner, cut(shuffled, [spec.batch_rows] * (given.num_rows // spec.batch_rows + 1)))),
    ]
    seen: set[str] = set()
    for when, answer in variations:
        for one in compared(first, answer(), spec.writes):
            if one.column not in seen:
                seen.add(one.column)
                yield when, one


def cut(rows: pa.Table, sizes: Sequence[int]) -> list[pa.RecordBatch]:
    """Return rows as batches of the given sizes, as far as the rows reach."""
    found, begin = [], 0
    for size in sizes:
        part = rows.slice(begin, size).combine_chunks()
        begin += size
        if part.num_rows:
            found.extend(part.to_batches())
    return found


def _answer(runner: Runner, batches: Sequence[pa.RecordBatch]) -> pa.Table:
    return pa.Table.from_batches(list(runner(batches)), pa.schema(runner.columns))


def _elsewhere(project: Project, spec: Flow, batches: Sequence[pa.RecordBatch]) -> pa.Table:
    """Answer in a fresh process with another hash seed."""
    with tempfile.TemporaryDirectory() as folder:
        job, answer = Path(folder, "job"), Path(folder, "answer")
        job.write_bytes(pickle.dumps((project.config, spec.id, list(batches), str(answer))))
        seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
        ended = subprocess.run(
            [sys.executable, "-m", "lakehouse.determinism.check", str(job)],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT,
        )
        if ended.returncode:
            last = ended.stderr.strip().rpartition("\n")[2]
            raise MixlakeError(f"{spec.id} failed in a fresh process: {last} ({spec.place})")
        with pa.OSFile(str(answer)) as file:
            return pa.ipc.open_file(file).read_all()


def _serve(job: Path) -> None:
    """Answer a job of `_elsewhere`."""
    config, flow, batches, answer = pickle.loads(job.read_bytes())  # noqa: S301 - written by the process that started this one
    spec = Project(config).registry.flows[flow]
    found = _answer(runner_of(spec, resolve_params(spec, config)), batches)
    with pa.OSFile(answer, "wb") as file, pa.ipc.new_file(file, found.schema) as writer:
        writer.write_table(found)


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
