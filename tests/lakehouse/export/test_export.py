from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.errors import ExportError, QueryError, ReleaseError, TableNotFoundError, UsageError
from lakehouse.export import publish
from lakehouse.export.verify import verify_export
from lakehouse.export.work_folder import NAME, WorkFolder
from lakehouse.ledger.releases import break_release
from lakehouse.release.create import create_release
from tests.lakehouse.exports import FILES, ROWS, append, contents, opened_lake, some_rows

ALL = FILES * ROWS
QUERY = "SELECT n, text FROM silver.rows ORDER BY n DESC"


class Stop(BaseException):
    """A stop at a chosen point."""


def stop_at(monkeypatch, point):
    """Stop at the nth effect on the disk, counted from 0; return how many there were."""
    calls = [0]

    def counted(original):
        def effect(*args, **kwargs):
            if calls[0] == point:
                raise Stop
            calls[0] += 1
            return original(*args, **kwargs)

        return effect

    for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "unlink"), (Path, "rmdir"), (Path, "mkdir")):
        monkeypatch.setattr(owner, name, counted(getattr(owner, name)))
    return calls


def read(folder):
    return pa.concat_tables(pq.read_table(path) for path in sorted(folder.glob("*.parquet")))


def test_all_rows_of_a_table_are_exported_in_shards_with_a_manifest(run, lake, tmp_path):
    done = run()
    folder = tmp_path / "out"
    assert sorted(path.name for path in folder.iterdir()) == [
        "_manifest.json",
        *(f"part-{number:05d}.parquet" for number in range(5)),
    ]
    assert read(folder).sort_by("n").equals(pa.concat_tables(some_rows(file * ROWS) for file in range(FILES)))
    manifest = json.loads((folder / "_manifest.json").read_text())
    assert [shard["rows"] for shard in manifest["datasets"][0]["shards"]] == [25, 25, 25, 25, 20]
    assert manifest["snapshot"]["tables"] == {"silver.rows": 2}
    assert manifest["rows"] == done.manifest.rows == ALL
    assert verify_export(folder)[1] == []


@pytest.mark.parametrize(
    ("request_", "step"),
    [({}, 2), ({"sql": QUERY}, 3), ({"tables": ("silver.rows", "even")}, 5)],
    ids=["table", "query", "both"],
)
def test_an_export_that_is_stopped_anywhere_goes_on_to_the_same_files(run, tmp_path, monkeypatch, request_, step):
    request_ = {"shard_rows": 60, **request_}
    run("whole", **request_)
    point = 0
    while True:
        folder = tmp_path / f"stopped-{point}"
        with monkeypatch.context() as patch:
            stop_at(patch, point)
            try:
                run(folder.name, **request_)
            except Stop:
                pass
            else:
                break
        if folder.exists():
            visible = [path for path in folder.rglob("*.parquet") if NAME not in path.parts]
            assert all(pq.read_metadata(path).num_rows for path in visible)
        run(folder.name, **request_)
        assert contents(folder) == contents(tmp_path / "whole")
        point += step
    assert point > 20


@pytest.mark.parametrize("point", [4, 9, 14])
def test_a_replacement_that_is_stopped_leaves_the_old_export_or_goes_on(run, lake, tmp_path, monkeypatch, point):
    run(shard_rows=7)
    before = contents(tmp_path / "out")
    append(lake, some_rows(ALL))
    stopped(run, monkeypatch, point, force=True)
    left = {name: data for name, data in contents(tmp_path / "out").items() if NAME not in name}
    assert left == before
    done = run(force=True)
    assert done.manifest.rows == ALL + ROWS
    assert len(list((tmp_path / "out").iterdir())) == 1 + len(done.manifest.files)
    assert verify_export(tmp_path / "out")[1] == []


KILLED = """
import os, signal, sys
from pathlib import Path
from lakehouse.export import work_folder
from lakehouse.export.export import export
from lakehouse.export.request import Request
from tests.lakehouse.exports import opened_lake

root, number = Path(sys.argv[1]), int(sys.argv[2])
original, calls = work_folder.WorkFolder.add, [0]

def add(*args):
    calls[0] += 1
    if calls[0] == number:
        os.kill(os.getpid(), signal.SIGKILL)
    original(*args)

work_folder.WorkFolder.add = add
export(opened_lake(root).project, Request("", ("silver.rows",), shard_rows=25), root / "killed")
"""


