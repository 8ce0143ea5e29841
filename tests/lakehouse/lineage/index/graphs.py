"""Made lineage, and ``ledger.edges`` of it written through delta-rs: what the index is compared with."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake

from lakehouse.delta import append
from lakehouse.delta.commit_note import CommitNote
from lakehouse.ledger import tables
from lakehouse.lineage.index.state import FLOW, FORMAT, index_state

DETAILS = ("run_id", "source", "license", "uri")


def entries(lake, name) -> Counter:
    """Return the entries of one table, counted row by row: (parent, child, table, run_id, source, license, uri)."""
    found = Counter()
    for row in lake.table(name).to_pylist():
        child = row["sample_id"]
        found[None, child, name, *(row.get(detail) for detail in DETAILS)] += 1
        for parent in row.get("parent_ids") or ():
            found[parent, child, name, None, None, None, None] += 1
    return found


def all_entries(lake) -> Counter:
    """Return the entries of all tables of a lake."""
    return sum((entries(lake, name) for name in index_state(lake.project).tables), Counter())


def held_entries(lake) -> dict[str, Counter]:
    """Return what ``ledger.edges`` holds, added up, in each of its orders."""
    found = {"child": Counter(), "parent": Counter()}
    for row in lake.table("ledger.edges").to_pylist():
        key = tuple(row[name] for name in ("parent", "child", "table", *DETAILS))
        found[row["sorted_by"]][key] += row["n"]
    return {order: Counter({key: n for key, n in counts.items() if n}) for order, counts in found.items()}


def write_index(lake, levels, group=4) -> None:
    """Write ``ledger.edges`` as of the tables' latest versions.

    Args:
        lake: The lake.
        levels: Count of each entry in each level, level 0 first.
        group: Rows of a row group.
    """
    rows = []
    for level, counts in enumerate(levels):
        for key, n in counts.items():
            entry = dict(zip(("parent", "child", "table", *DETAILS), key, strict=True))
            orders = ("child",) if key[0] is None else ("child", "parent")
            rows += [{**entry, "level": level, "sorted_by": order, "n": n} for order in orders]
    rows.sort(key=lambda row: (row[row["sorted_by"]], row["parent"] or "", row["child"], row["table"]))
    append.create(lake.catalog, tables.edges)
    state = index_state(lake.project)
    note = CommitNote(
        run_id="run", flow=FLOW, kind="frame", mode="full", code=FORMAT, params="{}",
        contract=tables.edges.fingerprint(), inputs=state.versions, ids=state.ids, changed=True, counts={}, digest="",
    )  # fmt: skip
    write_deltalake(
        DeltaTable(lake.catalog.table_uri("ledger.edges")),
        pa.Table.from_pylist(rows, schema=pa.schema([pa.field(c.name, c.type) for c in tables.edges.columns])),
        mode="overwrite",
        writer_properties=WriterProperties(max_row_group_size=group, write_batch_size=group),
        commit_properties=CommitProperties(custom_metadata={"userMetadata": note.to_json()}),
    )
