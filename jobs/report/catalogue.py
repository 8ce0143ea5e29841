"""The catalogue: each table with what a row is, its size and its documented columns."""

from __future__ import annotations

from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, tag
from jobs.report.page import Numbers, note, section, table
from lakehouse.declare.contract import Table


def catalogue(reader: LakeReader) -> list[Markup]:
    """Return the tables of the lake and those that are declared: a list, then the columns of each."""
    declared = reader.project.registry.tables
    names = sorted({*reader.project.catalog.names(), *declared})
    rows: list[tuple[object, ...]] = []
    parts = []
    for name in names:
        extent = reader.extent(name)
        contract = declared.get(name)
        if name in reader.damaged:
            rows.append((name, None, None, None, reader.gaps[name]))
            continue
        if extent is None and (reader.release or contract is None):
            continue
        link = tag("a", name, href=f"#{anchor(name)}")
        version, count, size = extent or (None, None, None)
        doc = contract.doc if contract else "not declared"
        rows.append((link, version, count, None if size is None else bytes_text(size), doc))
        parts.append(_table(reader, name, contract))
    columns = ("Table", Numbers("Version"), Numbers("Rows"), Numbers("Size"), "What one row is")
    if not rows:
        return [note("The lake has no table yet: mixlake run makes them.")]
    return [table(columns, rows, label="Tables"), section("Columns", *parts)]


def _table(reader: LakeReader, name: str, contract: Table | None) -> Markup:
    docs = {column.name: column for column in contract.columns} if contract else {}
    stored = reader.stored_columns(name) or {column: str(docs[column].type) for column in docs}
    rows = []
    for column, kind in stored.items():
        known = docs.get(column)
        rows.append((tag("code", column), kind, known.unit if known else "", known.doc if known else "not declared"))
    body: list[object] = []
    if contract:
        body.append(tag("p", contract.doc))
        if contract.key:
            body.append(tag("p", "Key: ", tag("code", ", ".join(contract.key)), class_="dim"))
    body.append(table(("Column", "Type", "Unit", "Meaning"), rows, label=f"Columns of {name}"))
    if contract and contract.checks:
        checks = [(check.name, tag("code", check.sql)) for check in contract.checks]
        body.append(table(("Check", "Condition"), checks, label=f"Checks of {name}"))
    # A link to what is inside opens it.
    return tag("details", tag("summary", tag("code", name)), tag("div", *body, id=anchor(name)))


def anchor(name: str) -> str:
    """Return the id of a table's place on the page."""
    return f"table-{name}"


def bytes_text(count: float) -> str:
    """Return bytes with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"
