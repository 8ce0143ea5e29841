from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
from megatron.core.datasets.indexed_dataset import IndexedDataset

from lakehouse.errors import ExportError
from lakehouse.export.verify import verify_export

MEDIUM = pa.list_(pa.struct([("begin", pa.int32())]))


def ids(row):
    return np.array(row, "<i4").tobytes()


def token_rows(rows, media=None):
    return pa.table(
        {
            "tokens": pa.array([ids(row) for row in rows], pa.binary()),
            "parts": pa.array([[len(row)] for row in rows], pa.list_(pa.int32())),
            "media": pa.array(media or [[] for _ in rows], MEDIUM),
        }
    )


def read(prefix):
    found = IndexedDataset(str(prefix))
    return [found[number].tolist() for number in range(len(found))], found


def test_megatron_reads_the_documents_back(run):
    rows = [[1, 2, 3], [4], list(range(1000)), [7, 8]]
    folder = run("megatron", token_rows(rows), shard_rows=3)
    documents, found = read(folder / "part-00000")
    assert documents == rows[:3]
    assert found.document_indices.tolist() == [0, 1, 2, 3]
    assert found.get(2, offset=10, length=3).tolist() == [10, 11, 12]
    assert read(folder / "part-00001")[0] == rows[3:]
    assert (folder / "data_args.txt").read_text().split() == ["1004", "part-00000", "2", "part-00001"]
    assert verify_export(folder)[1] == []


def test_gpt_dataset_mixes_the_shards(run):
    from megatron.core.datasets.utils import get_blend_from_list

    folder = run("megatron", token_rows([[n] * 5 for n in range(6)]), shard_rows=4)
    prefixes, weights = get_blend_from_list((folder / "data_args.txt").read_text().split())
    assert (prefixes, weights) == (["part-00000", "part-00001"], [20.0, 10.0])


def sequences(stages=("cold", "cold"), role="token"):
    segment = pa.list_(pa.struct([("begin", pa.int32()), ("role", pa.string())]))
    return pa.table(
        {
            "stage": list(stages),
            "tokens": [ids([1, 2, 3, 0, 4, 5, 0, 0]), ids(range(10, 18))],
            "cu_seqlens": pa.array([[0, 3, 5, 7], [0, 8]], pa.list_(pa.int32())),
            "cu_seqlens_padded": pa.array([[0, 4, 6, 8], [0, 8]], pa.list_(pa.int32())),
            "n_tokens": pa.array([5, 8], pa.int32()),
            "segments": pa.array([[{"begin": 4, "role": role}], []], segment),
        }
    )


def test_packed_sequences_are_documents_without_padding_or_whole_rows(run):
    folder = run("megatron", sequences())
    assert read(folder / "part-00000")[0] == [[1, 2, 3], [4, 5], list(range(10, 18))]
    folder = run("megatron", sequences(), force=True, options={"unit": "row"})
    assert read(folder / "part-00000")[0] == [[1, 2, 3, 0, 4, 5, 0, 0], list(range(10, 18))]


def test_media_are_refused_or_left_out_and_counted(run, tmp_path):
    with pytest.raises(ExportError, match="1 of 3 sequences have media"):
        run("megatron", sequences(role="input"))
    assert not (tmp_path / "out").exists()
    folder = run("megatron", sequences(role="input"), options={"media": "skip"})
    assert read(folder / "part-00000")[0] == [[1, 2, 3], list(range(10, 18))]
    facts = json.loads((folder / "_manifest.json").read_text())["datasets"][0]["shards"][0]["facts"]
    assert facts == {
        "sequences": 2,
        "tokens": 11,
        "sequences_with_media_left_out": 1,
        "sequences_by_stage": {"cold": 2},
    }
    folder = run("megatron", sequences(role="input"), options={"media": "keep"}, force=True)
    assert len(read(folder / "part-00000")[0]) == 3


def test_stages_do_not_become_one_dataset(run):
    for shard_rows in (None, 1):
        with pytest.raises(ExportError, match="stages cold, hot"):
            run("megatron", sequences(("cold", "hot")), shard_rows=shard_rows)
    folder = run("megatron", sequences(), sql="SELECT * EXCLUDE (stage) FROM gold.rows")
    assert len(read(folder / "part-00000")[0]) == 3


@pytest.mark.parametrize("dtype", ["int32", "uint16"])
def test_ids_have_the_type_that_is_asked_for(run, dtype):
    folder = run("megatron", token_rows([[0, 65_535], [1]]), options={"dtype": dtype})
    documents, found = read(folder / "part-00000")
    assert documents == [[0, 65_535], [1]]
    assert found.index.dtype == getattr(np, dtype)


@pytest.mark.parametrize(("row", "dtype"), [([65_536], "uint16"), ([-1], "uint16"), ([2**31], "int32")])
def test_ids_that_do_not_fit_are_refused(run, row, dtype):
    with pytest.raises(ExportError, match="do not fit into"):
        run("megatron", pa.table({"tokens": pa.array([row], pa.list_(pa.int64()))}), options={"dtype": dtype})


def test_what_has_no_tokens_is_refused(run, tmp_path):
    with pytest.raises(ExportError, match="no column 'tokens'"):
        run("megatron", pa.table({"text": ["a"]}))
    with pytest.raises(ExportError, match="no token sequence"):
        run("megatron", token_rows([[]]), "gold.empty")
    with pytest.raises(ExportError, match="it must be int32 ids"):
        run("megatron", pa.table({"tokens": ["a"]}), "gold.texts")
    assert not (tmp_path / "out").exists()


def test_an_index_that_does_not_fit_is_found(run):
    folder = run("megatron", token_rows([[1, 2]]))
    manifest = json.loads((folder / "_manifest.json").read_text())
    (folder / "part-00000.idx").write_bytes(b"other")
    import hashlib

    for file in manifest["datasets"][0]["shards"][0]["files"]:
        if file["path"].endswith(".idx"):
            file |= {"bytes": 5, "sha256": hashlib.sha256(b"other").hexdigest()}
    (folder / "_manifest.json").write_text(json.dumps(manifest))
    assert "not an index" in verify_export(folder)[1][0].problem
