"""The documents of rows of tokens: their ids, and where each begins and ends."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pat

from lakehouse.errors import ExportError
from lakehouse.export.portable_types import is_binary

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The ids of rows, one row behind the other.

    Args:
        ids: int32 or int64 [m].
        offsets: int64 [rows + 1], where rows begin; the last is m.
    """

    ids: npt.NDArray[np.signedinteger]
    offsets: Ints


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges [begin, begin + length) of the ids of rows.

    Args:
        begin: int64 [n], ascending.
        length: int64 [n].
    """

    begin: Ints
    length: Ints

    def where(self, mask: npt.NDArray[np.bool_]) -> Ranges:
        """Return the ranges that a mask [n] names."""
        return Ranges(self.begin[mask], self.length[mask])


def read_tokens(column: pa.Array) -> Tokens:
    """Return the ids of a column of token sequences: int32 little-endian bytes, or lists of integers.

    Raises:
        ExportError: If a row is null, has a null id or bytes that are no whole number of ids, or the type is another.
    """
    if column.null_count:
        raise ExportError(f"{column.null_count} rows have no tokens", "leave them out in a query with --sql")
    kind = column.type
    if is_binary(kind):
        wide = column.cast(pa.large_binary())
        _, offsets, data = wide.buffers()
        ends = np.frombuffer(offsets, np.int64)[wide.offset : wide.offset + len(wide) + 1]
        if np.any(np.diff(ends) % 4):
            raise ExportError("a row's tokens are not int32 ids: its bytes are no multiple of 4", "see its contract")
        raw = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]] if data is not None else np.empty(0, np.uint8)
        return Tokens(np.ascontiguousarray(raw).view("<i4"), (ends - ends[0]) // 4)
    if _is_list(kind) and pat.is_integer(kind.value_type):
        flat = column.flatten()
        if flat.null_count:
            raise ExportError(f"{flat.null_count} token ids are null", "leave such rows out in a query with --sql")
        lengths = pc.list_value_length(column).to_numpy(zero_copy_only=False).astype(np.int64)
        return Tokens(flat.cast(pa.int64()).to_numpy(), np.concatenate([[0], np.cumsum(lengths)]))
    raise ExportError(
        f"the column 'tokens' is {kind}", "it must be int32 ids as little-endian bytes, or lists of integers"
    )


def documents(batch: pa.RecordBatch, tokens: Tokens) -> Ranges:
    """Return the documents of rows, padding left out.

    They are given by ``cu_seqlens``, ``cu_seqlens_padded`` and ``n_tokens`` as in ``gold.sequences``, else by ``parts``
    as in the tables of tokens, else each row is one.
    """
    starts = tokens.offsets[:-1]
    if "cu_seqlens" in batch.schema.names:
        return _packed(batch, tokens)
    if "parts" in batch.schema.names:
        ends, row = _flat(batch.column("parts"))
        first = np.concatenate([[True], row[1:] != row[:-1]]) if len(row) else np.empty(0, np.bool_)
        begins = np.where(first, 0, np.concatenate([[0], ends[:-1]])[: len(ends)])
        return _within(Ranges(starts[row] + begins, ends - begins), row, tokens)
    return Ranges(starts, np.diff(tokens.offsets))


def rows_of(ranges: Ranges, tokens: Tokens) -> Ints:
    """Return the row of each range, int64 [n]."""
    return np.searchsorted(tokens.offsets, ranges.begin, side="right") - 1


def with_media(batch: pa.RecordBatch, tokens: Tokens, ranges: Ranges) -> npt.NDArray[np.bool_]:
    """Return which ranges hold placeholders of a medium, bool [n], as ``segments`` or ``media`` tell."""
    begins: list[Ints] = []
    for name, only_input in (("segments", True), ("media", False)):
        if name not in batch.schema.names:
            continue
        column = batch.column(name)
        fields = {"begin", "role"} if only_input else {"begin"}
        if not _is_list(column.type) or not fields <= _field_names(column.type.value_type):
            raise ExportError(
                f"the column {name!r} is {column.type}, which does not tell where media are", "leave it out with --sql"
            )
        row = pc.list_parent_indices(column).to_numpy().astype(np.int64)
        flat = column.flatten()
        begin = pc.fill_null(pc.struct_field(flat, "begin"), 0).to_numpy().astype(np.int64)
        mask = (
            pc.fill_null(pc.equal(pc.struct_field(flat, "role"), "input"), False).to_numpy(zero_copy_only=False)
            if only_input
            else np.ones(len(begin), np.bool_)
        )
        begins.append((tokens.offsets[row] + begin)[mask])
    found = np.zeros(len(ranges.begin), np.bool_)
    if begins and len(found):
        places = np.concatenate(begins)
        # The last range that begins at or before a medium.
        at = np.searchsorted(ranges.begin, places, side="right") - 1
        inside = (at >= 0) & (places < (ranges.begin + ranges.length)[at])
        found[at[inside]] = True
    return found


def gather(tokens: Tokens, ranges: Ranges) -> npt.NDArray[np.signedinteger]:
    """Return the ids of ranges, one behind the other."""
    ends = np.cumsum(ranges.length)
    total = int(ends[-1]) if len(ends) else 0
    places = np.arange(total) + np.repeat(ranges.begin - (ends - ranges.length), ranges.length)
    found: npt.NDArray[np.signedinteger] = tokens.ids[places]
    return found


def _packed(batch: pa.RecordBatch, tokens: Tokens) -> Ranges:
    missing = {"cu_seqlens_padded", "n_tokens"} - set(batch.schema.names)
    if missing:
        raise ExportError(
            f"there is cu_seqlens, but no {min(missing)}", "select both boundaries and n_tokens, or tokens alone"
        )
    real, row = _flat(batch.column("cu_seqlens"))
    padded, other = _flat(batch.column("cu_seqlens_padded"))
    if not np.array_equal(row, other):
        raise ExportError("cu_seqlens and cu_seqlens_padded differ in length", "see the contract of gold.sequences")
    n_tokens = pc.fill_null(batch.column("n_tokens"), 0).to_numpy().astype(np.int64)
    # A document between each two boundaries of a row; the padded tail begins where all real tokens have been.
    inner = np.flatnonzero((row[1:] == row[:-1]) & (real[:-1] < n_tokens[row[:-1]]))
    ranges = Ranges(tokens.offsets[row[inner]] + padded[inner], real[inner + 1] - real[inner])
    return _within(ranges, row[inner], tokens)


def _flat(column: pa.Array) -> tuple[Ints, Ints]:
    """Return the elements of lists and the row of each."""
    if not _is_list(column.type) or not pat.is_integer(column.type.value_type):
        raise ExportError(f"boundaries of documents are {column.type}", "they must be lists of integers")
    values = column.flatten()
    if column.null_count or values.null_count:
        raise ExportError("a boundary of documents is null", "leave such rows out in a query with --sql")
    return values.to_numpy().astype(np.int64), pc.list_parent_indices(column).to_numpy().astype(np.int64)


def _field_names(kind: pa.DataType) -> set[str]:
    return {field.name for field in kind} if pat.is_struct(kind) else set()


def _is_list(kind: pa.DataType) -> bool:
    return bool(pat.is_list(kind) or pat.is_large_list(kind))


def _within(ranges: Ranges, row: Ints, tokens: Tokens) -> Ranges:
    """Refuse ranges that do not lie in their rows."""
    if np.any(ranges.length < 0) or np.any(ranges.begin + ranges.length > tokens.offsets[row + 1]):
        raise ExportError("boundaries of documents do not lie in their rows", "see the contract of gold.sequences")
    return ranges
