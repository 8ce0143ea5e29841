"""``mixlake sources``: what a folder may hold, and a look at the records of a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lakehouse.errors import UsageError

if TYPE_CHECKING:
    from jobs.acquire.records.declaration import Records
    from jobs.acquire.records.record import Record

_FIELDS = ("text", "id", "title", "language", "license", "url", "time")
_SHOWN = 60


@click.group(name="sources")
def command() -> None:
    r"""Show what sources may hold, and look at their records.

    \b
    Examples:
      mixlake sources formats
      mixlake sources peek dumps/posts.jsonl.zst --text body --id id
    """


@command.command(name="formats")
@click.option("--json", "as_json", is_flag=True, help="Print objects with name, suffixes, lands, declare.")
def formats(as_json: bool) -> None:
    r"""List the formats of files, how each lands, and how records are declared.

    \b
    Examples:
      mixlake sources formats
      mixlake sources formats --json
    """
    import dataclasses

    from jobs.acquire.accepted_formats import DOCUMENTS, EXAMPLE, NOTES, RECORDS
    from lakehouse.cli.output import print_json, print_table

    if as_json:
        print_json([dataclasses.asdict(one) for one in (*DOCUMENTS, *RECORDS)])
        return
    click.echo("A file that is one sample:\n")
    print_table(("format", "names", "lands as"), [[one.name, " ".join(one.suffixes), one.lands] for one in DOCUMENTS])
    click.echo("\nFiles of records, which a source declares:\n")
    print_table(
        ("format", "names", "a sample is", "records:"),
        [[one.name, " ".join(one.suffixes), one.lands, one.declare] for one in RECORDS],
    )
    click.echo(f"\n{NOTES}\n\n{EXAMPLE}")


@command.command(name="peek")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--format", "format_", metavar="NAME", default="by-name", help="Its format, where its name says none.")
@click.option("--text", metavar="FIELD", default="", help="The field of the text.")
@click.option("--id", "id_", metavar="FIELD", default="", help="The field of the id; --title and others likewise.")
@click.option("--title", metavar="FIELD", default="", hidden=True)
@click.option("--language", metavar="FIELD", default="", hidden=True)
@click.option("--license", "license_", metavar="FIELD", default="", hidden=True)
@click.option("--url", metavar="FIELD", default="", hidden=True)
@click.option("--time", metavar="FIELD", default="", hidden=True)
@click.option("--modality", type=click.Choice(["text", "code", "image", "speech"]), default="text", show_default=True)
@click.option("--rows", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many records.")
@click.option("--json", "as_json", is_flag=True, help="Print an object for each record.")
def peek(file: Path, format_: str, modality: str, rows: int, as_json: bool, **named: str) -> None:
    r"""Show the first records of a file as a declaration would read them, or why it would refuse them.

    Nothing is landed. A record that lacks a declared field is shown with the fields that it has.

    \b
    Examples:
      mixlake sources peek dumps/posts.jsonl.zst
      mixlake sources peek dumps/posts.jsonl.zst --text body --id id --language meta.lang
      mixlake sources peek crawl.warc.wet.gz --rows 20 --json
    """
    from lakehouse.cli.output import print_json, print_table

    fields = {name.removesuffix("_"): field for name, field in named.items()}
    found = read_first(file, {"format": format_, **fields}, modality, rows)
    if as_json:
        print_json(found)
        return
    shown = [name for name in ("place", *_FIELDS, "media", "problem") if any(one.get(name) for one in found)]
    print_table(shown, [[_short(one.get(name)) for name in shown] for one in found])


def read_first(file: Path, declared: dict[str, str], modality: str, rows: int) -> list[dict[str, Any]]:
    """Return what the first records of a file say: place, problem, and the fields, without those that are empty.

    Args:
        file: The file.
        declared: ``format`` and fields, as `jobs.acquire.records.declaration.Records` has them.
        modality: What a record is.
        rows: How many.

    Raises:
        UsageError: If the file cannot be read, or its name says no format.
    """
    import itertools
    from typing import get_args

    from jobs.acquire.compression import compression_of
    from jobs.acquire.records.declaration import RecordFormat, Records
    from jobs.acquire.records.read import read_records

    known = [name for name in get_args(RecordFormat) if name != "document"]
    if declared["format"] not in known:
        raise UsageError(f"there is no format {declared['format']!r}", f"choose one of {', '.join(known)}")
    records = Records(**declared)  # type: ignore[arg-type]
    try:
        with file.open("rb") as stream:
            head = stream.read(64)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}", "name a file of records") from error
    if not records.format_of(file.name):
        raise UsageError(f"the name of {file} says no format of records", "name it: --format jsonl")
    resolved = records.resolved(file.name, modality)
    first = itertools.islice(read_records(file, resolved, compression_of(head)), rows)
    return [_said(record, resolved, modality) for record in first]


def _said(record: Record, declared: Records, modality: str) -> dict[str, Any]:
    from jobs.acquire.file_guard import RejectedError
    from jobs.acquire.records.fields import fields_of

    said: dict[str, Any] = {"place": record.place}
    if record.problem:
        return said | {"problem": record.problem}
    try:
        fields = fields_of(record, declared, modality)
    except RejectedError as rejected:
        return said | {"problem": str(rejected)}
    values = {name: getattr(fields, name) for name in _FIELDS}
    values["time"] = fields.time.isoformat() if fields.time else None
    values["media"] = f"{len(fields.media)} bytes" if fields.media else None
    return said | {name: value for name, value in values.items() if value and value != "und"}


def _short(value: Any) -> str:
    text = " ".join(str(value or "").split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
