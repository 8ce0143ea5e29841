from __future__ import annotations

import json

import pytest

from lakehouse.errors import ExportError
from lakehouse.export.manifest import MANIFEST
from lakehouse.export.publish import inside, occupied
from lakehouse.export.verify import verify_export


def test_a_replaced_export_leaves_no_file_and_no_empty_folder(run, tmp_path):
    run(tables=("silver.rows", "even"))
    (tmp_path / "out" / "even" / "notes").write_text("mine")
    run(force=True)
    assert sorted(path.name for path in (tmp_path / "out").iterdir() if path.is_dir()) == ["even"]
    assert [path.name for path in (tmp_path / "out" / "even").iterdir()] == ["notes"]


def test_a_manifest_cannot_have_files_outside_deleted(run, tmp_path):
    run()
    victim = tmp_path / "victim"
    victim.write_text("mine")
    manifest = json.loads((tmp_path / "out" / MANIFEST).read_text())
    manifest["extra"] = [{"path": "../victim", "bytes": 4, "sha256": ""}]
    (tmp_path / "out" / MANIFEST).write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="outside its folder"):
        run(force=True)
    assert victim.read_text() == "mine"


def test_a_link_does_not_lead_out_of_the_folder(run, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "silver.rows").symlink_to(elsewhere)
    with pytest.raises(ExportError, match="is a link"):
        run(tables=("silver.rows", "even"), force=True)
    assert list(elsewhere.iterdir()) == []
    with pytest.raises(ExportError, match="is a link"):
        inside(tmp_path / "out", "silver.rows/x")


def test_a_linked_file_is_replaced_itself(run, tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "part-00000.parquet").symlink_to(target)
    assert occupied(tmp_path / "out", ["part-00000.parquet", "part-00001.parquet"]) == ["part-00000.parquet"]
    run(force=True)
    assert target.read_text() == "mine"
    assert verify_export(tmp_path / "out")[1] == []


def test_a_folder_in_the_way_is_named_and_the_export_goes_on_without_it(run, tmp_path):
    (tmp_path / "out" / "part-00001.parquet").mkdir(parents=True)
    with pytest.raises(ExportError, match="is a folder"):
        run(force=True)
    (tmp_path / "out" / "part-00001.parquet").rmdir()
    assert run(force=True).continued
    assert verify_export(tmp_path / "out")[1] == []


def test_the_folder_may_be_a_link_and_have_hidden_files(run, tmp_path):
    real = tmp_path / "real"
    (real / ".git").mkdir(parents=True)
    (tmp_path / "out").symlink_to(real)
    run()
    assert verify_export(tmp_path / "out")[1] == []
    assert (real / ".git").is_dir()
