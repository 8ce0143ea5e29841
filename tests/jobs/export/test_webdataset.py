from __future__ import annotations

import json
import tarfile

import pyarrow as pa
import pytest
import webdataset

from lakehouse.errors import ExportError
from lakehouse.export.verify import verify_export


def samples(folder):
    urls = sorted(str(path) for path in folder.glob("*.tar"))
    return list(webdataset.WebDataset(urls, shardshuffle=False, empty_check=False))


def test_webdataset_reads_media_and_all_other_columns(run, pictures):
    folder = run("webdataset", pictures, shard_rows=3)
    found = samples(folder)
    assert [sample["__key__"] for sample in found] == pictures["sample_id"].to_pylist()
    assert [sample.get("png") for sample in found] == pictures["image"].to_pylist()
    assert json.loads(found[1]["json"]) == {
        "sample_id": f"{1:032x}",
        "license": "MIT AND GPL-2.0-only",
        "modality": "image",
        "language": "zh-Hant",
        "captions": [{"key": "en", "value": "c1"}, {"key": "de", "value": None}],
        "width": 4,
    }
    assert [path.name for path in sorted(folder.glob("*.tar"))] == ["shard-000000.tar", "shard-000001.tar"]
    assert verify_export(folder)[1] == []


def test_pictures_decode(run, pictures):
    folder = run("webdataset", pictures.slice(0, 3))
    urls = [str(path) for path in folder.glob("*.tar")]
    decoded = list(webdataset.WebDataset(urls, shardshuffle=False).decode("pil"))
    assert [sample["png"].getpixel((0, 0))[0] for sample in decoded] == [0, 100, 200]


def test_several_media_and_a_text_have_a_file_each(run):
    rows = pa.table(
        {"a": [b"fLaC\x00\x00\x00\x22" + b"x" * 40, None], "b": [b"odd", b"\xff\xd8\xff"], "t": ["é", None]}
    )
    folder = run("webdataset", rows, options={"text": "t"})
    assert samples(folder) == [
        {**sample, "__key__": key, "__url__": str(folder / "shard-000000.tar"), "__local_path__": sample_path}
        for key, sample, sample_path in (
            (
                "000000000",
                {"a.flac": rows["a"][0].as_py(), "b.bin": b"odd", "txt": "é".encode()},
                str(folder / "shard-000000.tar"),
            ),
            ("000000001", {"b.jpg": b"\xff\xd8\xff"}, str(folder / "shard-000000.tar")),
        )
    ]


def test_archives_of_equal_rows_are_equal(run, pictures, tmp_path):
    first = (run("webdataset", pictures) / "shard-000000.tar").read_bytes()
    assert (run("webdataset", pictures, force=True) / "shard-000000.tar").read_bytes() == first


@pytest.mark.parametrize("key", ["a.b", "a/b", "../x", "", ".", "a\nb", "a\\b", None])
def test_a_key_that_cannot_name_a_file_is_refused(run, key, tmp_path):
    with pytest.raises(ExportError, match="cannot name a file"):
        run("webdataset", pa.table({"sample_id": pa.array(["fine", key]), "x": [1, 2]}))
    assert not (tmp_path / "out").exists()


def test_rows_with_one_key_are_refused_but_may_be_numbered(run):
    rows = pa.table({"sample_id": ["a", "b", "a"], "x": [1, 2, 3]})
    with pytest.raises(ExportError, match="names several rows"):
        run("webdataset", rows)
    found = samples(run("webdataset", rows, options={"key": "row"}))
    assert [json.loads(sample["json"]) for sample in found] == rows.to_pylist()


def test_long_and_foreign_keys_read_back(run):
    keys = ["k" * 300, "北京", "a b"]
    assert [s["__key__"] for s in samples(run("webdataset", pa.table({"sample_id": keys, "x": [1, 2, 3]})))] == keys


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key": "no"}, "no column 'no'"),
        ({"text": "no"}, "no column 'no'"),
        ({"key": "x"}, "is not text"),
        ({"text": "x"}, "is not text"),
    ],
)
def test_options_that_do_not_fit_are_refused(run, options, message):
    with pytest.raises(ExportError, match=message):
        run("webdataset", pa.table({"x": [1]}), options=options)


def test_rows_of_media_alone_have_no_json(run):
    folder = run("webdataset", pa.table({"image": [b"\xff\xd8\xffa"]}))
    with tarfile.open(folder / "shard-000000.tar") as tar:
        assert tar.getnames() == ["000000000.jpg"]
