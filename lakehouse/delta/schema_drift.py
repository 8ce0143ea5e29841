"""Compare a table's stored columns with its contract."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, Schema

from lakehouse.declare.column_types import nullable_inside, type_text
from lakehouse.declare.contract import Table

_NULLABILITY = ("nullable", "containsNull", "valueContainsNull")


@dataclass(frozen=True)
class SchemaDrift:
    """How a contract differs from the stored columns.

    Args:
        added: Nullable columns that the stored table lacks.
        incompatible: Descriptions of all other differences; stored rows cannot be read by the contract.
        renamed: Stored name of each column that is stored under a former name, with the contract's type.
    """

    added: tuple[str, ...]
    incompatible: tuple[str, ...]
    renamed: Mapping[str, str] = field(default_factory=dict)


def compare_schema(stored: DeltaTable, table: Table) -> SchemaDrift:
    """Compare a table's stored columns with its contract; their order does not matter."""
    declared = _types(Schema.from_arrow(pa.schema([pa.field(c.name, c.type) for c in table.columns])))
    types = _types(stored.schema())
    renamed = {
        column.name: former
        for column in table.columns
        if column.name not in types
        for former in column.former_names
        if types.get(former) == declared[column.name]
    }
    missing = [column for column in table.columns if column.name not in types and column.name not in renamed]
    incompatible = [f"column {c.name} is new and may not be null" for c in missing if c.name in table.required]
    incompatible.extend(
        f"column {name} is no longer declared"
        for name in types
        if name not in declared and name not in renamed.values()
    )
    incompatible.extend(
        f"column {name} is stored as {_text(stored.schema(), name)}, now {type_text(table.column(name).stored_type)}"
        for name, kind in declared.items()
        if name in types and types[name] != kind
    )
    return SchemaDrift(tuple(c.name for c in missing if c.name not in table.required), tuple(incompatible), renamed)


def fits(stored: DeltaTable, table: Table) -> bool:
    """Whether a table is stored with the columns and types of its contract, in any order."""
    change = compare_schema(stored, table)
    return not (change.added or change.incompatible or change.renamed)


def has_column_mapping(stored: DeltaTable) -> bool:
    """Whether a table's columns have names of their own in its files, so that they are renamed without writing rows."""
    return stored.metadata().configuration.get("delta.columnMapping.mode", "none") in {"name", "id"}


def loosened_schema(stored: DeltaTable) -> str:
    """Return a table's schema, as its log has it, without nested fields that may not be null; empty if it has none.

    Contracts say what is never null. Where the log says so, too, Spark merges no row into the table, nor does the log
    follow a contract that changes.
    """
    body = json.loads(stored.schema().to_json())
    loose = {**body, "fields": [{**field, "type": _loosened(field["type"])} for field in body["fields"]]}
    return "" if loose == body else json.dumps(loose, separators=(",", ":"), ensure_ascii=False)


def _loosened(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_loosened(part) for part in kind]
    if not isinstance(kind, dict):
        return kind
    nullable = {key: True for key in kind if key in _NULLABILITY}
    return {**{key: part if key == "metadata" else _loosened(part) for key, part in kind.items()}, **nullable}


def _text(schema: Schema, name: str) -> str:
    """Return the type of a stored column in full, as contracts have it; as the log has it where Arrow has none."""
    (field,) = (item for item in schema.fields if item.name == name)
    try:
        kind = pa.schema(Schema([field]).to_arrow()).field(name).type
    except Exception:  # noqa: BLE001 - of any kind: a type that only other readers support
        return str(field.type)
    return type_text(nullable_inside(kind))


def _types(schema: Schema) -> dict[str, str]:
    def bare(kind: Any) -> Any:
        """Leave out what readers and writers fill in differently: nullability and metadata."""
        if isinstance(kind, dict):
            return {key: bare(value) for key, value in kind.items() if key not in {*_NULLABILITY, "metadata"}}
        return [bare(value) for value in kind] if isinstance(kind, list) else kind

    fields = json.loads(schema.to_json())["fields"]
    return {item["name"]: json.dumps(bare(item["type"]), sort_keys=True) for item in fields}