@pytest.mark.parametrize("number", [1, 3])
def test_a_killed_export_shows_nothing_and_goes_on_from_its_last_shard(run, tmp_path, number, monkeypatch):
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(number)],
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert [path.name for path in (tmp_path / "killed").iterdir()] == [NAME]
    with pytest.raises(ExportError, match="unfinished"):
        verify_export(tmp_path / "killed")
    added = []
    monkeypatch.setattr(WorkFolder, "add", lambda *args, original=WorkFolder.add: (added.append(1), original(*args)))
    assert run("killed").continued
    assert len(added) == 5 - (number - 1)
    run("whole")
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def stopped(run, monkeypatch, point=9, **request):
    """Leave an unfinished export that has finished a shard."""
    with monkeypatch.context() as patch:
        stop_at(patch, point)
        with pytest.raises(Stop):
            run(**request)


def test_a_continued_export_reads_the_snapshot_with_which_it_began(run, lake, tmp_path, monkeypatch):
    stopped(run, monkeypatch)
    append(lake, some_rows(ALL))
    done = run()
    assert done.continued
    assert done.manifest.snapshot["tables"] == {"silver.rows": FILES - 1}
    assert done.manifest.rows == ALL


def test_an_export_whose_files_were_deleted_does_not_go_on(run, lake, tmp_path, monkeypatch):
    stopped(run, monkeypatch)
    next(Path(lake.catalog.table_uri("silver.rows")).glob("*.parquet")).unlink()
    with pytest.raises(ExportError, match=r"files of silver.rows@2 were deleted .* delete .*\.mixlake-export"):
        run()


def test_an_export_of_a_release_that_lost_rows_does_not_go_on(run, lake, monkeypatch):
    create_release(lake.project, "r1", ["silver.rows"])
    stopped(run, monkeypatch, at="r1")
    break_release(lake.catalog, "r1", 1)
    with pytest.raises(ExportError, match="cannot go on: the release r1 is broken"):
        run(at="r1")


def test_an_export_of_a_view_that_has_changed_does_not_go_on(run, tmp_path, monkeypatch):
    stopped(run, monkeypatch, 12, tables=("even",))
    (tmp_path / "views" / "even.sql").write_text("SELECT n, text FROM silver.rows")
    with pytest.raises(ExportError, match="the view even has changed"):
        run(tables=("even",))


def test_a_table_that_took_anothers_place_is_refused(run, lake, monkeypatch):
    import shutil

    stopped(run, monkeypatch)
    shutil.rmtree(lake.catalog.table_uri("silver.rows"))
    for file in range(FILES):
        append(lake, some_rows(file))
    with pytest.raises(ExportError, match="replaced by another table"):
        run()


def test_a_release_is_exported_whole_at_its_versions(run, lake, tmp_path):
    append(lake, some_rows(5), "gold.few")
    release = create_release(lake.project, "r1", ["silver.rows", "gold.few"])
    append(lake, some_rows(ALL))
    done = run(tables=(), at="r1", shard_rows=None)
    assert {entry.name: entry.rows for entry in done.manifest.datasets} == {"gold.few": ROWS, "silver.rows": ALL}
    assert done.manifest.snapshot["release_digest"] == release.digest
    assert sorted(file.path for file in done.manifest.files) == [
        "gold.few/part-00000.parquet",
        "silver.rows/part-00000.parquet",
    ]


def test_nothing_that_exists_is_overwritten_without_force(run, lake, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "part-00000.parquet").write_text("mine")
    (folder / "notes.txt").write_text("mine, too")
    with pytest.raises(ExportError, match="is not empty"):
        run()
    assert contents(folder) == {"part-00000.parquet": b"mine", "notes.txt": b"mine, too"}
    run(force=True)
    assert (folder / "notes.txt").read_text() == "mine, too"
    assert read(folder).num_rows == ALL


def test_a_file_that_appears_meanwhile_is_not_overwritten(run, tmp_path, monkeypatch):
    original = publish.prepare

    def appear(*args):
        (tmp_path / "out" / "part-00001.parquet").write_text("mine")
        return original(*args)

    monkeypatch.setattr(publish, "prepare", appear)
    with pytest.raises(ExportError, match=r"part-00001.parquet exists"):
        run()
    monkeypatch.undo()
    assert (tmp_path / "out" / "part-00001.parquet").read_text() == "mine"
    (tmp_path / "out" / "part-00001.parquet").unlink()
    assert run().manifest.rows == ALL


