"""The mixture: quotas with what was drawn of them, what became of the samples, and licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.report.attrition import attrition
from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, join, plain, tag
from jobs.report.page import Numbers, note, section, table

_QUOTA = "SELECT stage, cell, target, supply, drawn, epochs, shortfall FROM quota"
_LICENCES = """
    SELECT stage, license, modality, samples, draws, tokens, share FROM license_exposure
    ORDER BY tokens DESC, stage, license, modality
"""
_BAR, _LINE, _LEFT = 460.0, 26, 210


def mixture(reader: LakeReader) -> list[Markup]:
    """Return the body of the page."""
    return [section("Quotas", quotas(reader)), attrition(reader), section("Licences", licences(reader))]


def quotas(reader: LakeReader) -> Markup:
    """Return a chart of each stage: a bar of the tokens drawn from each cell, and a mark at its target."""
    rows = reader.rows("quota", _QUOTA)
    if not rows:
        return note(reader.gaps.get("quota", "The lake has no quota yet: mixlake run +gold.mixture draws a mixture."))
    parts = []
    for stage in dict.fromkeys(row["stage"] for row in rows):
        lines = [row for row in rows if row["stage"] == stage]
        shown = [
            (row["cell"], row["target"], row["supply"], row["drawn"], row["epochs"], row["shortfall"]) for row in lines
        ]
        heads = (Numbers(title) for title in ("Target", "Supply", "Drawn", "Epochs", "Shortfall"))
        numbers = tag("details", tag("summary", "As numbers, in tokens"), table(("Cell", *heads), shown))
        caption = tag("figcaption", "Bar: tokens drawn. Mark: target.")
        parts += [tag("h3", "Stage ", tag("bdi", stage)), tag("figure", _bars(stage, lines), caption), numbers]
    return join(parts)


def _bars(stage: str, lines: Sequence[Mapping[str, Any]]) -> Markup:
    most = max(1, *(max(row["target"], row["drawn"]) for row in lines))
    drawn = []
    for number, row in enumerate(lines):
        y = number * _LINE + 4
        cell = row["cell"] if len(row["cell"]) <= 28 else f"{row['cell'][:27]}…"
        words = f"{row['cell']}: {plain(row['drawn'])} of {plain(row['target'])} tokens drawn"
        target = _LEFT + row["target"] / most * _BAR
        width = row["drawn"] / most * _BAR
        share = f"{row['drawn'] / row['target']:.0%}" if row["target"] else "no target"
        drawn.append(
            tag(
                "g",
                tag("title", words),
                tag("text", cell, x=_LEFT - 8, y=y + 14, text_anchor="end"),
                tag("rect", x=_LEFT, y=y + 3, width=width, height=14, class_="fill c0"),
                tag("line", x1=target, x2=target, y1=y, y2=y + 20, class_="target"),
                tag("text", f"{plain(row['drawn'])} · {share}", x=_LEFT + _BAR + 10, y=y + 14, class_="axis"),
            )
        )
    height = len(lines) * _LINE + 8
    label = f"Tokens drawn of each cell of the stage {stage}, beside its target"
    picture = tag("svg", *drawn, width=_LEFT + _BAR + 150, height=height, role="img", aria_label=label)
    return tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=label)


def licences(reader: LakeReader) -> Markup:
    """Return what each licence weighs in each stage."""
    rows = reader.rows("license_exposure", _LICENCES)
    if not rows:
        return note(reader.gaps.get("license_exposure", "No mixture was drawn yet."))
    shown = [
        (
            row["stage"],
            row["license"],
            row["modality"],
            row["samples"],
            row["draws"],
            row["tokens"],
            f"{row['share']:.2%}",
        )
        for row in rows
    ]
    heads = (Numbers(title) for title in ("Samples", "Draws", "Tokens", "Share of the stage"))
    return table(("Stage", "Licence", "Modality", *heads), shown, label="Licences")
