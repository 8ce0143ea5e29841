"""A table's declaration, and what is derived from it.

A `Table` is a frozen value: columns as Arrow types with a description each, the key, the clustering, the
checks. The Spark schema, the Delta table, the documentation and the query views come from it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from lakehouse.declare import lineage_columns
from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.column_types import has_statistics, is_partition_type, type_text
from lakehouse.declare.names import folded, name_list, table_name_problem
from lakehouse.errors import ContractError

# A property of tables whose rows name data files of the tables that they were made from: those files are kept.
ADDRESSES_FILES = "mixlake.addressesFiles"

# The Delta property that names the columns of which a log states minima and maxima.
STATISTICS_COLUMNS = "delta.dataSkippingStatsColumns"

# Kept for a hundred years: Delta refuses to read a version older than these, even where its files exist.
_FOREVER = "interval 36500 days"


def is_ledger(name: str) -> bool:
    """Whether a table is one of the engine's own, by its layer."""
    return name.startswith("ledger.")


@dataclass(frozen=True, slots=True)
class Table:
    """A table's contract.

    Args:
        name: ``layer.plural_noun``; layers are schemas of the lake.
        doc: What one row is.
        columns: Its columns, in order.
        key: Columns that name a row; empty means that the table is overwritten as a whole.
        cluster_by: Columns that files are sorted by on write.
        partition_by: Columns with one value per file: for few values, and for rows that are replaced as a whole.
        checks: Conditions that every row satisfies.
        tags: Names of unions that the table belongs to, see `lakehouse.declare.reads.tagged`.
        writer_options: ``compression`` and Parquet settings of payload tables, set while a flow writes.
        properties: Delta table properties beyond the engine's own.

    Raises:
        ContractError: If the name, the columns, the key or the clustering contradict each other.
    """

    name: str
    doc: str
    columns: Sequence[Column]
    key: Sequence[str] = ()
    cluster_by: Sequence[str] = ()
    partition_by: Sequence[str] = ()
    checks: Sequence[Check] = ()
    tags: Sequence[str] = ()
    writer_options: Sequence[tuple[str, str]] = ()
    properties: Sequence[tuple[str, str]] = ()
    _names: frozenset[str] = field(init=False, repr=False, compare=False, default=frozenset())

    def __post_init__(self) -> None:
        """Freeze the sequences and refuse contradictions."""
        if (fix := table_name_problem(self.name)) is not None:
            raise ContractError(f"table name {self.name!r} is not allowed", fix)
        for name in _ELEMENTS:
            object.__setattr__(self, name, self._elements(name))
        if not self.columns:
            raise ContractError(f"{self.name} has no columns", "declare its columns")
        names = [column.name for column in self.columns]
        # Spark and Delta take names that differ in case alone for one.
        forms = [folded(name) for name in names]
        duplicates = sorted({name for name in names if forms.count(folded(name)) > 1})
        if duplicates:
            repeated = " and ".join(map(repr, duplicates))
            raise ContractError(f"{self.name}: column {repeated} is declared twice", "keep one of the two")
        unknown = [name for name in (*self.key, *self.cluster_by, *self.partition_by) if name not in names]
        if unknown:
            raise ContractError(
                f"{self.name}: key, cluster_by or partition_by names {unknown[0]!r}, which is not a column",
                "declare the column",
            )
        volatile = [column.name for column in self.columns if column.volatile and column.name in self.key]
        if volatile:
            raise ContractError(
                f"{self.name}: key names {volatile[0]!r}, which is volatile: rows are compared without it",
                "choose a key whose values stay the same from run to run",
            )
        self._require_partitions()
        self._require_former_names(names)
        twice = [check.name for check in self.checks if [c.name for c in self.checks].count(check.name) > 1]
        if twice:
            raise ContractError(f"{self.name}: two checks are named {twice[0]!r}", "a check is known by its name")
        object.__setattr__(self, "_names", frozenset(names))
        unstated = None if is_ledger(self.name) else lineage_columns.unstated(self.columns)
        if unstated is not None:
            raise ContractError(
                f"{self.name}: column {unstated.name!r} has the name and the type of a column of mixlake's own",
                "declare it with lineage=True if it is that; else rename it, or keep it as yours with lineage=False",
            )

    def _require_partitions(self) -> None:
        """Refuse partitions whose values, written into the names of folders, do not come back as they were."""
        for name in self.partition_by:
            kind = self.column(name).type
            if not is_partition_type(kind):
                raise ContractError(
                    f"{self.name}: partition_by names {name!r}, which is {kind}",
                    "partition by a text, a whole number, a boolean, a date or a timestamp",
                )
        if len(set(self.partition_by)) == len(self.columns):
            raise ContractError(f"{self.name}: partition_by names all columns", "leave one out, which files hold")

    def _require_former_names(self, names: Sequence[str]) -> None:
        """Refuse a former name that is a column's still, or that two columns had."""
        former = [(name, column.name) for column in self.columns for name in column.former_names]
        for name, column in former:
            if name in names:
                raise ContractError(
                    f"{self.name}: column {column!r} is renamed from {name!r}, which is another of its columns",
                    "leave renamed_from out, or the column",
                )
            others = [other for known, other in former if known == name and other != column]
            if others:
                raise ContractError(
                    f"{self.name}: columns {column!r} and {others[0]!r} are renamed from {name!r}",
                    "keep one of the two",
                )

    def _elements(self, name: str) -> tuple[Any, ...]:
        """Return a list of the declaration as a tuple, and refuse an element of another type."""
        values = getattr(self, name)
        expected, is_valid = _ELEMENTS[name]
        if isinstance(values, str) or not isinstance(values, Sequence):
            raise ContractError(f"{self.name}: {name} is {values!r}, which must be a list", f"write {name}=[...]")
        for value in values:
            if not is_valid(value):
                raise ContractError(f"{self.name}: {name} has {value!r}, which must be {expected}", f"correct {name}=")
        return tuple(values)

    def __contains__(self, column: str) -> bool:
        """Whether the table has a column of that name."""
        return column in self._names

    def column(self, name: str) -> Column:
        """Return the column of that name.

        Raises:
            ContractError: If there is none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise ContractError(f"{self.name} has no column {name!r}", f"it has {', '.join(sorted(self._names))}")

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the stored rows."""
        return pa.schema([pa.field(column.name, column.stored_type, column.nullable) for column in self.columns])

    @property
    def stable_columns(self) -> tuple[str, ...]:
        """Names of the columns that the content digest covers."""
        return tuple(column.name for column in self.columns if not column.volatile)

    @property
    def lineage(self) -> frozenset[str]:
        """Names of the columns that are mixlake's own."""
        return frozenset(column.name for column in self.columns if column.lineage)

    def present_name(self, name: str) -> str:
        """Return the name that a column of a name has now, which may be one that it had before."""
        return next((column.name for column in self.columns if name in column.former_names), name)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the columns that may not be null: those declared so, and the key's."""
        return tuple(column.name for column in self.columns if not column.nullable or column.name in self.key)

    def table_properties(self) -> dict[str, str]:
        """Return the Delta properties that a table of this contract is created with.

        A log states minima and maxima of key and clustering columns only, which prune files: what it never states of
        other columns, a purge need not remove from it.
        """
        named = {*self.key, *self.cluster_by} - {*self.partition_by}
        statistics = [c.name for c in self.columns if c.name in named and not c.payload and has_statistics(c.type)]
        return {
            "delta.enableChangeDataFeed": "true",
            "delta.deletedFileRetentionDuration": _FOREVER,
            "delta.logRetentionDuration": _FOREVER,
            "delta.enableExpiredLogCleanup": "false",
            STATISTICS_COLUMNS: name_list(statistics),
            **dict(self.properties),
        }

    def fingerprint(self) -> str:
        """Return a digest of all that makes stored rows what they are; documentation is left out."""
        body = {
            "name": self.name,
            "columns": [[c.name, type_text(c.type), c.nullable, c.volatile, *_kept(c)] for c in self.columns],
            "key": self.key,
            "cluster_by": self.cluster_by,
            "checks": [(check.name, check.sql, check.on_fail, check.allowed(0.05)) for check in self.checks],
            "writer_options": self.writer_options,
            **({"partition_by": self.partition_by} if self.partition_by else {}),
        }
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]

    def parts(self) -> dict[str, str]:
        """Return what the fingerprint covers by part, in a few words each, so that a change can be named."""
        parts = {}
        for column in self.columns:
            words = [_brief(type_text(column.type)), "" if column.nullable else "never null", *_kept(column)]
            parts[f"column {column.name}"] = " ".join(filter(None, [*words, "volatile" if column.volatile else ""]))
        for check in self.checks:
            parts[f"check {check.name!r}"] = _brief(f"{check.sql}, {check.on_fail}, tolerance {check.allowed(0.05):g}")
        for name in ("key", "cluster_by"):
            parts[name] = _brief(", ".join(getattr(self, name)) or "none")
        for name, value in self.writer_options:
            parts[f"option {name}"] = _brief(value)
        return parts

    def describe(self) -> list[dict[str, str]]:
        """Return one dictionary per column, for documentation."""
        return [
            {
                "column": column.name,
                "type": type_text(column.type),
                "null": "" if column.nullable else "never",
                "unit": column.unit,
                "meaning": column.doc
                + (f" (renamed from {', '.join(column.former_names)})" if column.former_names else ""),
            }
            for column in self.columns
        ]


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_pair(value: object) -> bool:
    return isinstance(value, tuple | list) and len(value) == 2 and all(map(_is_text, value))


