"""Call an operator for Arrow batches, in a worker of any engine or in this process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from lakehouse.declare.contract import Table
from lakehouse.declare.flow import REJECT, Flow
from lakehouse.engine.conform_arrays import conform_column
from lakehouse.engine.conform_types import MisfitError, repeated
from lakehouse.engine.rules import given_columns
from lakehouse.errors import FlowError, MixlakeError

_END = object()


@dataclass(frozen=True)
class Runner:
    """Calls an operator for each batch and casts its result to the contract.

    Args:
        flow: Id of the flow, for errors.
        place: File of its function, for errors.
        line: Line there.
        function: The operator.
        params: Its parameters.
        table: Contract of the written table.
        clock: Something with a method ``add`` that is given the seconds spent in the operator, if any.
        one_to_one: The column by which each row given must come back once; empty where that is not promised.
        group_by: Columns by which a group's rows must be of that group; none where the table is keyed otherwise.
    """

    flow: str
    place: str
    function: Callable[..., Any]
    params: Any
    table: Table
    clock: Any = None
    line: int = 0
    one_to_one: str = ""
    group_by: tuple[str, ...] = ()

    @property
    def columns(self) -> list[pa.Field]:
        """The fields that a batch is given back with: the contract's without run_id, and the reject reason."""
        fields = [pa.field(column.name, column.stored_type) for column in given_columns(self.table)]
        return [*fields, pa.field(REJECT, pa.string())]

    def __call__(self, batches: Iterable[pa.RecordBatch | pa.Table]) -> Iterator[pa.RecordBatch]:
        """Yield the results of an operator for batches, or of a group's function for groups.

        What an operator yields is passed on before it is asked for more, so that one row given may become any number.
        """
        for batch in batches:
            if batch.num_rows == 0:
                continue
            keys: list[pa.Array] = []
            for item in self._results(batch):
                for part in self._fit(item):
                    if self.one_to_one:
                        keys.append(part.column(self.one_to_one))
                    yield part
            if self.one_to_one:
                self._same_rows(batch, keys)

    def _results(self, batch: pa.RecordBatch | pa.Table) -> Iterator[Any]:
        """Yield what the operator returns or yields for a batch, and count the time that it takes."""
        answer = self._timed(lambda: self.function(batch, self.params))
        if isinstance(answer, pa.RecordBatch | pa.Table):
            yield answer
        elif isinstance(answer, Iterator):
            while (item := self._timed(lambda: next(answer, _END))) is not _END:
                yield item
        elif isinstance(answer, list):
            yield from answer
        else:
            raise self._wrong(f"returned {type(answer).__name__}, not a record batch")

    def _timed(self, call: Callable[[], Any]) -> Any:
        began = time.monotonic()
        try:
            return call()
        except (MixlakeError, KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # a panic of Polars or another library in Rust is no Exception
            raise FlowError(
                f"{self.flow} failed with {type(error).__name__}: {error} ({self.place}{_line(error, self.place)})",
                "an operator rejects a bad row by _reject; fix it there",
            ) from error
        finally:
            if self.clock is not None:
                self.clock.add(time.monotonic() - began)

    def of_group(self, group: pa.Table) -> pa.Table:
        """Return the function's rows for all rows of a group."""
        answer = pa.Table.from_batches(list(self([group])), pa.schema(self.columns))
        good = answer.filter(answer.column(REJECT).is_null())
        for name in self.group_by:
            own = group.column(name).slice(0, 1).cast(answer.schema.field(name).type)
            others = good.column(name).filter(pc.invert(pc.is_in(good.column(name), value_set=own)))
            if len(others):
                raise FlowError(
                    f"{self.flow} returned a row of {name}={others[0].as_py()!r} for the group of"
                    f" {name}={own[0].as_py()!r} ({self._at})",
                    f"{self.table.name} is keyed by what the groups are made by: return rows of the group alone",
                )
        return answer

    def _fit(self, answer: pa.RecordBatch | pa.Table) -> Iterator[pa.RecordBatch]:
        if not isinstance(answer, pa.RecordBatch | pa.Table):
            raise self._wrong(f"returned {type(answer).__name__}, not a record batch")
        fields = self.columns
        known = {REJECT, *(column.name for column in self.table.columns)}
        extra = [name for name in answer.schema.names if name not in known]
        if extra:
            raise self._wrong(f"returned a column {extra[0]!r} that {self.table.name} does not have")
        if twice := repeated(answer.schema.names):
            raise self._wrong(f"returned the column {twice!r} twice")
        arrays = [self._column(answer, item) for item in fields]
        table = pa.table(arrays, schema=pa.schema(fields))
        yield from table.combine_chunks().to_batches()

    def _column(self, answer: pa.RecordBatch | pa.Table, wanted: pa.Field) -> Any:
        position = answer.schema.get_field_index(wanted.name)
        if position < 0:
            if wanted.name != REJECT and not self.table.column(wanted.name).nullable:
                raise self._wrong(f"left out the column {wanted.name!r}, which may not be null")
            return pa.nulls(answer.num_rows, wanted.type)
        try:
            return conform_column(wanted.name, answer.column(position), wanted.type)
        except MisfitError as misfit:
            raise self._wrong(str(misfit)) from None

    def _same_rows(self, batch: pa.RecordBatch | pa.Table, answer: list[pa.Array]) -> None:
        """Refuse a result in which a row is missing, duplicated or new, by the source key.

        Raises:
            FlowError: If there is one.
        """
        key = self.one_to_one
        kind = self.table.column(key).type
        given = batch.column(key).cast(kind)
        back = pa.chunked_array(answer, type=kind).combine_chunks()
        if back.equals(given) or back.sort().equals(given.sort()):
            return
        counts = [pc.value_counts(keys).flatten() for keys in (given, back)]
        before, after = (dict(zip(*(part.to_pylist() for part in pair), strict=True)) for pair in counts)
        first = next(value for value in {**before, **after} if before.get(value, 0) != after.get(value, 0))
        raise FlowError(
            f"{self.flow} got {len(given)} rows and returned {len(back)}: {key} {first!r} came"
            f" {before.get(first, 0)} times and went {after.get(first, 0)} times ({self._at})",
            "give each row back once, with a reason in _reject where it cannot be made; or declare rows='any'",
        )

    @property
    def _at(self) -> str:
        return f"{self.place}:{self.line}" if self.line else self.place

    def _wrong(self, what: str) -> FlowError:
        return FlowError(f"{self.flow} {what} ({self._at})", f"return the columns of {self.table.name}")


def runner_of(flow: Flow, params: Any, clock: Any = None) -> Runner:
    """Return the runner of an operator flow.

    Raises:
        FlowError: If the flow has no function.
    """
    if flow.function is None:
        raise FlowError(f"{flow.id} has no function", "declare it with @flow")
    key = flow.source_key if flow.rows == "one-to-one" else ""
    groups = flow.group_by if set(flow.group_by) <= set(flow.writes.key) else ()
    return Runner(flow.id, flow.file, flow.function, params, flow.writes, clock, flow.line, key, groups)


def _line(error: BaseException, place: str) -> str:
    """Return ``:line`` of the operator's own file where the error came up."""
    line = ""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == place:
            line = f":{trace.tb_lineno}"
        trace = trace.tb_next
    return line
