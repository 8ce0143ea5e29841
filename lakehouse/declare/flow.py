"""Declaring flows.

A flow reads tables and writes one table. There are six kinds; all but frames run with Spark and without:

- an **operator** is a function of one Arrow record batch, for work on one row at a time;
- a **group** flow is a function of all rows that share a key, as an Arrow table;
- a **relational** flow is a function of whole inputs that joins, groups and sorts them by the steps of
  `lakehouse.declare.relations.Relations`;
- a **sql** flow is a file of one SELECT;
- a **landing** flow reads no table: a function of its parameters that returns an Arrow table of external data;
- a **frame** is a function of Spark DataFrames with all of Spark's API, which runs only on Spark.

Declaring attaches a frozen `Flow` to the function and leaves the function as it was, so that it is
called and tested without an engine::

    @flow(writes=document_scores, reads={"documents": documents}, params=ScoreParams)
    def score(batch: pa.RecordBatch, params: ScoreParams) -> pa.RecordBatch: ...
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, Literal, TypeVar, cast

from lakehouse.declare.contract import Table
from lakehouse.declare.flow_values import FunctionKind, Refresh, Rows, Surplus, require_values
from lakehouse.declare.reads import Read, read
from lakehouse.errors import FlowError

TABLE_PSEUDO_COLUMN = "_table"

Kind = Literal["operator", "group", "relational", "sql", "landing", "frame"]
SqlDialect = Literal["portable", "spark", "duckdb"]
F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "__mixlake_flow__"
REJECT = "_reject"


@dataclass(frozen=True, slots=True)
class NoParams:
    """The parameters of a flow that has none."""


@dataclass(frozen=True, slots=True)
class Flow:
    """A declared step. Made by `flow` or from a SQL file; see there for the fields."""

    id: str
    kind: Kind
    writes: Table
    reads: Mapping[str, Read]
    function: Callable[..., Any] | None = None
    sql: str = ""
    dialect: SqlDialect = "spark"
    file: str = ""
    line: int = 0
    rows: Rows = "any"
    params: type[Any] = NoParams
    refresh: Refresh = "full"
    surplus: Surplus = "fail"
    driving: str = ""
    source_key: str = "sample_id"
    source_key_sql: str = "sample_id"
    group_by: tuple[str, ...] = ()
    group_mb: int = 1024
    external: Callable[..., str] | None = None
    batch_rows: int = 2048
    batch_seconds: float = 0.0
    reject_tolerance: float = 0.05
    models: Callable[..., Mapping[str, str]] | None = None
    tags: tuple[str, ...] = ()
    doc: str = ""
    spark: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """Where it is declared: file and line, of a SQL flow the file."""
        return f"{self.file}:{self.line}" if self.line else self.file

    @property
    def incremental(self) -> bool:
        """Whether the flow can process only what changed in its driving input."""
        return self.kind == "operator" or self.refresh == "merge"


def flow(  # noqa: PLR0913 - a declaration has as many fields as there is to declare
    *,
    writes: Table,
    reads: Mapping[str, Table | Read] | None = None,
    kind: FunctionKind = "operator",
    params: type[Any] = NoParams,
    refresh: Refresh = "full",
    surplus: Surplus = "fail",
    driving: str = "",
    source_key: str = "sample_id",
    source_key_sql: str = "sample_id",
    rows: Rows | None = None,
    group_by: Sequence[str] = (),
    group_mb: int = 1024,
    external: Callable[..., str] | None = None,
    batch_rows: int = 2048,
    batch_seconds: float = 0.0,
    reject_tolerance: float = 0.05,
    models: Callable[..., Mapping[str, str]] | None = None,
    tags: Sequence[str] = (),
    id: str = "",  # noqa: A002 - the public word for it
    spark: Mapping[str, str] | None = None,
) -> Callable[[F], F]:
    """Declare a function as a flow.

    An operator is called as ``f(batch, params)`` and returns a record batch with the written table's
    columns in any order, without mixlake's ``run_id``; a nullable column may be left out. What the types of columns
    and of fields within them may be, `lakehouse.declare.column.Column` says, for all flows. A row that it cannot
    make carries its reason in an extra string column ``_reject`` and goes to quarantine. A group flow is called as
    ``f(table, params)`` with all rows of its input that share the values of ``group_by``, in no order, and returns a
    table of the same form as an operator's batch. A relational flow is called as
    ``f(**inputs, relations=relations, params=params)`` with rows for each entry of ``reads``, and returns rows made
    of them; a frame as ``f(**inputs, params=params)`` with a DataFrame for each. Where one of these two refreshes by
    merge, it is also given ``affected``, the source keys whose rows are wanted. It may have further
    arguments: ``versions``, the version read of each table; ``storage``, the options of the lake's object store, for
    tasks that open its files themselves; a frame also ``cache``, a function that caches a DataFrame
    which it reads more than once, until the commit, and ``current_rows``, the written table's rows as they are.
    A landing flow is called as ``f(params=params)`` and returns an Arrow table; it may have the argument
    ``current_rows``, an Arrow table.

    Args:
        writes: Contract of the written table.
        reads: Argument name to input.
        kind: "operator", "group", "relational", "landing" or "frame".
        params: A frozen dataclass whose defaults a user's configuration overrides. A field with
            ``metadata={"file": True}`` names a file whose content, too, makes the flow stale; one with
            ``metadata={"follows": (...)}`` is by default as configured for the flows or tables named. Where it has a
            method ``check``, planning calls it, so that an error in a file is reported before a run.
        refresh: For relational flows and frames. "full": whole inputs in, and the difference by key is written.
            "merge": called with the affected source keys, and only their rows are replaced.
        surplus: For a flow that refreshes by merge, how to treat rows of source keys that are not among the affected
            ones: "fail" refuses them, naming one; "drop" leaves them out.
        driving: The input whose changes are processed incrementally; by default the only or first one.
        source_key: The column that names a row of the driving input.
        source_key_sql: Spark SQL expression over the *written* table that gives the key of the driving row of a row:
            ``sample_id`` for one-to-one steps, ``parent_ids[0]`` where the step cuts. It must give the row that a row
            was really made from: a key that no row given has is refused; that of another row given goes unnoticed, and
            a later change of that one replaces the row.
        rows: For operators. "one-to-one": each row given must come back once, good or with its reason in ``_reject``,
            under the same source key; an operator that loses or adds one is refused. "any": no such guarantee, for
            operators that split, join or select. By default one-to-one where a row of the written table keeps the
            driving row's key as its own (``source_key_sql`` is ``source_key``, and that is the table's key).
        group_by: For group flows: columns of the input, whose equal values make a group.
        group_mb: MiB of the rows of a group, at most, for group flows and groups of relational flows: a larger one,
            which no worker may hold, fails the flow with an error that names its key.
        external: For flows that land data: called with params, returns a fingerprint of the external
            data; the flow is stale when it changes.
        batch_rows: Rows of an Arrow batch; low where rows carry media bytes.
        batch_seconds: For operators that decode what strangers made: seconds that one may take for a batch. Such an
            operator runs in worker processes alone; a batch in which one dies or takes longer is tried again in halves,
            and the row at fault is quarantined. 0 is no limit. On Spark a task that dies is Spark's to repeat.
        reject_tolerance: Share of the rows that a run made above which the flow fails: of those that no check rejected,
            and of those that break a check that has no tolerance of its own.
        models: Called with params, returns name to digest of the model files that the flow uses.
        tags: Names for selection, as ``tag:NAME``.
        id: Stable identity, by default ``module.function``: letters, digits and ``. _ - / :``.
        spark: Spark SQL settings of the flow's own session.

    Raises:
        FlowError: If a value is not one of those above, or the declaration contradicts itself.
    """
    values = dict(locals())  # the arguments, by name

    def declare(function: F) -> F:
        code, default_id = _code_and_name(function)
        at = f"{code.co_filename}:{code.co_firstlineno}"
        require_values(default_id, values, at)
        inputs = {key: value if isinstance(value, Read) else read(value) for key, value in (reads or {}).items()}
        keeps_key = kind == "operator" and source_key_sql == source_key and tuple(writes.key) == (source_key,)
        spec = Flow(
            id=id or default_id,
            kind=kind,
            writes=writes,
            reads=inputs,
            function=function,
            file=code.co_filename,
            line=code.co_firstlineno,
            rows=rows or ("one-to-one" if keeps_key else "any"),
            params=params,
            refresh=refresh,
            surplus=surplus,
            driving=driving or next(iter(inputs), ""),
            source_key=source_key,
            source_key_sql=source_key_sql,
            group_by=tuple(group_by),
            group_mb=group_mb,
            external=external,
            batch_rows=batch_rows,
            batch_seconds=batch_seconds,
            reject_tolerance=reject_tolerance,
            models=models,
            tags=tuple(tags),
            doc=(function.__doc__ or "").strip().split("\n", 1)[0],
            spark=dict(spark or {}),
        )
        _require_inputs(spec)
        _require_consistent(spec)
        setattr(function, ATTRIBUTE, spec)
        return function

    return declare


def _require_inputs(spec: Flow) -> None:
    """Refuse a flow that has more or fewer inputs than its kind, groups where there are none, or other arguments."""
    name, kind, at = spec.id, spec.kind, spec.place
    if kind == "operator" and not spec.reads:
        raise FlowError(f"{name} is an operator without an input", "declare what it reads, or kind='landing'", at)
    if kind == "landing" and spec.reads:
        raise FlowError(f"{name} is a landing flow with an input", "leave reads out, or declare kind='relational'", at)
    if kind == "group" and (len(spec.reads) != 1 or not spec.group_by):
        raise FlowError(f"{name} is a group flow, which has one input and group_by", "declare both", at)
    if kind != "group" and spec.group_by:
        raise FlowError(f"{name}: group_by is for group flows", "leave it out, or declare kind='group'", at)
    if kind == "relational":
        _require_arguments(spec)


def _require_consistent(spec: Flow) -> None:
    """Refuse arguments of which one contradicts another."""
    name, at = spec.id, spec.place
    if spec.kind in {"group", "landing"} and spec.refresh == "merge":
        raise FlowError(f"{name}: a {spec.kind} flow does not refresh by merge", "leave refresh out", at)
    if spec.refresh == "merge" and not spec.reads:
        raise FlowError(f"{name} refreshes by merge without an input", "declare what it reads", at)
    if spec.surplus == "drop" and spec.refresh != "merge":
        raise FlowError(f"{name}: surplus='drop' is for flows that refresh by merge", "leave it out", at)
    if spec.driving and spec.driving not in spec.reads:
        raise FlowError(f"{name}: driving names {spec.driving!r}, which it does not read", "name one of its reads", at)
    if spec.rows == "one-to-one" and (spec.kind != "operator" or spec.source_key not in spec.writes):
        raise FlowError(
            f"{name}: rows='one-to-one' is for operators that keep {spec.source_key!r} as a column",
            "leave it out, or name that column by source_key",
            at,
        )


# Arguments that a relational function may have besides its inputs.
_RELATIONAL_ARGUMENTS = frozenset({"relations", "params", "affected", "versions", "storage"})


def _require_arguments(spec: Flow) -> None:
    """Refuse a relational function whose arguments no engine gives, and inputs of those names."""
    name, at = spec.id, spec.place
    taken = sorted(_RELATIONAL_ARGUMENTS & set(spec.reads))
    if taken:
        raise FlowError(f"{name} has an input {taken[0]!r}, which is the name of another argument", "rename it", at)
    known = _RELATIONAL_ARGUMENTS | set(spec.reads)
    for argument in inspect.signature(cast("Callable[..., Any]", spec.function)).parameters.values():
        if argument.name not in known and argument.kind is not argument.VAR_KEYWORD:
            raise FlowError(
                f"{name} has an argument {argument.name!r}, which a relational flow is not given",
                f"it may have its inputs and {', '.join(sorted(_RELATIONAL_ARGUMENTS))}",
                at,
            )


def _code_and_name(function: Any) -> tuple[CodeType, str]:
    """Return a function's code and its default id; one that is wrapped is judged by what it wraps."""
    inner = inspect.unwrap(function) if callable(function) else function
    if not inspect.isfunction(inner) or not callable(function):
        raise FlowError(f"@flow declares {function!r}, which is not a function", "declare a function")
    return inner.__code__, f"{function.__module__}.{function.__name__}"
