"""The condition under which a row's own source, licence or address is retracted, as SQL of DuckDB.

What writes tables evaluates the same condition in its own terms: `lakehouse.embedded.retraction_filter` over Arrow,
`lakehouse.spark.retraction_filter` in Spark. Ids are looked up elsewhere: there may be more of them than a condition
can name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lakehouse.ledger.retractions import pattern


def by_source(values: str, column: Callable[[str], str] = str) -> str:
    """Return the condition on a row's source.

    Args:
        values: SQL of a list of sources.
        column: Gives the SQL of a lineage column of the row, by default its name.
    """
    return f"list_contains({values}, {column('source')})"


def by_license(values: str, column: Callable[[str], str] = str) -> str:
    """Return the condition on a row's licence.

    A licence that joins several with ``AND`` is matched by each of them where the row landed with it. A row that was
    made from rows of several licences is taken out with those of its parents that are.

    Args:
        values: SQL of a list of SPDX expressions.
        column: See `by_source`.
    """
    stated, landed = column("license"), f"coalesce(len({column('parent_ids')}), 0) = 0"
    return f"""(
        list_contains({values}, {stated})
        OR ({landed} AND list_has_any(string_split({stated}, ' AND '), {values}))
    )"""


def by_uri(expression: str, column: Callable[[str], str] = str) -> str:
    """Return the condition on a row's address.

    Args:
        expression: SQL of a regular expression, see `uri_expression`.
        column: See `by_source`.
    """
    return f"regexp_full_match({column('uri')}, {expression})"


def uri_expression(globs: Iterable[str]) -> str | None:
    """Return one regular expression for some glob patterns, None for none."""
    return "|".join(f"(?:{pattern(glob)})" for glob in globs) or None
