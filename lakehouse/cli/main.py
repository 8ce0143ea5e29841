"""The entry of the command line.

Verbs are loaded when they are called, so that ``mixlake --help`` needs only click. An installed package
adds verbs under the entry point group ``mixlake.commands``; each names a `click.Command` that takes a
`lakehouse.cli.context.Context` with ``@click.pass_obj``.
"""

from __future__ import annotations

import ast
import contextlib
import errno
import importlib
import importlib.metadata
import importlib.util
import io
import logging
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import click

from lakehouse.cli.context import Context
from lakehouse.cli.help import add_topics
from lakehouse.cli.output import warn
from lakehouse.declare.own_packages import place_of, require_own
from lakehouse.errors import MixlakeError, did_you_mean
from lakehouse.interruption import Terminated, left_behind, raise_terminated
from lakehouse.scratch_folder import delete_own_scratch_folders

GROUP = "mixlake.commands"

# Verb to (module, what it does). The command is the module's attribute `command`.
VERBS = {
    "plan": ("lakehouse.cli.plan", "Show which flows are stale, and why."),
    "explain": ("lakehouse.cli.explain", "Explain one flow, and how it would run."),
    "graph": ("lakehouse.cli.graph", "Draw the flows and their states."),
    "run": ("lakehouse.cli.run", "Run the flows that are stale."),
    "tables": ("lakehouse.cli.tables", "List the lake's tables."),
    "show": ("lakehouse.cli.show", "Show a table: its columns and first rows."),
    "history": ("lakehouse.cli.history", "List a table's commits, newest first."),
    "contract": ("lakehouse.cli.contract", "Show the contract of a table."),
    "sql": ("lakehouse.cli.sql", "Query the lake with SQL."),
    "export": ("lakehouse.cli.export", "Export tables, a release or a query to files."),
    "trace": ("lakehouse.cli.trace", "Trace a row's sources and training steps, or a step's rows."),
    "why": ("lakehouse.cli.why", "Tell why a sample is where it is: each decision about it."),
    "attrition": ("lakehouse.cli.attrition", "Count what each step kept and lost, by rule."),
    "quarantine": ("lakehouse.cli.quarantine", "List, explain and retry quarantined rows."),
    "retract": ("lakehouse.cli.retract", "Retract rows, with all rows derived from them."),
    "release": ("lakehouse.cli.release", "Create, list, compare, verify and drop releases."),
    "package": ("lakehouse.cli.package", "Pack the project's code for spark-submit."),
    "optimize": ("lakehouse.cli.optimize", "Compact small files."),
    "vacuum": ("lakehouse.cli.vacuum", "Delete unreferenced files."),
    "check": ("lakehouse.cli.check", "Check that flows are deterministic."),
    "doctor": ("lakehouse.cli.doctor", "Diagnose this machine and lake."),
    "help": ("lakehouse.cli.help", "Explain a topic, or a command."),
}


