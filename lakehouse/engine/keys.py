"""Keys of rows that an engine found invalid, and what those rows were made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import Decimal
from typing import Any

from lakehouse.declare.flow import Flow


@dataclass(frozen=True, slots=True)
class KeyOrigins:
    """A key, and the origins of rows that have it.

    Args:
        key: Value of each column of the key.
        origins: Source key of the row from which each of some rows was made; none where the flow has no source key.
        rows: How many rows have the key.
    """

    key: Mapping[str, Any]
    origins: Sequence[Any] = ()
    rows: int = 1

    @property
    def key_text(self) -> str:
        """The key, for messages."""
        return ", ".join(f"{name}={_text(value)}" for name, value in self.key.items())

    def origin_texts(self, flow: Flow) -> list[str]:
        """Return the origins, for messages."""
        return [f"{flow.source_key}={_text(origin)}" for origin in self.origins]


def _text(value: object) -> str:
    """Return a value for a message: texts and bytes quoted, times, dates and decimals as they are written."""
    return str(value) if isinstance(value, date | time | Decimal) else repr(value)


def keeps_source_key(flow: Flow) -> bool:
    """Whether each row of a flow's table is of the source row of its own key, which `Runner` makes sure of."""
    same = flow.source_key_sql == flow.source_key and tuple(flow.writes.key) == (flow.source_key,)
    return flow.rows == "one-to-one" and same


def has_origins(flow: Flow) -> bool:
    """Whether rows of a flow are replaced by the source row that they were made from."""
    return flow.incremental and bool(flow.writes.key)
