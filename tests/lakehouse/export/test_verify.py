from __future__ import annotations

import json

import pytest

from lakehouse.errors import ExportError
from lakehouse.export.manifest import MANIFEST
from lakehouse.export.verify import verify_export


def problems(folder):
    return {problem.file: problem.problem for problem in verify_export(folder)[1]}


@pytest.mark.parametrize("form", ["parquet", "jsonl", "arrow"])
def test_what_changed_since_is_found(run, tmp_path, form):
    run(format=form)
    folder = tmp_path / "out"
    assert problems(folder) == {}
    first, second, third, *_ = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    data = bytearray(first.read_bytes())
    data[len(data) // 2] ^= 1
    first.write_bytes(data)
    second.write_bytes(second.read_bytes()[:-1])
    third.unlink()
    (folder / "part-99.parquet").write_text("")
    found = problems(folder)
    assert "SHA-256" in found[first.name]
    assert "bytes" in found[second.name]
    assert found[third.name] == "missing"
    assert found["part-99.parquet"].startswith("unexpected")


def test_rows_are_counted_in_the_files_themselves(run, tmp_path):
    run()
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    manifest["datasets"][0]["shards"][0]["rows"] = 26
    (tmp_path / "out" / MANIFEST).write_text(json.dumps(manifest))
    assert problems(tmp_path / "out") == {"part-00000.parquet": "25 rows were read back, 26 were written"}


def test_hidden_files_do_not_matter(run, tmp_path):
    run()
    (tmp_path / "out" / ".git").mkdir()
    (tmp_path / "out" / ".git" / "config").write_text("")
    (tmp_path / "out" / ".gitattributes").write_text("")
    assert problems(tmp_path / "out") == {}


def test_a_folder_that_is_no_export_is_refused(tmp_path):
    with pytest.raises(ExportError, match="has no manifest"):
        verify_export(tmp_path)
