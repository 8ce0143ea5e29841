"""Training: the loss of each run over its steps, above the data that those steps saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.report.curve_chart import curves, stacks
from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, tag
from jobs.report.metrics_file import metric_files, read_metrics
from jobs.report.page import Numbers, key, note, section, table

_RUNS = 20
_BUCKETS = 100
_CELLS = 7
OTHER = "other cells"

_STEPS = """
    SELECT training_run, release, stage, min(step) AS first, max(step) AS last, count(*) AS steps,
        min("at") AS begun, max("at") AS ended
    FROM ledger.training_steps GROUP BY ALL ORDER BY begun DESC, training_run, stage
"""
# Tokens of each cell in the rows of each step. Positions name rows at the version that the step's release pins.
_SEEN = f"""
    WITH steps AS (
        SELECT release, stage, step, unnest(positions) AS position,
            (step - min(step) OVER ()) * {_BUCKETS} // (max(step) OVER () - min(step) OVER () + 1) AS bucket
        FROM ledger.training_steps WHERE training_run = $1
    ), parts AS (
        SELECT bucket, step, unnest(map_entries(cells)) AS part
        FROM steps JOIN __trained.sequences AS sequences USING (release, stage, position)
    ), summed AS (
        SELECT bucket, min(step) AS step, part.key AS cell, sum(part.value)::BIGINT AS tokens FROM parts GROUP BY ALL
    ), ranked AS (
        SELECT cell, row_number() OVER (ORDER BY sum(tokens) DESC, cell) AS place FROM summed GROUP BY cell
    )
    SELECT min(step) AS step, bucket, CASE WHEN place <= {_CELLS} THEN cell ELSE '{OTHER}' END AS cell,
        sum(tokens)::BIGINT AS tokens
    FROM summed JOIN ranked USING (cell) GROUP BY ALL ORDER BY bucket, cell
"""  # noqa: S608 - constants


def training(reader: LakeReader, runs: Path | None) -> list[Markup]:
    """Return the body of the page.

    Args:
        reader: The lake, whose ledger records which step saw which rows.
        runs: Folder of training runs with their metrics; None for none.
    """
    body: list[Markup] = []
    recorded = reader.rows("ledger.training_steps", _STEPS)
    if recorded:
        rows = [tuple(row.values()) for row in recorded]
        numbers = (Numbers("First step"), Numbers("Last step"), Numbers("Steps"))
        body.append(table(("Run", "Release", "Stage", *numbers, "Begun", "Ended"), rows, label="Training runs"))
    else:
        gap = reader.gaps.get(
            "ledger.training_steps", "No training step is recorded: mixlake train RECIPE --release R."
        )
        body.append(note(gap))
    names = list(dict.fromkeys(row["training_run"] for row in recorded))[:_RUNS]
    files = _files_of_runs(names, metric_files(runs) if runs else [])
    return body + [section(f"Run {name}", *_losses(files.get(name)), *_data(reader, name)) for name in names]


def _files_of_runs(names: list[str], paths: list[Path]) -> dict[str, Path]:
    """Return the file of metrics of each run that has one.

    Args:
        names: Runs, newest first: a recipe's name, the time and four digits.
        paths: Files of metrics. The folder of one is called as its recipe, and has the newest run of it. Where one
            run and one file are there, they belong together.
    """
    found: dict[str, Path] = {}
    left = {path.absolute().parent.name: path for path in paths}
    for name in names:
        recipe = name if name in left else name.rsplit("-", 2)[0]
        if recipe in left:
            found[name] = left.pop(recipe)
    return found or (dict(zip(names, paths, strict=True)) if len(names) == len(paths) == 1 else {})


def _losses(path: Path | None) -> list[object]:
    if path is None:
        return [note("Its metrics are not here: give the folder of its run with --runs.")]
    try:
        found = read_metrics(path)
    except ValueError as error:
        return [note(str(error))]
    if not found:
        return [note(f"{path.name} has no loss.")]
    colours = {name: number % 8 for number, name in enumerate(found)}
    label = "Loss over steps: of all tokens, and of each modality"
    return [tag("figure", key(found, colours), curves(found, colours, label), tag("figcaption", label))]


def _data(reader: LakeReader, run: str) -> list[object]:
    found = reader.rows(f"the data of {run}", _SEEN, [run])
    if not found:
        return [note(reader.gaps.get(f"the data of {run}", "The rows that its steps saw are not in the lake."))]
    by_bucket: dict[int, tuple[float, dict[str, float]]] = {}
    totals: dict[str, int] = {}
    for row in found:
        _, parts = by_bucket.setdefault(row["bucket"], (float(row["step"]), {}))
        parts[row["cell"]] = row["tokens"]
        totals[row["cell"]] = totals.get(row["cell"], 0) + row["tokens"]
    order = sorted(totals, key=lambda cell: (-totals[cell], cell))
    colours = {cell: number % 8 for number, cell in enumerate(order)}
    label = "Part of each cell in the tokens that the steps saw"
    chart = stacks(list(by_bucket.values()), colours, label)
    rows: list[tuple[Any, ...]] = [(cell, totals[cell]) for cell in order]
    numbers = tag("details", tag("summary", "As numbers"), table(("Cell", Numbers("Tokens")), rows))
    return [tag("figure", key(order, colours), chart, tag("figcaption", label)), numbers]
