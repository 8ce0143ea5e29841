"""Refuse what the engines would take differently in the steps of a relational flow."""

from __future__ import annotations

from collections.abc import Sequence

from lakehouse.declare.flow import TABLE_PSEUDO_COLUMN, Flow
from lakehouse.declare.reads import Read
from lakehouse.errors import FlowError


def order_expressions(flow: Flow, order_by: Sequence[str]) -> Sequence[str]:
    """Return the expressions by which rows are ordered, ascending.

    Raises:
        FlowError: If one of them names a direction, which Spark would take for an alias.
    """
    for text in order_by:
        if text.strip().lower().endswith((" desc", " asc", " first", " last")):
            raise FlowError(
                f"{flow.id}: order_by has {text!r} ({flow.place})", "give expressions, which are sorted ascending"
            )
    return order_by


def whole_input(flow: Flow, name: str) -> Read:
    """Return an input whose data files are requested.

    Raises:
        FlowError: If it is read in part, so that its files hold other rows, too; or without the tables' names.
    """
    item = flow.reads[name]
    if item.where or TABLE_PSEUDO_COLUMN not in item.names:
        raise FlowError(
            f"{flow.id} asks for the data files of {name} ({flow.place})",
            f"read it without where=, and {TABLE_PSEUDO_COLUMN} among its columns",
        )
    return item
