"""A few samples of each modality and kind, with players and pictures."""

from __future__ import annotations

from typing import Any

from jobs.report.lake_reader import LakeReader
from jobs.report.markup import Markup, plain, tag
from jobs.report.media import LARGEST, medium
from jobs.report.page import note, section
from lakehouse.declare.names import quote_name
from lakehouse.query.sql_guard import quoted

EACH = 3
_KINDS = 40
_TEXT = 1500
_VALUE = 300
_HIDDEN = frozenset({"sample_id", "parent_ids", "run_id"})
_PLAIN = ("VARCHAR", "INTEGER", "BIGINT", "SMALLINT", "DOUBLE", "FLOAT", "BOOLEAN", "TIMESTAMP WITH TIME ZONE")


def samples(reader: LakeReader, each: int = EACH) -> list[Markup]:
    """Return the body of the page: the first of each kind in the order of their ids.

    Args:
        reader: The lake.
        each: Samples of a kind.
    """
    # The smallest ids of each kind, found in one pass with little memory.
    chosen = reader.rows(
        "gold.samples",
        'SELECT "table", modality, kind, min(sample_id, $1) AS ids, count(*) AS samples FROM gold.samples '
        'GROUP BY ALL ORDER BY modality, samples DESC, kind, "table"',
        [each],
    )
    if not chosen:
        return [note(reader.gaps.get("gold.samples", "The lake has no samples yet: mixlake run +gold.samples."))]
    body: list[Markup] = []
    for modality in dict.fromkeys(row["modality"] for row in chosen):
        groups = [row for row in chosen if row["modality"] == modality]
        parts: list[object] = []
        for group in groups[:_KINDS]:
            parts.append(tag("h3", tag("bdi", group["kind"]), tag("span", f" · {group['samples']:,}", class_="dim")))
            parts.append(tag("div", *_cards(reader, group["table"], group["ids"]), class_="samples"))
        if len(groups) > _KINDS:
            parts.append(note(f"{len(groups) - _KINDS} more kinds are not shown."))
        body.append(section(str(modality or "no modality").capitalize(), *parts))
    return body


def _cards(reader: LakeReader, table: str, ids: list[str]) -> list[Markup]:
    """Return the samples of some ids, each with its text or medium and what is known of it."""
    kinds = reader.columns(table)
    media = [name for name, kind in kinds.items() if kind == "BLOB"]
    texts = [name for name in _payload(reader, table) if kinds.get(name) == "VARCHAR"]
    known = [name for name, kind in kinds.items() if kind in _PLAIN and name not in _HIDDEN and name not in texts]
    maps = [name for name, kind in kinds.items() if kind == "MAP(VARCHAR, VARCHAR)"]
    strings = [name for name in known if kinds[name] == "VARCHAR"]
    columns = ["sample_id", *(quote_name(name) for name in (*known, *maps) if name not in strings)]
    columns += [f"left({quote_name(name)}, {_TEXT}) AS {quote_name(name)}" for name in (*strings, *texts)]
    # Of a larger one the first bytes tell the kind; they cannot be shown.
    columns += [
        f"CASE WHEN octet_length({quote_name(name)}) <= {LARGEST} THEN {quote_name(name)} END AS {quote_name(name)}"
        for name in media
    ]
    # As values, so that files and row groups without them are not read.
    wanted = f"sample_id IN ({', '.join('?' * len(ids))})"
    sql = f"SELECT {', '.join(columns)} FROM {quoted(table)} WHERE {wanted} ORDER BY sample_id"  # noqa: S608 - quoted
    rows = reader.rows(table, sql, ids)
    if not rows:
        return [note(reader.gaps.get(table, f"{table} has none of these samples."))]
    decided = _decisions(reader, ids)
    return [_card(row, decided.get(row["sample_id"], {}), texts, media) for row in rows]


def _card(row: dict[str, Any], decided: dict[str, Any], texts: list[str], media: list[str]) -> Markup:
    label = f"sample {row['sample_id']}"
    shown: list[object] = [tag("h4", tag("code", row["sample_id"]))]
    for name in media:
        content = row[name]
        shown.append(medium(content, label) if content else tag("p", f"{name}: too large for this page", class_="dim"))
    for name in texts:
        if row[name]:
            more = "…" if len(row[name]) == _TEXT else ""
            shown.append(tag("pre", f"{row[name]}{more}", dir="auto", tabindex="0", role="region", aria_label=name))
    facts = {name: value for name, value in row.items() if name not in {*texts, *media, "sample_id"}}
    if decided:
        facts["decision"] = "kept" if decided["keep"] else f"removed: {'; '.join(decided['reasons'] or [])}"
    parts = []
    for name, value in facts.items():
        if value not in (None, "", {}, []):
            parts += [tag("dt", name), tag("dd", _short(value), dir="auto")]
    return tag("article", *shown, tag("dl", *parts))


def _short(value: object) -> object:
    """Return a value, cut where it is long."""
    if not isinstance(value, str | dict | list):
        return value
    text = plain(value)
    return text if len(text) <= _VALUE else f"{text[:_VALUE]}…"


def _decisions(reader: LakeReader, ids: list[str]) -> dict[str, dict[str, Any]]:
    wanted = f"sample_id IN ({', '.join('?' * len(ids))})"
    rows = reader.rows("gold.samples", f"SELECT sample_id, keep, reasons FROM gold.samples WHERE {wanted}", ids)  # noqa: S608 - places
    return {row["sample_id"]: row for row in rows}


def _payload(reader: LakeReader, table: str) -> list[str]:
    contract = reader.project.registry.tables.get(table)
    return [column.name for column in contract.columns if column.payload] if contract else ["text"]
