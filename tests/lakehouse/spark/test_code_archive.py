from __future__ import annotations

import dataclasses
import importlib
import io
import os
import subprocess
import sys
import zipfile

import pyarrow as pa
import pytest

from lakehouse.declare import own_packages
from lakehouse.delta.append import create
from lakehouse.spark import code_archive
from lakehouse.spark.code_archive import ShippedParams, archive, packages
from tests.lakehouse.lakes import write


def names(body):
    with zipfile.ZipFile(io.BytesIO(body)) as held:
        return set(held.namelist())


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """A team's own package with data beside its code, and a module."""
    (tmp_path / "acme_sent" / "inner" / "__pycache__").mkdir(parents=True)
    (tmp_path / "acme_sent" / "__init__.py").write_text("")
    (tmp_path / "acme_sent" / "inner" / "__init__.py").write_text("WORD = 'sent'\n")
    (tmp_path / "acme_sent" / "words.yaml").write_text("a: 1\n")
    (tmp_path / "acme_sent" / "inner" / "__pycache__" / "x.pyc").write_bytes(b"")
    (tmp_path / "acme_alone.py").write_text("from acme_sent.inner import WORD\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_the_engine_what_is_installed_and_ones_own_are_sent():
    assert {"lakehouse", "jobs", "schemas", "acme"} <= set(packages(["acme.tables", "acme.flows"]))


def test_what_a_module_imports_from_its_folder_goes_along(acme):
    importlib.import_module("acme_alone")
    assert {"acme_alone", "acme_sent"} <= set(packages(["acme_alone"], acme))
    assert "acme_sent" not in packages(["acme_alone"], acme / "elsewhere")
    for name in ("acme_alone", "acme_sent.inner", "acme_sent"):
        del sys.modules[name]


def test_a_zip_holds_packages_and_modules_whole(acme):
    found = names(archive(["acme_sent", "acme_alone"]))
    assert found == {"acme_sent/__init__.py", "acme_sent/inner/__init__.py", "acme_sent/words.yaml", "acme_alone.py"}


def test_the_same_code_gives_the_same_bytes(acme):
    first = archive(["acme_sent", "lakehouse"])
    (acme / "acme_sent" / "words.yaml").touch()
    assert archive(["lakehouse", "acme_sent"]) == first
    (acme / "acme_sent" / "words.yaml").write_text("a: 2\n")
    assert archive(["lakehouse", "acme_sent"]) != first


def test_a_package_with_compiled_parts_is_left_to_the_workers(acme, caplog):
    (acme / "acme_sent" / "fast.so").write_bytes(b"")
    assert names(archive(["acme_sent", "acme_alone"])) == {"acme_alone.py"}
    assert "install it on the workers" in caplog.text


def test_an_interpreter_without_the_project_runs_operators_from_the_zip(acme):
    sent = acme / "sent.zip"
    sent.write_bytes(archive(packages(["acme_alone", "acme_sent.inner"])))
    code = (
        f"import sys; sys.path[:0] = [{str(sent)!r}]\n"
        "import acme_alone, lakehouse.engine.operator_runner, jobs.clean.documents, jobs.dedup.minhash\n"
        "print(acme_alone.WORD, lakehouse.engine.operator_runner.__file__, jobs.dedup.minhash.__file__)\n"
        "import importlib.metadata as m; print([p.value for p in m.entry_points(group='mixlake.modules')])"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd="/", env={"HOME": str(acme)}
    )
    assert ended.returncode == 0, ended.stderr
    word, *files = ended.stdout.splitlines()[0].split()
    assert word == "acme_sent"[5:]
    assert all(file.startswith(f"{sent}/") for file in files)
    assert "jobs" in ended.stdout.splitlines()[1]


@dataclasses.dataclass(frozen=True)
class Params:
    n: int = 3
    one: str = dataclasses.field(default="", metadata={"file": True})
    more: tuple[str, ...] = dataclasses.field(default=(), metadata={"file": True})


def test_parameters_name_files_where_a_worker_has_them(tmp_path, monkeypatch):
    from pyspark import SparkFiles

    monkeypatch.setattr(SparkFiles, "get", classmethod(lambda cls, name: f"/worker/{name}"))
    params = Params(one="/driver/a", more=("/driver/b", ""))
    found = ShippedParams(params, {"/driver/a": "1-a", "/driver/b": "2-b"}).resolve()
    assert found == Params(one="/worker/1-a", more=("/worker/2-b", ""))
    assert ShippedParams(params, {}).resolve() is params


LATE = """
import pyarrow as pa
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow

ID = Column("sample_id", pa.string(), "It.", nullable=False, lineage=True)
items = Table("bronze.items", doc="An item.", columns=[ID], key=["sample_id"])
words = Table("silver.words", doc="A word.", columns=[ID, Column("word", pa.string(), "It.")], key=["sample_id"])


@flow(writes=words, reads={"items": items})
def tell(batch, params):
    from PACKAGE.late import WORD

    return pa.record_batch({"sample_id": batch["sample_id"], "word": pa.repeat(WORD, batch.num_rows)})
"""


@pytest.mark.usefixtures("spark")
def test_workers_of_a_session_that_was_started_elsewhere_find_what_an_operator_imports_late(project):
    project.module("late", "WORD = 'late'\n")
    project.module("flows", LATE)
    lake = project.lake()
    create(lake.catalog, lake.registry.tables["bronze.items"])
    write(lake, "bronze.items", pa.table({"sample_id": ["a"]}))
    assert project.run()["silver.words"].error is None
    assert project.rows("silver.words") == [{"sample_id": "a", "word": "late"}]


def test_workers_of_this_machine_import_mixlakes_packages_where_a_folder_has_others_of_their_names(
    tmp_path, monkeypatch
):
    root, here = tmp_path / "root", tmp_path / "here"
    root.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    home = str(own_packages.HOME)
    assert code_archive._worker_path("", [], root) == {}
    assert code_archive._worker_path("/x", ["acme"], root) == {"PYTHONPATH": f"{root}:/x"}
    # Of the configuration's folder, or of the one that the workers are started in.
    for folder in (root, here):
        (folder / "jobs.py").write_text("raise RuntimeError('not mine')")
        found = code_archive._worker_path("/x", ["acme"], root)
        assert found == {"PYTHONPATH": f"{home}:{root}:/x:{here}", "PYTHONSAFEPATH": "1"}
        imported = subprocess.run(
            [sys.executable, "-m", "jobs.dialect"], cwd=here, env=os.environ | found, capture_output=True, check=False
        )
        assert imported.returncode == 0, imported.stderr
        (folder / "jobs.py").unlink()
