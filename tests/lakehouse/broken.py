"""What tests of broken lakes share: how to break one, and how to ask the command line about it."""

from __future__ import annotations

from pathlib import Path

from lakehouse.cli.main import main
from lakehouse.delta.catalog import Catalog


def say(project, capsys, *args, lake="lake"):
    """Run the command line in a project as a new process would, and return (status, output, lines of errors)."""
    project.unload()
    capsys.readouterr()
    status = main(["--lake", str(project.root / lake), *args])
    captured = capsys.readouterr()
    return status, captured.out, [line for line in captured.err.splitlines() if line.startswith("mixlake: ")]


def data_files(project, table, lake="lake"):
    """Return the data files of a table's latest version."""
    opened = Catalog(str(project.root / lake)).open(table)
    return [Path(uri.removeprefix("file://")) for uri in opened.file_uris()]


def commits(project, table, lake="lake"):
    """Return the commits of a table's log, oldest first."""
    return sorted((project.root / lake).joinpath(*table.split("."), "_delta_log").glob(f"{'[0-9]' * 20}.json"))


def lose(file):
    """Delete a file, with the checksum that Spark lays beside it."""
    file.unlink()
    file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
