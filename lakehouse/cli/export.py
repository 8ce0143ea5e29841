"""``mixlake export``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from lakehouse.cli.context import Context
from lakehouse.cli.output import print_json, print_table, size, warn

if TYPE_CHECKING:
    from lakehouse.export.manifest import Manifest

_SIZE = re.compile(r"(?i)(\d+(?:\.\d+)?)\s*([kmgt]?)i?b?")
_UNIT = {"": 0, "k": 10, "m": 20, "g": 30, "t": 40}


def _bytes(_: click.Context, __: click.Parameter, value: str) -> int:
    match = _SIZE.fullmatch(value.strip())
    found = int(float(match[1]) * (1 << _UNIT[match[2].lower()])) if match else 0
    if found < 1:
        raise click.BadParameter(f"{value!r} is not a size: write 500MB or 2GiB (units of 1,024)")
    return found


def _folder(_: click.Context, __: click.Parameter, value: str | None) -> Path | None:
    if value is not None and (not value or "://" in value):
        raise click.BadParameter(f"{value!r} is not a folder: export into one, then copy it to the object store")
    return None if value is None else Path(value)


def _options(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for value in values:
        name, equals, text = value.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{value!r} is not NAME=VALUE")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = text
    return found


@click.command(name="export")
@click.argument("tables", nargs=-1, metavar="[TABLE]...")
@click.option("-o", "--output", metavar="FOLDER", callback=_folder, help="Folder to export into.")
@click.option("--sql", metavar="STATEMENT", help="Export the rows of a statement instead of tables.")
@click.option(
    "-f",
    "--file",
    "source",
    type=click.File("r", encoding="utf-8"),
    help="Read the statement from a file; - for stdin.",
)
@click.option(
    "--at",
    metavar="AT",
    help="Export at a release, a time, TABLE@VERSION[,...], or a version. A release without a TABLE is exported whole.",
)
@click.option("--format", "form", default="parquet", show_default=True, metavar="NAME", help="See --formats.")
@click.option(
    "--option", "options", multiple=True, metavar="NAME=VALUE", callback=_options, help="An option of the format."
)
@click.option(
    "--shard-size", default="500MiB", show_default=True, metavar="SIZE", callback=_bytes, help="Size of a shard, about."
)
@click.option("--shard-rows", type=click.IntRange(1), metavar="N", help="Rows of a shard at most.")
@click.option(
    "--force", is_flag=True, help="Replace an earlier export, and files of the same names, once all shards are written."
)
@click.option("--verify", is_flag=True, help="Read all files again, and compare them with the manifest; exit 1 if not.")
@click.option("--formats", is_flag=True, help="List the formats, their options, and how they treat types.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest; with --verify, also the problems.")
@click.pass_obj
def command(  # noqa: PLR0913, PLR0917 - one an option
    context: Context,
    tables: tuple[str, ...],
    output: Path | None,
    sql: str | None,
    source: IO[str] | None,
    at: str | None,
    form: str,
    options: dict[str, str],
    shard_size: int,
    shard_rows: int | None,
    force: bool,
    verify: bool,
    formats: bool,
    as_json: bool,
) -> int:
    r"""Export tables, a release or a query to a folder of files, with a manifest of digests.

    All rows come from one snapshot. An export that was stopped leaves no partial file; the same command goes on
    from its last finished shard, on the same snapshot, or says why it cannot. Rows of a table come in the order of
    its files; for another order, give a statement with ORDER BY. A statement is answered once: its rows are kept in
    a hidden folder until the export is finished, and some 2,048 of them are in memory at a time, so that large media
    are best exported as a table.

    The folder's _manifest.json lists each file with its size, SHA-256 and rows, the version of each table, and the
    release with its digest. Several tables are exported to a subfolder each.

    \b
    Examples:
      mixlake export gold.samples -o samples
      mixlake export --at mix-1 -o mix-1
      mixlake export silver.documents --at mix-1 --format jsonl --option compression=zstd -o documents
      mixlake export --sql "SELECT text FROM silver.documents ORDER BY sample_id" --format jsonl -o texts
      mixlake export -o samples --verify
      mixlake export --formats
    """
    if formats:
        return _list_formats(as_json)
    if sql is not None and source is not None:
        raise click.UsageError("give --sql or --file, not both")
    if output is None:
        raise click.UsageError("give a folder to export into: --output FOLDER")
    try:
        statement = source.read() if source is not None else sql
    except UnicodeDecodeError as error:
        raise click.UsageError(f"the statement is not UTF-8 (at byte {error.start})") from None
    if verify and not tables and statement is None and at is None:
        return _verify(output, as_json=as_json)
    from lakehouse.export.export import export
    from lakehouse.export.request import Request
    from lakehouse.export.work_folder import NAME

    request = Request("", tables, statement, at, form, options, shard_size, shard_rows)
    try:
        done = export(context.project, request, output, force=force)
    except KeyboardInterrupt:
        shards = "its finished shards are kept: the same command goes on with them"
        begun = (output / NAME).exists()
        warn(f"the export is not finished; {shards if begun else 'nothing was kept: the same command begins it again'}")
        raise
    if verify:
        return _verify(output, as_json=as_json)
    if as_json:
        print_json(done.manifest.as_dict())
    else:
        _print(done.manifest)
        if done.continued:
            print("the export that was stopped went on, on the snapshot with which it began")
        print(f"{output} has this export already" if done.unchanged else f"exported to {output}")
    return 0


def _print(manifest: Manifest) -> None:
    rows = [
        (
            dataset.name,
            dataset.rows,
            len(dataset.shards),
            size(sum(file.bytes for shard in dataset.shards for file in shard.files)),
        )
        for dataset in manifest.datasets
    ]
    print_table(["table", "rows", "shards", "size"], rows, numbers=["rows", "shards", "size"])
    for dataset in manifest.datasets:
        for rule in dataset.rules:
            print(f"{dataset.name}.{rule}")


def _verify(folder: Path, *, as_json: bool) -> int:
    import dataclasses

    from lakehouse.export.verify import verify_export

    manifest, problems = verify_export(folder)
    if as_json:
        listed = [dataclasses.asdict(problem) for problem in problems]
        print_json({"whole": not problems, "problems": listed, "manifest": manifest.as_dict()})
    elif problems:
        print_table(["file", "problem"], [dataclasses.astuple(problem) for problem in problems])
        print(f"the export {folder} is not whole")
    else:
        print(f"the export {folder} is whole: {len(manifest.files)} files, {manifest.rows} rows")
    return 1 if problems else 0


def _list_formats(as_json: bool) -> int:
    from lakehouse.export.formats import format_names, load_format

    found = [load_format(name) for name in format_names()]
    if as_json:
        print_json(
            [
                {
                    "name": one.name,
                    "doc": one.doc,
                    "types": one.types,
                    "options": [
                        {
                            "name": option.name,
                            "doc": option.doc,
                            "default": option.default,
                            "choices": list(option.choices),
                        }
                        for option in one.options
                    ],
                }
                for one in found
            ]
        )
        return 0
    for one in found:
        print(f"{one.name}: {one.doc}\n  {one.types}")
        for option in one.options:
            default = f" (default {option.default})" if option.default else ""
            choices = f" One of {', '.join(option.choices)}." if option.choices else ""
            print(f"  --option {option.name}=...{default}: {option.doc}{choices}")
    return 0