def test_an_export_that_is_there_is_not_made_again(run, lake, tmp_path):
    run()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert run().unchanged
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    append(lake, some_rows(ALL))
    with pytest.raises(ExportError, match="has another export"):
        run()
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()} == before
    assert run(force=True).manifest.rows == ALL + ROWS


def test_another_request_does_not_continue_an_unfinished_export(run, tmp_path, monkeypatch):
    stopped(run, monkeypatch)
    with pytest.raises(ExportError, match="unfinished export of something else"):
        run(shard_rows=30)
    assert run(shard_rows=30, force=True).manifest.rows == ALL


def test_two_exports_do_not_write_into_one_folder(run, tmp_path):
    (tmp_path / "out").mkdir()
    held = WorkFolder(tmp_path / "out")
    with pytest.raises(ExportError, match="another process exports"):
        run()
    held.remove()
    assert run().manifest.rows == ALL


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"tables": ("silver.row",)}, TableNotFoundError, "did you mean silver.rows"),
        ({"tables": ("odd",)}, TableNotFoundError, "there is no table or view odd"),
        ({"tables": ()}, UsageError, "nothing is given"),
        ({"tables": ("even", "even")}, UsageError, "twice"),
        ({"sql": "SELECT 1 AS a, 2 AS a"}, ExportError, "two columns are called 'a'"),
        ({"sql": "DROP TABLE x"}, QueryError, "only reads"),
        ({"sql": "SELECT error('no ' || n) FROM silver.rows"}, QueryError, "no"),
        ({"sql": "SELECT INTERVAL 1 DAY AS i"}, ExportError, "'i'"),
        ({"tables": (), "at": "r9"}, ReleaseError, "no release"),
        ({"format": "parquett"}, UsageError, "did you mean parquet"),
        ({"options": {"compresion": "zstd"}}, UsageError, "did you mean compression"),
        ({"options": {"compression": "zip"}}, UsageError, "take zstd"),
    ],
)
def test_what_cannot_be_exported_leaves_no_folder(run, tmp_path, fields, error, message):
    with pytest.raises(error, match=message):
        run(**fields)
    assert not (tmp_path / "out").exists()


def test_a_value_that_cannot_be_held_leaves_no_unfinished_export(run, tmp_path):
    fields = {"sql": "SELECT CASE WHEN n > 60 THEN 'nan'::DOUBLE ELSE n END AS x FROM silver.rows", "format": "jsonl"}
    with pytest.raises(ExportError, match="NaN"):
        run(**fields)
    assert not (tmp_path / "out").exists()
    assert run(**fields, options={"nan": "null"}).manifest.rows == ALL


def test_a_table_without_rows_keeps_its_columns(run, lake, tmp_path):
    append(lake, some_rows(0, 0), "silver.none")
    assert run(tables=("silver.none",)).manifest.rows == 0
    assert pq.read_schema(tmp_path / "out" / "part-00000.parquet").names == ["n", "text", "tags"]


def test_a_lake_opened_afresh_continues(run, tmp_path, monkeypatch):
    stopped(run, monkeypatch)
    from lakehouse.export.export import export
    from lakehouse.export.request import Request

    done = export(opened_lake(tmp_path).project, Request("", ("silver.rows",), shard_rows=25), tmp_path / "out")
    assert done.continued


def test_a_table_with_mapped_columns_is_exported_by_their_names(run, lake, tmp_path):
    place = Path(lake.catalog.table_uri("gold.mapped"))
    append(lake, pa.table({"col-1": pa.array([1, 2, 3], pa.int64())}), "gold.mapped")
    field = {
        "name": "n",
        "type": "long",
        "nullable": True,
        "metadata": {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"},
    }
    log = place / "_delta_log" / f"{0:020}.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = {"minReaderVersion": 2, "minWriterVersion": 5}
        if "metaData" in line:
            mapping = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"}
            schema = json.dumps({"type": "struct", "fields": [field]})
            line["metaData"] |= {"configuration": mapping, "schemaString": schema}
    log.write_text("\n".join(map(json.dumps, lines)))
    run(tables=("gold.mapped",), shard_rows=2)
    assert read(tmp_path / "out").to_pydict() == {"n": [1, 2, 3]}
