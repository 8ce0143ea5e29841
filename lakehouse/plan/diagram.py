"""The flows drawn: as Mermaid or DOT for documents, and in lanes for a terminal.

In lanes each table has a line, and a vertical line from there down to the last flow that reads it. A flow's line
takes up the vertical lines of what it reads; a hollow mark reads nothing::

    ○ bronze.lines
    ├─● silver.words
    ● silver.shouts
    ● gold.counts
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lakehouse.plan.plan import Plan

# A table that is read and that no flow writes.
SOURCE = "source"
_COLOURS = {"missing": "#ffd6d6", "stale": "#fff0c2", "fresh": "#d9f2d9", SOURCE: "#e8e8e8"}


@dataclass(frozen=True, slots=True)
class Node:
    """One table in a drawing.

    Args:
        table: Its name.
        flow: The flow that writes it, empty where none does.
        kind: operator, group, relational, sql, landing or frame.
        state: missing, stale, fresh or source.
        causes: Kinds of the causes for which the flow is to run.
        doc: What the flow does.
    """

    table: str
    flow: str
    kind: str
    state: str
    causes: tuple[str, ...] = ()
    doc: str = ""

    @property
    def layer(self) -> str:
        """Its layer of the lake."""
        return self.table.partition(".")[0]


@dataclass(frozen=True, slots=True)
class FlowDiagram:
    """Tables and what is made from what.

    Args:
        nodes: By table, in an order in which what is read comes first.
        edges: (table read, table written), sorted.
    """

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]

    def as_dict(self) -> dict[str, Any]:
        """Return what ``mixlake graph --format json`` prints."""
        nodes = [
            {name: getattr(node, name) for name in ("table", "flow", "kind", "layer", "state", "doc")}
            | {"causes": list(node.causes)}
            for node in self.nodes.values()
        ]
        return {"nodes": nodes, "edges": [{"from": edge[0], "to": edge[1]} for edge in self.edges]}


def flow_diagram(plan: Plan) -> FlowDiagram:
    """Return the drawing of a plan's flows, and of the tables that they read and no flow writes."""
    graph = plan.graph
    nodes: dict[str, Node] = {}
    edges = set()
    written = {item.writes for item in plan.flows}
    for item in plan.flows:
        for name in graph.registry.inputs(item.flow):
            if name not in written and name in graph.registry.writers:
                continue
            edges.add((name, item.writes))
            nodes.setdefault(name, Node(name, "", "", SOURCE))
        causes = tuple(dict.fromkeys(cause.kind for cause in item.causes))
        nodes[item.writes] = Node(item.writes, item.flow.id, item.flow.kind, item.state, causes, item.flow.doc)
    return FlowDiagram(nodes, tuple(sorted(edges)))


def mermaid(drawn: FlowDiagram) -> str:
    """Return a Mermaid flowchart: a subgraph a layer, states as classes."""
    names = {table: f"t{number}" for number, table in enumerate(drawn.nodes)}
    lines = ["flowchart LR"]
    for layer in dict.fromkeys(node.layer for node in drawn.nodes.values()):
        lines.append(f'  subgraph layer_{layer}["{_mermaid_text(layer)}"]')
        for node in drawn.nodes.values():
            if node.layer == layer:
                left, right = ("[(", ")]") if node.state == SOURCE else ("[", "]")
                lines.append(f'    {names[node.table]}{left}"{_mermaid_text(node.table)}"{right}')
        lines.append("  end")
    lines.extend(f"  {names[a]} --> {names[b]}" for a, b in drawn.edges)
    for state, colour in _COLOURS.items():
        members = [names[node.table] for node in drawn.nodes.values() if node.state == state]
        if members:
            lines.append(f"  classDef {state} fill:{colour},stroke:#666,color:#000")
            lines.append(f"  class {','.join(members)} {state}")
    return "\n".join(lines)


