"""Metrics of training runs, from the ``metrics.jsonl`` that a run writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

FILE = "metrics.jsonl"
POINTS = 400
"""Steps of a run that are drawn at most, evenly spread."""


def metric_files(folder: Path) -> list[Path]:
    """Return the metrics of the runs in a folder, which may be one run's own, in order of names."""
    own = folder / FILE
    return [own] if own.is_file() else sorted(path for path in folder.glob(f"*/{FILE}") if path.is_file())


def read_metrics(path: Path, names: Iterable[str] = ("loss",)) -> dict[str, list[tuple[float, float]]]:
    """Return the points (step, value) of the metrics with these names, and of those below them (``loss.text``).

    Args:
        path: The file.
        names: What is wanted.

    Raises:
        ValueError: If it is not lines of JSON objects with a whole number ``step``.
    """
    try:
        rows = pj.read_json(path, read_options=pj.ReadOptions(block_size=1 << 22))
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is not a file of metrics: {str(error).splitlines()[0]}") from error
    if "step" not in rows.column_names or not pa.types.is_integer(rows["step"].type):
        raise ValueError(f"{path} is not a file of metrics: its lines have no step")
    rows = rows.filter(pc.is_valid(rows["step"])).sort_by("step")
    every = max(1, -(-rows.num_rows // POINTS))
    rows = rows.take(pa.array(range(0, rows.num_rows, every)))
    wanted = tuple(names)
    found = {}
    for name in rows.column_names:
        kind = rows[name].type
        number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
        if number and (name in wanted or name.startswith(tuple(f"{one}." for one in wanted))):
            pairs = zip(rows["step"].to_pylist(), rows[name].to_pylist(), strict=True)
            found[name] = [(float(step), float(value)) for step, value in pairs if value is not None]
    return found
