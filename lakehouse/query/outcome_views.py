"""Views that say what became of samples: a project's own words for the decisions of its flows.

A view named ``outcomes.NAME`` (a file ``outcomes.NAME.sql`` among the views) has a row for each outcome of each sample.
`mixlake why` shows them, the relation ``__outcomes.rows`` counts them, whichever package or project has the view. Its
columns:

``sample_id``, ``"table"``, ``outcome``
    The sample; the table whose rows say so, by which the outcome gets its place on the way, its version and its run;
    and a word. Of the words ``kept``, ``removed`` (by a rule) and ``pruned`` (without one: what a draw had no need
    of), a sample counts once a table, see ``nth``; any other word is shown and not counted.
``rule``, ``column``, ``value``, ``threshold``, ``other``, ``detail``, ``source`` (each of them optional)
    The rule; the column that it judged, its value and what the rule allows; another sample or a list of others, such as
    the one that is repeated; more in words; the sample's source.
``nth`` (optional)
    1 for the outcome that counts, more for further rules that say the same of it.

Other columns are shown by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from lakehouse.errors import QueryError

PREFIX = "outcomes."
REQUIRED = ("sample_id", "table", "outcome")
OPTIONAL = ("rule", "column", "value", "threshold", "other", "detail", "source", "nth")
COUNTED = ("kept", "removed", "pruned", "quarantined")


class Views(Protocol):
    """What is asked of a connection."""

    def views(self) -> Mapping[str, Any]:
        """Return the views by name."""

    def columns(self, name: str) -> dict[str, str]:
        """Return the names and types of a relation's columns."""


def outcome_views(reader: Views) -> list[str]:
    """Return the names of the views of outcomes, sorted."""
    return sorted(name for name in reader.views() if name.startswith(PREFIX))


def outcome_columns(reader: Views, view: str) -> dict[str, str]:
    """Return the columns of a view of outcomes.

    Raises:
        QueryError: If it lacks one that it must have.
        MixlakeError: If it cannot be read, of which it is one.
    """
    columns = reader.columns(view)
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise QueryError(
            f"the view {view} has no column {missing[0]!r}",
            f"a view of outcomes has {', '.join(REQUIRED)}, and may have {', '.join(OPTIONAL)}",
        )
    return columns


def selected(columns: Iterable[str]) -> str:
    """Return the SELECT list of the columns of all views of outcomes, null where a view lacks one."""
    has = set(columns)
    texts = [f'"{name}"::VARCHAR AS "{name}"' for name in REQUIRED]
    texts += [
        f"""{f'"{name}"' if name in has else "NULL"}::VARCHAR AS "{name}\"""" for name in OPTIONAL if name != "nth"
    ]
    return ", ".join([*texts, f"{'coalesce(nth, 1)' if 'nth' in has else '1'}::INTEGER AS nth"])
