from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from jobs.export.token_ranges import documents, gather, read_tokens, rows_of, with_media
from lakehouse.errors import ExportError


def packed(rows, **columns):
    return pa.record_batch({"tokens": pa.array([np.array(row, "<i4").tobytes() for row in rows]), **columns})


def found(batch):
    tokens = read_tokens(batch.column("tokens"))
    ranges = documents(batch, tokens)
    ids = gather(tokens, ranges).tolist()
    ends = np.cumsum(ranges.length).tolist()
    return [ids[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([np.array([1, 2], "<i4").tobytes(), b"", np.array([-3], "<i4").tobytes()]),
        pa.array([np.array([1, 2], "<i4").tobytes(), b"", np.array([-3], "<i4").tobytes()], pa.large_binary()),
        pa.array([[1, 2], [], [-3]], pa.list_(pa.int64())),
        pa.array([[1, 2], [], [-3]], pa.large_list(pa.int16())),
    ],
    ids=lambda column: str(column.type),
)
def test_ids_are_read_from_bytes_and_lists_also_of_a_slice(column):
    tokens = read_tokens(column)
    assert (tokens.ids.tolist(), tokens.offsets.tolist()) == ([1, 2, -3], [0, 2, 2, 3])
    tokens = read_tokens(column.slice(1))
    assert (tokens.ids.tolist(), tokens.offsets.tolist()) == ([-3], [0, 0, 1])


@pytest.mark.parametrize(
    "column",
    [
        pa.array([b"abc"]),
        pa.array([None], pa.binary()),
        pa.array([[1, None]]),
        pa.array(["text"]),
        pa.array([[1.5]]),
    ],
    ids=str,
)
def test_what_is_no_sequence_of_ids_is_refused(column):
    with pytest.raises(ExportError):
        read_tokens(column)


def test_rows_are_documents_where_nothing_else_is_told():
    assert found(packed([[1, 2], [3]])) == [[1, 2], [3]]


def test_parts_of_a_sample_are_documents():
    assert found(packed([[1, 2, 3], [4], [5, 6]], parts=pa.array([[1, 3], [1], [2]]))) == [[1], [2, 3], [4], [5, 6]]


def test_packed_documents_come_without_alignment_and_padding():
    batch = packed(
        [[1, 2, 3, 0, 4, 5, 0, 0], [6, 7, 8, 9, 10, 11, 12, 13]],
        cu_seqlens=pa.array([[0, 3, 5, 7], [0, 8]]),
        cu_seqlens_padded=pa.array([[0, 4, 6, 8], [0, 8]]),
        n_tokens=pa.array([5, 8], pa.int32()),
    )
    assert found(batch) == [[1, 2, 3], [4, 5], [6, 7, 8, 9, 10, 11, 12, 13]]
    assert found(batch.slice(1)) == [[6, 7, 8, 9, 10, 11, 12, 13]]


@pytest.mark.parametrize(
    "columns",
    [
        {"cu_seqlens": [[0, 2]]},
        {"cu_seqlens": [[0, 2]], "cu_seqlens_padded": [[0, 1, 2]], "n_tokens": [2]},
        {"cu_seqlens": [[0, 9]], "cu_seqlens_padded": [[0, 9]], "n_tokens": [9]},
        {"cu_seqlens": [None], "cu_seqlens_padded": [[0]], "n_tokens": [2]},
        {"parts": [[9]]},
        {"parts": [[2, 1]]},
    ],
)
def test_boundaries_that_do_not_fit_are_refused(columns):
    batch = packed([[1, 2]], **{name: pa.array(values) for name, values in columns.items()})
    with pytest.raises(ExportError):
        found(batch)


@pytest.mark.parametrize(
    "column", [pa.array([1]), pa.array([[1]]), pa.array([[{"end": 1}]])], ids=lambda c: str(c.type)
)
@pytest.mark.parametrize("name", ["segments", "media"])
def test_columns_of_those_names_that_are_others_are_refused(name, column):
    batch = packed([[1, 2]], **{name: column})
    tokens = read_tokens(batch.column("tokens"))
    with pytest.raises(ExportError, match=f"the column '{name}' is"):
        with_media(batch, tokens, documents(batch, tokens))


def test_documents_with_media_are_told_by_segments_and_by_media():
    segment = [[{"begin": 0, "role": "token"}, {"begin": 4, "role": "input"}], [{"begin": 0, "role": "token"}]]
    batch = packed(
        [[1, 2, 3, 0, 4, 5], [6]],
        cu_seqlens=pa.array([[0, 3, 5], [0, 1]]),
        cu_seqlens_padded=pa.array([[0, 4, 6], [0, 1]]),
        n_tokens=pa.array([5, 1]),
        segments=pa.array(segment),
    )
    tokens = read_tokens(batch.column("tokens"))
    ranges = documents(batch, tokens)
    assert with_media(batch, tokens, ranges).tolist() == [False, True, False]
    assert rows_of(ranges, tokens).tolist() == [0, 0, 1]
    batch = packed([[1, 2, 3], [4]], parts=pa.array([[2, 3], [1]]), media=pa.array([[{"begin": 1}], []]))
    tokens = read_tokens(batch.column("tokens"))
    assert with_media(batch, tokens, documents(batch, tokens)).tolist() == [True, False, False]
