"""``mixlake sql``."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_table, to_json, warn
from lakehouse.errors import QueryError, first_line
from lakehouse.output_file import output_file, output_text_file

if TYPE_CHECKING:
    import pyarrow as pa

_TABLE_ROWS = 500
_BINARY = {"arrow", "parquet"}


class _Statement(click.Command):
    """A command whose statement may begin with a comment, which looks like an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move such a statement behind all options; a statement has at least two lines."""
        takes = {name for option in self.params if option.param_type_name == "option" for name in option.opts}
        for place, word in enumerate(args):
            if place and args[place - 1] in {"--", *takes}:
                continue
            if word.startswith("--") and "\n" in word and not re.match(r"--[\w-]+=", word):
                args = [*args[:place], *args[place + 1 :], "--", word]
                break
        return super().parse_args(ctx, args)


@click.command(name="sql", cls=_Statement)
@click.argument("statement", required=False)
@click.option(
    "-f", "--file", "source", type=click.File("r", encoding="utf-8"), help="Read the SQL from a file; - for stdin."
)
@click.option(
    "--at",
    metavar="AT",
    help="Read at a release, a time (UTC; one without a fraction lasts to the end of its second), TABLE@VERSION[,...], "
    "or a version.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "arrow", "parquet"]),
    default="table",
    show_default=True,
    help="table is for people and cuts long values; json is one array; arrow is an IPC stream.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, allow_dash=True, path_type=Path),
    help="Write to this file, or a pipe, instead of stdout. A file is replaced once the whole answer is written.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Time after which the statement is ended; 0 for no limit.",
)
@click.option(
    "--memory",
    default="50%",
    show_default=True,
    metavar="SIZE",
    help="Memory that the statement may take, such as 4GB; of the machine's, where it is a share.",
)
@click.option(
    "--spill",
    default="50%",
    show_default=True,
    metavar="SIZE",
    help="Disk in TMPDIR that it may take where memory does not suffice; of what is free there, where it is a share.",
)
@click.pass_obj
def command(  # noqa: PLR0913 - one a word of the command
    context: Context,
    statement: str | None,
    *,
    source: IO[str] | None,
    at: str | None,
    form: str,
    output: Path | None,
    timeout: float,
    memory: str,
    spill: str,
) -> None:
    r"""Query all tables and views of the lake with SQL (DuckDB's dialect).

    SQL is read-only: SELECT, WITH, FROM, DESCRIBE, SUMMARIZE, EXPLAIN and SHOW TABLES. Ctrl-C ends a statement.

    \b
    Examples:
      mixlake sql "SELECT license, count(*) FROM silver.documents GROUP BY ALL"
      mixlake sql "SELECT * FROM license_exposure" --at mix-1 --format csv
      mixlake sql "FROM gold.samples" --format parquet --output samples.parquet --memory 8GB
      mixlake sql - < question.sql
    """
    if (statement is None) == (source is None):
        raise click.UsageError("give one statement, or - or --file FILE to read it")
    try:
        text = source.read() if source else sys.stdin.read() if statement == "-" else statement or ""
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the statement is not UTF-8 (at byte {error.start})") from None
    output = None if output == Path("-") else output
    if form in _BINARY and output is None and sys.stdout.isatty():
        raise click.UsageError(f"{form} is not for a terminal; redirect it, or use --output FILE")
    from lakehouse.query.connection import connect
    from lakehouse.query.limits import Limits

    limits = Limits(timeout or None, memory, spill)
    # The output is opened first: where it cannot be written, nobody waits for an answer.
    with _sink(output, form) as sink, connect(context.project, at, limits=limits) as connection:
        reader = connection.reader(text)
        with _written_values():
            if form in _BINARY:
                _write_binary(reader, form, cast("IO[bytes]", sink))
            elif form == "table" and output is None:
                _print(reader)
            else:
                _write_text(reader, form, cast("IO[str]", sink))


def _sink(output: Path | None, form: str) -> AbstractContextManager[IO[bytes] | IO[str]]:
    """Return where an answer is written."""
    if output is None:
        return nullcontext(sys.stdout.buffer if form in _BINARY else sys.stdout)
    return output_file(output) if form in _BINARY else output_text_file(output)


@contextmanager
def _written_values() -> Iterator[None]:
    """Report values without a form in Python, Arrow or JSON."""
    try:
        yield
    except (ArithmeticError, TypeError, ValueError, NotImplementedError) as error:
        raise QueryError(
            f"a value of the answer cannot be written: {first_line(error)}", "cast its column to VARCHAR"
        ) from error


def _write_binary(reader: pa.RecordBatchReader, form: str, sink: IO[bytes]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = pa.ipc.new_stream(sink, reader.schema) if form == "arrow" else pq.ParquetWriter(sink, reader.schema)
    with writer:
        for batch in reader:
            writer.write_batch(batch)


def _write_text(reader: pa.RecordBatchReader, form: str, sink: IO[str]) -> None:
    if form == "json":
        from lakehouse.query.python_values import to_rows

        duplicate = next((name for name in reader.schema.names if reader.schema.names.count(name) > 1), None)
        if duplicate is not None:
            raise QueryError(f"two columns are called {duplicate!r}, of which JSON keeps one", "rename one with AS")
        before = "[\n"
        for batch in reader:
            for row in to_rows(batch):
                sink.write(before + to_json(row))
                before = ",\n"
        sink.write("[]\n" if before == "[\n" else "\n]\n")
        return
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(reader.schema.names)
    for batch in reader:
        writer.writerows([_field(value) for value in row] for row in _rows(batch))


def _rows(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    """Return the values of each row by the place of their columns, which may share a name."""
    from lakehouse.query.python_values import to_values

    return zip(*map(to_values, batch.columns), strict=True)


def _field(value: Any) -> Any:
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return to_json(value).strip('"')


def _print(reader: pa.RecordBatchReader) -> None:
    rows: list[list[Any]] = []
    for batch in reader:
        rows.extend(list(row) for row in _rows(batch))
        if len(rows) > _TABLE_ROWS:
            break
    schema = reader.schema
    if schema.names[:2] == ["explain_key", "explain_value"]:
        print("\n".join(str(row[1]) for row in rows))
        return
    numbers = [field.name for field in schema if _is_number(field.type)]
    print_table(schema.names, rows[:_TABLE_ROWS], numbers=numbers, cut=True)
    if len(rows) > _TABLE_ROWS:
        warn(f"only the first {_TABLE_ROWS} rows are shown; --format csv gives all")


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow.types as pat

    return bool(pat.is_integer(kind) or pat.is_floating(kind) or pat.is_decimal(kind))
