"""Errors for tables whose files cannot be read or written, each with ways to recover."""

from __future__ import annotations

from lakehouse.declare.contract import is_ledger
from lakehouse.errors import LakeError


def no_space(table: str) -> LakeError:
    """Return the error for a table that could not be written for lack of space."""
    return LakeError(f"{table} could not be written: no space left", "free space there, and run again")


def not_allowed(table: str, verb: str, place: str) -> LakeError:
    """Return the error for a table with a file that this user may not access; it cannot be "read" or "written"."""
    may = "read" if verb == "read" else "write"
    return LakeError(f"{table} cannot be {verb}: permission denied at {place}", f"let this user {may} there")


# What a run rebuilds from the other tables, where it is missing.
_REBUILT = {"ledger.runs", "ledger.edges"}


def lost_file(table: str, file: str, prefix: str = "") -> LakeError:
    """Return the error for a data file that is missing or damaged, with ways to recover."""
    return LakeError(
        f"{prefix}{table} cannot be read: its data file {file} is gone or damaged",
        _way_back(table, f"rebuild the newest version: mixlake run {table} --full"),
    )


def corrupt_log(table: str, what: ValueError | str) -> LakeError:
    """Return the error for a table of whose log a file is missing or cannot be read."""
    return LakeError(
        f"{table} has a damaged log: {what}",
        _way_back(table, f"move the table's folder away and rebuild it: mixlake run {table}"),
    )


def unsupported(table: str, needs: str) -> LakeError:
    """Return the error for a table whose Delta protocol requires a feature or reader version that is not supported."""
    needs = needs if " " in needs else f"feature {needs}"
    return LakeError(
        f"{table} cannot be read: it needs Delta's {needs}, which this mixlake does not support",
        "write it without that, or install a newer mixlake",
    )


def _way_back(table: str, rebuild: str) -> str:
    if table in _REBUILT:
        rebuild = "move the table's folder away: the next run rebuilds it"
    elif is_ledger(table):
        return "restore that file from a copy; what it records is stored nowhere else"
    return f"restore that file from a copy, or {rebuild}"