class Verbs(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of all verbs, the built-in ones first."""
        return [*VERBS, *sorted(name for name in _plugins() if name not in VERBS)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a verb.

        Raises:
            MixlakeError: If an installed package's verb cannot be imported, or another package has its name.
        """
        if cmd_name in VERBS:
            return _with_lake(importlib.import_module(VERBS[cmd_name][0]).command)
        point = _plugins().get(cmd_name)
        if point is None:
            return None
        require_own(point)
        try:
            return _with_lake(point.load())
        except MixlakeError:
            raise
        except Exception as error:
            raise MixlakeError(
                f"the command {cmd_name} cannot be loaded: {type(error).__name__}: {error}",
                f"install what {point.value} needs",
            ) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a verb; for an unknown one suggest the nearest."""
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            hint = did_you_mean(name, known) or "see mixlake --help"
            raise click.UsageError(f"there is no command {name!r} — {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the verbs; none is imported for it."""
        rows = [(name, text) for name, (_, text) in VERBS.items()]
        rows.extend((name, _first_sentence(point)) for name, point in sorted(_plugins().items()) if name not in VERBS)
        with formatter.section("Commands"):
            formatter.write_dl(rows)
        add_topics(formatter)


def _examples(text: str) -> str:
    """Return help in which click finds its mark of a block that is not to be wrapped, a backspace."""
    return text.replace("\\b\n", "\b\n")


@click.group(
    cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, no_args_is_help=True
)
@click.option(
    "--lake",
    metavar="URI",
    envvar="MIXLAKE_LAKE",
    help="Location of the lake: a folder or an object-store URI. Default: from mixlake.yaml, else ./lake.",
)
@click.option("-v", "--verbose", is_flag=True, help="Log more details.")
@click.version_option(package_name="mixlake", prog_name="mixlake")
@click.pass_context
def cli(ctx: click.Context, lake: str | None, verbose: bool) -> None:
    r"""Run declared flows over a Delta lakehouse, and query it.

    Keys of mixlake.yaml: mixlake help config. Environment variables, MIXLAKE_LAKE and others: mixlake help
    environment. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted; more in mixlake help exit-codes.

    \b
    Examples:
      mixlake plan
      mixlake run +gold.sequences
      mixlake sql "SELECT license, count(*) FROM silver.documents GROUP BY ALL"
    """
    ctx.obj = Context(lake)
    _log_to_stderr(logging.INFO if verbose else logging.WARNING)


cli.help = _examples(cli.help or "")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status.

    0: all was done. 1: it was not. 2: usage error. 130: interrupted. 143: terminated (SIGTERM).
    """
    with raise_terminated():
        status = _status(list(sys.argv[1:] if argv is None else argv))
    if left_behind.is_set() and argv is None:
        _end_at_once(status)
    return status


def _status(words: list[str]) -> int:  # noqa: PLR0911 - one an ending
    try:
        _open_streams()
        _refuse_other_bytes(words)
        status = cli.main(args=words, prog_name="mixlake", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        warn(_usage(error))
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        _debug()
        # Click raises Abort from what it caught.
        terminated = isinstance(error, Terminated) or isinstance(error.__cause__, Terminated)
        warn("terminated" if terminated else "interrupted")
        return 143 if terminated else 130
    except BrokenPipeError:
        # The reader has gone; keep the interpreter from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MixlakeError as error:
        _debug()
        warn(" ".join(str(error).split("\n")))
        return error.exit_code
    except OSError as error:
        _debug()
        place = f": {error.filename}" if error.filename else ""
        hint = "free space there" if error.errno == errno.ENOSPC else "check the place and its rights"
        warn(f"{error.strerror or error}{place} — {hint}")
        return 1
    return status if isinstance(status, int) else 0


def _end_at_once(status: int) -> NoReturn:
    """End this process although work goes on in other threads, which nothing else ends."""
    for child in _children():
        with contextlib.suppress(OSError):
            os.kill(child, signal.SIGTERM)
    delete_own_scratch_folders()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(status)


def _children() -> list[int]:
    """Return the processes that this one started, such as package managers and Spark's JVM; on Linux alone."""
    found: list[int] = []
    for thread in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.extend(map(int, thread.read_text().split()))
    return found


def _open_streams() -> None:
    """Let output go nowhere where it was closed, and show what its encoding lacks as escapes."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream := getattr(sys, name), io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _refuse_other_bytes(words: Sequence[str]) -> None:
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            if (encoding := sys.getfilesystemencoding()) != "utf-8":
                text = (
                    f"{os.fsencode(word).decode(errors='backslashreplace')} is not {encoding}, which Python reads here"
                )
                raise click.UsageError(f"{text} — set PYTHONUTF8=1, or LC_ALL=C.UTF-8") from None
            raise click.UsageError(f"{word.encode(errors='backslashreplace').decode()} is not UTF-8") from None


def _debug() -> None:
    if os.environ.get("MIXLAKE_DEBUG"):
        traceback.print_exc()


def _usage(error: click.ClickException) -> str:
    text = error.format_message().strip().replace("\n", " ")
    if isinstance(error, click.UsageError) and error.ctx is not None and "—" not in text:
        text = f"{text.rstrip('.')} — see {error.ctx.command_path} --help"
    return text


def _plugins() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}


def _first_sentence(point: importlib.metadata.EntryPoint) -> str:
    """Return the first line of a command's docstring from its source: importing it may take seconds."""
    top, *rest = point.module.split(".")
    place = place_of(point)
    spec = importlib.util.find_spec(top) if place is None else None
    for folder in [place] if place else (spec.submodule_search_locations or [] if spec else []):
        for path in (Path(folder, *rest).with_suffix(".py"), Path(folder, *rest, "__init__.py")):
            if not path.is_file():
                continue
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in tree.body:
                if isinstance(node, ast.FunctionDef) and node.name == point.attr:
                    return (ast.get_docstring(node) or "").partition("\n")[0]
    return ""


def _with_lake(command: click.Command) -> click.Command:
    """Let ``--lake`` be given after the verb, too; and keep the lines of examples apart."""
    if command.help:
        command.help = _examples(command.help)
    if isinstance(command, click.Group):
        for child in command.commands.values():
            _with_lake(child)
    elif not any("--lake" in option.opts for option in command.params):
        command.params.append(
            click.Option(
                ["--lake"],
                metavar="URI",
                expose_value=False,
                callback=_set_lake,
                help="Location of the lake.",
            )
        )
    return command


def _set_lake(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_root().obj = Context(value)
        ctx.obj = ctx.find_root().obj


class _Lines(logging.Formatter):
    """One line per record, as errors are written."""

    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
        return f"mixlake: {level}{record.getMessage()}"


def _log_to_stderr(level: int) -> None:
    logger = logging.getLogger("mixlake")
    for old in list(logger.handlers):
        if isinstance(old.formatter, _Lines):
            logger.removeHandler(old)
    handler = logging.StreamHandler()
    handler.setFormatter(_Lines())
    # While a progress display shows records itself, they are not written twice.
    handler.addFilter(lambda _: len(logger.handlers) == 1)
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False


if __name__ == "__main__":
    sys.exit(main())
