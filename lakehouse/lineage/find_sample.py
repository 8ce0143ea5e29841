"""Find the one sample that a person names by its id, the beginning of it, or the address of its original."""

from __future__ import annotations

import re

from lakehouse.errors import QueryError
from lakehouse.lineage.reader import SAMPLE_ID, Samples, resolve_unique_prefix
from lakehouse.query.connection import Connection
from lakehouse.query.lineage_columns import create_lineage_view

_HEX = re.compile(r"[0-9a-f]{4,32}")
_NAMED = 5
_ADDRESSES = "__addresses"


def find_sample(connection: Connection, reader: Samples, text: str, *, ledger: bool = False) -> str:
    """Return the id of the one sample that a text names.

    Args:
        connection: SQL over the lake.
        reader: Rows of samples, at the same versions.
        text: A sample id, at least four characters of its beginning, or an address as a column ``uri`` has it. Of
            samples that were cut from each other and share an address, the first is meant.
        ledger: Whether samples count that only the ledger knows: quarantined and retracted ones.

    Raises:
        QueryError: If it names none or several.
    """
    if re.fullmatch(SAMPLE_ID, text):
        return text
    if len(text) < 4 and text.strip() and reader.read([text], [], 1):
        return text
    if len(text) < 4:
        raise QueryError(f"{text!r} is not a sample id", "give at least four of its 32 hex digits, or an address")
    if _HEX.fullmatch(text):
        return _beginning(connection, reader, text, ledger=ledger)
    if (found := _by_address(connection, text, ledger=ledger)) is not None:
        return found
    if (found := _own_id(connection, reader, text, ledger=ledger)) is not None:
        return found
    raise QueryError(f"no sample has the id or the address {text!r}", _similar(connection, text))


def _beginning(connection: Connection, reader: Samples, text: str, *, ledger: bool) -> str:
    try:
        return reader.resolve(text)
    except QueryError:
        rows = connection.rows(_LEDGER_BEGINNING, [text, text + "\U0010ffff"]) if ledger else []
        if not rows:
            raise
        return resolve_unique_prefix(text, [row["id"] for row in rows])


def _own_id(connection: Connection, reader: Samples, text: str, *, ledger: bool) -> str | None:
    """Return an id of another form than mixlake's, None where there is none that begins so."""
    try:
        return _beginning(connection, reader, text, ledger=ledger)
    except QueryError as error:
        if str(error).startswith("several"):
            raise
        return None


def _by_address(connection: Connection, uri: str, *, ledger: bool) -> str | None:
    create_lineage_view(connection, ("sample_id", "parent_ids", "uri"), view=_ADDRESSES)
    rows = connection.rows(
        f"SELECT sample_id AS id, flatten(list(coalesce(parent_ids, []))) AS parents FROM {_ADDRESSES} WHERE uri = $1 "  # noqa: S608 - a constant
        "GROUP BY sample_id ORDER BY ALL LIMIT 10000",
        [uri],
    )
    ids = {row["id"] for row in rows}
    # What was cut from a sample has its address, too.
    first = sorted(row["id"] for row in rows if ids.isdisjoint(set(row["parents"]) - {row["id"]}))
    if not first and ledger:
        first = [row["id"] for row in connection.rows(_LEDGER_ADDRESS, [uri])]
    if len(first) > 1:
        raise QueryError(
            f"{len(first)} samples have the address {uri!r}: {', '.join(first[:_NAMED])}", "give the id of one"
        )
    return first[0] if first else None


def _similar(connection: Connection, text: str) -> str:
    """Return a hint with addresses that hold the text."""
    rows = connection.rows(
        f"SELECT DISTINCT uri FROM {_ADDRESSES} WHERE contains(uri, $1) ORDER BY length(uri), uri LIMIT $2",  # noqa: S608 - a constant
        [text, _NAMED],
    )
    if rows:
        return f"addresses that contain it: {', '.join(row['uri'] for row in rows)}"
    return 'correct it, or look at another version with --at; mixlake sql "SELECT sample_id, uri FROM ..." lists them'


_LEDGER_BEGINNING = """
SELECT DISTINCT id FROM (
    SELECT coalesce(sample_id, origin) AS id FROM __outcomes.quarantined
    UNION ALL
    SELECT id FROM ledger.retracted WHERE kind IN ('sample', 'derived')
) WHERE id >= $1 AND id < $2 ORDER BY ALL LIMIT 6
"""
_LEDGER_ADDRESS = """
SELECT DISTINCT coalesce(sample_id, origin) AS id FROM __outcomes.quarantined
WHERE json_extract_string("row", '$.uri') = $1 AND coalesce(sample_id, origin) IS NOT NULL ORDER BY ALL LIMIT 100
"""
