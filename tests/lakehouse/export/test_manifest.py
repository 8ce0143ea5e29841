from __future__ import annotations

import json

import pytest

from lakehouse.errors import ExportError
from lakehouse.export.format import Shard, ShardFile
from lakehouse.export.manifest import MANIFEST, DatasetEntry, Manifest, files_digest, read_manifest, require_inside

FILE = ShardFile("a/part-00000.parquet", 3, "00" * 32)
MADE = Manifest(
    {"format": "parquet"},
    {"tables": {"t.a": 1}},
    (DatasetEntry("t.a", 2, {"n": "int64"}, ("n: a rule",), (Shard(2, (FILE,), {"bytes": 5}),)),),
    (ShardFile("README.md", 1, "11" * 32),),
    "2026-01-01T00:00:00+00:00",
)


def test_a_manifest_reads_back(tmp_path):
    (tmp_path / MANIFEST).write_text(MADE.to_json())
    assert read_manifest(tmp_path) == MADE
    assert json.loads(MADE.to_json())["digest"] == MADE.digest == files_digest(reversed(MADE.files))
    assert MADE.rows == 2


def test_a_folder_without_one_has_none(tmp_path):
    assert read_manifest(tmp_path) is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"layout": "x"}', "null", MADE.to_json().replace('"path"', '"name"')]
)
def test_another_file_of_that_name_is_refused(tmp_path, text):
    (tmp_path / MANIFEST).write_text(text)
    with pytest.raises(ExportError, match="is not a manifest"):
        read_manifest(tmp_path)


def test_a_newer_layout_is_refused(tmp_path):
    (tmp_path / MANIFEST).write_text(MADE.to_json().replace('"layout": 1', '"layout": 2'))
    with pytest.raises(ExportError, match="layout 2"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x", "", "a\0b"])
def test_files_outside_the_folder_are_refused(tmp_path, path):
    with pytest.raises(ExportError, match="outside its folder"):
        require_inside([path], tmp_path)
    altered = json.loads(MADE.to_json())
    altered["extra"][0]["path"] = path
    (tmp_path / MANIFEST).write_text(json.dumps(altered))
    with pytest.raises(ExportError, match="outside its folder"):
        read_manifest(tmp_path)
