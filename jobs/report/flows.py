"""The flows: the graph of tables, the state of each flow and why, what its runs cost, and its quarantined rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jobs.report.catalogue import anchor
from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, tag
from jobs.report.page import Numbers, note, section, state, table
from lakehouse.errors import MixlakeError
from lakehouse.plan.diagram import FlowDiagram, flow_diagram
from lakehouse.plan.plan import Plan, make_plan
from lakehouse.query.quarantine import count_quarantined

STATES = frozenset({"missing", "stale", "fresh", "source"})
_WIDTH, _HEIGHT, _GAP_X, _GAP_Y = 208, 26, 36, 10


def flows(reader: LakeReader) -> tuple[list[Markup], dict[str, int]]:
    """Return the body of the page, and how many flows are in each state."""
    try:
        plan = make_plan(reader.project, ())
    except MixlakeError as error:
        return [note(f"The flows cannot be planned: {error.message}")], {}
    drawn = flow_diagram(plan)
    counts: dict[str, int] = {}
    for item in plan.flows:
        counts[item.state] = counts.get(item.state, 0) + 1
    body = (
        [note("States and quarantined rows are those of now, whatever version the report is of.")] if reader.at else []
    )
    body += [note(warning) for warning in plan.warnings]
    body.append(section("What is made from what", graph(drawn)))
    body.append(section("States", _states(reader, plan)))
    body.append(section("Quarantined rows", _quarantine(reader)))
    return body, counts


def _states(reader: LakeReader, plan: Plan) -> Markup:
    cost = {row["table"]: row for row in reader.rows("cost", "SELECT * FROM cost")}
    rows = []
    for item in plan.flows:
        spent = cost.get(item.writes, {})
        because = "; ".join(f"{cause.kind}: {cause.detail}" for cause in item.causes)
        rows.append(
            (
                tag("a", item.writes, href=f"catalogue.html#{anchor(item.writes)}"),
                state(item.state, STATES),
                item.flow.doc.partition("\n")[0],
                because,
                spent.get("runs"),
                spent.get("last_seconds"),
                spent.get("last_run_at"),
            )
        )
    columns = ("Writes", "State", "What it does", "Because", Numbers("Runs"), Numbers("Last, seconds"), "Last run")
    return table(columns, rows, label="Flows") if rows else note("No flow is declared.")


def _quarantine(reader: LakeReader) -> Markup:
    try:
        found = count_quarantined(reader.project)
    except MixlakeError as error:
        return note(str(error.message))
    if not found:
        return tag("p", "No row is quarantined.")
    rows = [(row["table"], row["flow"], row["reason"], row["rows"]) for row in found[:200]]
    return table(("Table", "Flow", "Reason", Numbers("Rows")), rows, label="Quarantined rows")


def graph(drawn: FlowDiagram) -> Markup:
    """Return the tables in columns, each right of all that it is made from, and lines between them."""
    if not drawn.nodes:
        return note("No flow is declared.")
    columns = _columns(drawn)
    places = {
        name: (number * (_WIDTH + _GAP_X) + 4.0, line * (_HEIGHT + _GAP_Y) + 4.0)
        for number, column in enumerate(columns)
        for line, name in enumerate(column)
    }
    edges = []
    for a, b in drawn.edges:
        (x1, y1), (x2, y2) = places[a], places[b]
        x1, y1, y2 = x1 + _WIDTH, y1 + _HEIGHT / 2, y2 + _HEIGHT / 2
        half = (x2 - x1) / 2 if x2 - x1 <= _GAP_X else _GAP_X / 2
        path = f"M{x1:.0f} {y1:.0f}C{x1 + half:.0f} {y1:.0f} {x2 - half:.0f} {y2:.0f} {x2:.0f} {y2:.0f}"
        edges.append(tag("path", d=path, class_="edge"))
    boxes = []
    for name, (x, y) in places.items():
        node = drawn.nodes[name]
        words = f"{name}: {node.state}. {node.doc}".strip()
        shown = name if len(name) <= 30 else f"{name[:29]}…"
        inside = (
            tag("title", words),
            tag("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=5, class_="box"),
            tag("text", shown, x=x + 8, y=y + 17, font_size=12),
        )
        boxes.append(tag("a", *inside, href=f"catalogue.html#{anchor(name)}", class_=_class(node.state)))
    width = len(columns) * (_WIDTH + _GAP_X) - _GAP_X + 8
    height = max(len(column) for column in columns) * (_HEIGHT + _GAP_Y) + 8
    label = "Tables, from what is landed on the left to what is made from it"
    picture = tag("svg", *edges, *boxes, width=width, height=height, role="group", aria_label=label)
    return tag("div", picture, class_="scroll", tabindex="0", role="region", aria_label=label)


def _class(word: str) -> str | None:
    return word if word in STATES else None


def _columns(drawn: FlowDiagram) -> list[list[str]]:
    """Return the tables by how many steps lie before them, in each column near what they are made from."""
    inputs: Mapping[str, list[str]] = {name: [] for name in drawn.nodes}
    for a, b in drawn.edges:
        inputs[b].append(a)
    depth: dict[str, int] = {}
    for name in drawn.nodes:  # what is read comes first
        depth[name] = max((depth.get(other, 0) + 1 for other in inputs[name]), default=0)
    columns: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
    line: dict[str, float] = {}
    for name in sorted(drawn.nodes, key=lambda name: depth[name]):
        columns[depth[name]].append(name)
    for column in columns:
        column.sort(key=lambda name: (_mean([line[other] for other in inputs[name]]), name))
        line.update({name: float(number) for number, name in enumerate(column)})
    return columns


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
