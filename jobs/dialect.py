"""Literals and names in the SQL of the engine that runs a relational flow."""

from __future__ import annotations

from lakehouse.declare.relations import Dialect


def literal(value: object, dialect: Dialect) -> str:
    """Return a value as a literal: a whole number, a float64, true or false, else a text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"CAST('{value!r}' AS DOUBLE)"
    text = str(value)
    escaped = text.replace("\\", "\\\\").replace("'", "\\'") if dialect == "spark" else text.replace("'", "''")
    return f"'{escaped}'"


def identifier(name: str, dialect: Dialect) -> str:
    """Return the name of a column, quoted."""
    return f"`{name}`" if dialect == "spark" else f'"{name}"'