def dot(drawn: FlowDiagram) -> str:
    """Return a Graphviz digraph: a cluster a layer, states as colours."""
    lines = ["digraph mixlake {", "  rankdir=LR;", '  node [shape=box, style=filled, fontname="sans-serif"];']
    for layer in dict.fromkeys(node.layer for node in drawn.nodes.values()):
        lines.append(f'  subgraph "cluster_{layer}" {{')
        lines.append(f"    label={_dot_text(layer)};")
        for node in drawn.nodes.values():
            if node.layer == layer:
                style = f"fillcolor={_dot_text(_COLOURS[node.state])}, tooltip={_dot_text(node.doc or node.state)}"
                lines.append(f"    {_dot_text(node.table)} [{style}];")
        lines.append("  }")
    lines.extend(f"  {_dot_text(a)} -> {_dot_text(b)};" for a, b in drawn.edges)
    return "\n".join([*lines, "}"])


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a drawing in lanes: the lanes as text, and the table."""

    lanes: str
    node: Node


def lanes(drawn: FlowDiagram) -> list[Line]:
    """Return the drawing in lanes, one line per table."""
    parents: dict[str, list[str]] = {table: [] for table in drawn.nodes}
    left: dict[str, int] = dict.fromkeys(drawn.nodes, 0)
    for a, b in drawn.edges:
        parents[b].append(a)
        left[a] += 1
    at: dict[int, str] = {}
    lines = []
    leaf = -1
    for table in _order(parents):
        inputs_by_lane = {lane: name for lane, name in at.items() if name in parents[table]}
        for name in parents[table]:
            left[name] -= 1
        ended = [lane for lane, name in inputs_by_lane.items() if not left[name]]
        # A flow continues in the lane of what it alone still reads; else it takes the first free one.
        # Not that of a table just above that nothing reads, since it would look as if made from it.
        free = (lane for lane in range(len(at) + 2) if lane not in at and lane != leaf)
        own = min(ended) if ended else next(free)
        mark = "●" if parents[table] else "○"
        lines.append(Line(_row(own, mark, inputs_by_lane, set(ended), set(at)), drawn.nodes[table]))
        leaf = -1 if left[table] else own
        for lane in ended:
            del at[lane]
        if left[table]:
            at[own] = table
    return lines


def _order(parents: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield tables, what they read first, so that few lanes are open at a time: a reader soon after what it reads."""
    waiting = {table: len(inputs) for table, inputs in parents.items()}
    readers: dict[str, list[str]] = {table: [] for table in parents}
    for table, inputs in parents.items():
        for name in inputs:
            readers[name].append(table)
    open_readers = {table: len(tables) for table, tables in readers.items()}
    place: dict[str, int] = {}
    position = {table: number for number, table in enumerate(parents)}

    def cost(table: str) -> tuple[int, int, int]:
        closes = sum(open_readers[name] == 1 for name in parents[table])
        newest = max((place[name] for name in parents[table]), default=-1)
        return bool(readers[table]) - closes, -newest, position[table]

    ready = [table for table, count in waiting.items() if not count]
    while ready:
        chosen = min(ready, key=cost)
        ready.remove(chosen)
        place[chosen] = len(place)
        yield chosen
        for name in parents[chosen]:
            open_readers[name] -= 1
        for reader in readers[chosen]:
            waiting[reader] -= 1
            if not waiting[reader]:
                ready.append(reader)


def _row(own: int, dot: str, inputs_by_lane: Mapping[int, str], ended: set[int], active: set[int]) -> str:
    """Return the lanes of one line, two characters a lane."""
    begin, end = min([own, *inputs_by_lane]), max([own, *inputs_by_lane])
    text = ""
    for lane in range(max([own, *active]) + 1):
        inside = begin <= lane <= end
        if lane == own:
            mark = dot
        elif lane in inputs_by_lane:
            mark = _joint(lane, begin, end, goes_on=lane not in ended)
        elif lane in active:
            mark = "│"
        else:
            mark = "─" if inside else " "
        text += mark + ("─" if begin <= lane < end else " ")
    return text.rstrip()


def _joint(lane: int, begin: int, end: int, *, goes_on: bool) -> str:
    if lane == begin:
        return "├" if goes_on else "╰"
    if lane == end:
        return "┤" if goes_on else "╯"
    return "┼" if goes_on else "┴"


def _mermaid_text(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "#quot;").replace("<", "&lt;").replace(">", "&gt;")


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'
