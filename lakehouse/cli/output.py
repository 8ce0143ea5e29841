"""Printing: tables for people, JSON and lines for programs."""

from __future__ import annotations

import base64
import datetime as dt
import decimal
import json
import math
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_CELL = 60


def to_json(value: object, *, indent: int | None = None) -> str:
    """Return a value as JSON: times in ISO 8601, bytes in base64, decimals as whole numbers or, with a scale, as text.

    JSON has no NaN and no infinities: NaN, Infinity and -Infinity are strings.
    """
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), default=_plain, ensure_ascii=False, indent=indent)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    print(to_json(value, indent=2))


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    numbers: Sequence[str] = (),
    width: int = _CELL,
    cut: bool = False,
) -> None:
    """Print rows under a heading: drawn on a terminal, aligned plain text elsewhere.

    Values that are longer than a cell are cut on a terminal; a program that reads the output gets them whole.

    Args:
        columns: Names of the columns.
        rows: One sequence of values per row; None prints as nothing.
        numbers: Names of the columns that are aligned to the right.
        width: Characters of a cell at most, on a terminal.
        cut: Whether to cut them elsewhere too: for rows of the lake, whose texts may be long.
    """
    terminal = sys.stdout.isatty()
    cells = [[cell(value, width if terminal or cut else None) for value in row] for row in rows]
    right = [name in numbers for name in columns]
    if terminal:
        _drawn(columns, cells, right)
        return
    widths = [max([len(name), *(len(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    for row in [list(columns), *cells]:
        padded = [
            text.rjust(width) if is_right else text.ljust(width)
            for text, width, is_right in zip(row, widths, right, strict=True)
        ]
        print("  ".join(padded).rstrip())


def cell(value: object, width: int | None = _CELL) -> str:
    """Return a value as one line of at most ``width`` characters, or of any length."""
    if value is None:
        return ""
    text = _one_line(value)
    return text if width is None or len(text) <= width else text[: width - 1] + "…"


def _one_line(value: object) -> str:
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return f"{value:d}"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = value if isinstance(value, str) else str(value) if isinstance(value, decimal.Decimal) else to_json(value)
    text = text.replace("\r", "").replace("\n", "⏎").replace("\t", " ")
    return "".join(c if c.isprintable() else "�" for c in text)


def size(count: float) -> str:
    """Return bytes as text with a binary unit."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024 or unit == "TiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    raise AssertionError


def warn(text: str) -> None:
    """Print a line to standard error."""
    print(f"mixlake: {text}", file=sys.stderr)


def _drawn(columns: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name, is_right in zip(columns, right, strict=True):
        table.add_column(name, justify="right" if is_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(text) for text in row))
    Console(width=max(shutil.get_terminal_size().columns, 60), highlight=False).print(table)


def _finite(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return [_finite(item) for item in value] if isinstance(value, list | tuple) else value


def _plain(value: object) -> object:
    if isinstance(value, bytes | bytearray | memoryview):
        return base64.b64encode(bytes(value)).decode()
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal) and value.as_tuple().exponent == 0:
        return int(value)
    if isinstance(value, decimal.Decimal | dt.timedelta):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")
