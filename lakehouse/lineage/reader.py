"""The interface through which a trace reads rows and edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from lakehouse.errors import QueryError

# The form of the sample ids that mixlake makes.
SAMPLE_ID = "[0-9a-f]{32}"
DETAILS = ("run_id", "source", "license", "uri")


class Samples(Protocol):
    """Reads the rows of samples, and what they were made from."""

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table at which it is read."""

    @property
    def truncated(self) -> bool:
        """Whether an answer lacked rows."""

    def inputs(self, table: str) -> frozenset[str]:
        """Return the tables that one of `versions` was made from, by its last commit note."""

    def resolve(self, sample: str) -> str:
        """Return the one sample id that begins so.

        Raises:
            QueryError: If none or several do.
        """

    def read(self, ids: Iterable[str], parents: Iterable[str], limit: int) -> list[dict[str, Any]]:
        """Return the rows of some samples, and after them the rows that have one of some parents.

        Args:
            ids: Sample ids.
            parents: Sample ids, too.
            limit: Rows at most.

        Returns:
            One dictionary per row: sample_id, table, parent_ids and, None where the table does not say, run_id,
            source, license and uri.
        """


def resolve_unique_prefix(sample: str, found: Sequence[str]) -> str:
    """Return the one id that begins with a prefix.

    Args:
        sample: The prefix.
        found: The first ids that begin so, sorted.

    Raises:
        QueryError: If there is none or several, and none of them is the prefix itself.
    """
    if sample in found:
        return sample
    if not found:
        raise QueryError(f"no sample begins with {sample}", 'see mixlake sql "SELECT sample_id FROM ..."')
    if len(found) > 1:
        raise QueryError(f"several samples begin with {sample}: {', '.join(found[:5])}", "give more digits")
    return found[0]