# The allowed elements of a declaration's lists, in words and as a test.
_ELEMENTS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "columns": ("a Column", lambda value: isinstance(value, Column)),
    "key": ("a text", _is_text),
    "cluster_by": ("a text", _is_text),
    "partition_by": ("a text", _is_text),
    "checks": ("a Check", lambda value: isinstance(value, Check)),
    "tags": ("a text", _is_text),
    "writer_options": ("a pair of texts", _is_pair),
    "properties": ("a pair of texts", _is_pair),
}


def _kept(column: Column) -> tuple[str, ...]:
    """Return what a fingerprint says of a column that mixlake would have filled or read."""
    return ("not lineage",) if column.lineage is False and lineage_columns.fits(column.name, column.type) else ()


def _brief(text: str) -> str:
    """Return a text, or where it is long its beginning and a digest."""
    return text if len(text) <= 60 else f"{text[:40]}… #{hashlib.sha256(text.encode()).hexdigest()[:6]}"


def require_columns(table: Table, columns: Iterable[Column], why: str) -> None:
    """Check that a table carries the given columns with the same types, mixlake's own among them as such.

    Raises:
        ContractError: If one is missing, of another type, or only named like mixlake's.
    """
    for wanted in columns:
        if wanted.name not in table:
            raise ContractError(
                f"{table.name} lacks the column {wanted.name!r}", f"{why} needs it as {wanted.type}; add it"
            )
        declared = table.column(wanted.name)
        if declared.type != wanted.type:
            raise ContractError(
                f"{table.name}.{wanted.name} is {declared.type}",
                f"{why} needs it as {wanted.type}; change the contract",
            )
        if wanted.lineage and not declared.lineage:
            raise ContractError(
                f"{table.name}.{wanted.name} is not declared as mixlake's own column",
                f"{why} needs that: declare it with lineage=True, and rename a column of yours",
            )
