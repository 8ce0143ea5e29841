"""The same flows on a real standalone cluster: its workers are processes that know nothing of the project."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import yaml

from lakehouse.delta.catalog import Catalog
from tests.cluster.standalone import FEW_TASKS, Cluster
from tests.conftest import Project
from tests.lakehouse import words

pytestmark = pytest.mark.slow

# Where a worker found what it ran, and what it read there.
WHERE = '''
import dataclasses
import os
import sys
from pathlib import Path

import pyarrow as pa

import lakehouse.engine.operator_runner
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import flow
from PACKAGE import helper
from PACKAGE.tables import ID, RUN, lines

places = Table(
    "silver.places", doc="Where a line was worked on.", key=["sample_id"],
    columns=[ID, *(Column(name, pa.string(), "Place.") for name in ("engine", "own", "late", "python", "file", "text")), RUN],
)


@dataclasses.dataclass(frozen=True)
class Files:
    greeting: str = dataclasses.field(default="greeting.txt", metadata={"file": True})


@flow(writes=places, reads={"lines": lines}, params=Files)
def where(batch, params):
    """Say where a line is worked on."""
    from PACKAGE import late

    files = {"engine": lakehouse.engine.operator_runner.__file__, "own": helper.__file__, "late": late.__file__, "file": params.greeting}
    said = {
        "python": sys.prefix, "text": Path(params.greeting).read_text(),
        # Spark names an executor's folder by a dot.
        **{name: os.path.abspath(file) for name, file in files.items()},
    }
    rows = batch.num_rows
    return pa.record_batch({"sample_id": batch["sample_id"], **{k: pa.repeat(v, rows) for k, v in said.items()}})
'''
TABLES = ("bronze.lines", "silver.shouts", "silver.words", "gold.counts")
PACKAGE = "acme_on_a_cluster"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def python(folder):
    """An interpreter that has the project's libraries and not the project."""
    libraries, bare = folder / "libraries", folder / "bare"
    libraries.mkdir()
    hidden = {"lakehouse", "jobs", "schemas", "trainer", "sql"}
    for item in Path(sysconfig.get_path("purelib")).iterdir():
        if item.name not in hidden and item.suffix != ".pth" and not item.name.startswith("mixlake"):
            (libraries / item.name).symlink_to(item)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True)
    (
        bare / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages" / "libraries.pth"
    ).write_text(f"{libraries}\n")
    found = bare / "bin" / "python"
    # -I: neither PYTHONPATH nor the folder of the tests lends it what it should lack.
    ended = subprocess.run(
        [found, "-I", "-c", "import pyarrow, lakehouse"], capture_output=True, text=True, check=False
    )
    assert "No module named 'lakehouse'" in ended.stderr
    return found


@pytest.fixture(scope="module")
def cluster(folder):
    with Cluster(folder / "cluster") as running:
        yield running


@pytest.fixture(scope="module")
def project(folder, spark):
    """The words project with a flow that tells where it ran, and its digests on one machine."""
    made = words.write(Project(folder / "project", PACKAGE), words_of(40))
    # The driver may run from a copy of the code; what is landed lies where it lies.
    lies = f"Path({str(made.root / 'input.txt')!r})"
    made.module("flows", words.FLOWS.replace('Path(__file__).parent.parent / "input.txt"', lies))
    made.module("helper", "")
    made.module("late", "")
    made.module("where", WHERE)
    (made.root / "greeting.txt").write_text("good day")
    configure(made)
    run_here(made, "local")
    yield made
    made.unload()


def words_of(n):
    return "|".join(f"{number:03}:line number {number}" for number in range(n))


def configure(project, **more):
    body = yaml.safe_load((project.root / "mixlake.yaml").read_text())
    body["modules"] = [f"{PACKAGE}.{name}" for name in ("tables", "flows", "where")]
    body["params"] = {"silver.places": {"greeting": "greeting.txt"}}
    body["spark"] |= FEW_TASKS
    (project.root / "mixlake.yaml").write_text(yaml.safe_dump(body | more))


def run_here(project, lake, monkeypatch=None):
    from lakehouse.declare import discovery

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(discovery, "_entry_points", lambda group: [])
        outcomes = project.run(lake=lake)
    assert {o.status for o in outcomes.values()} == {"done"}, [str(o.error) for o in outcomes.values()]


def environment(project, cluster, python):
    """As a user's shell: the interpreter of the workers is named, the project is not on any path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("MIXLAKE_", "PYTHONPATH", "SPARK_"))}
    return kept | {
        "PYSPARK_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }


def ended_well(command, cluster, **options):
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1200, **options)
    assert ended.returncode == 0, f"{ended.stdout[-2000:]}\n{ended.stderr[-3000:]}\n{cluster.logs()[-6000:]}"
    return ended.stdout


def digests(project, lake):
    from lakehouse.delta.history import newest_note

    found = {name: newest_note(Catalog(str(project.root / lake)).open(name)) for name in TABLES}
    return {name: note[1].digest for name, note in found.items()}


def places(project, lake):
    rows = Catalog(str(project.root / lake)).open("silver.places").to_pyarrow_table().to_pylist()
    assert len(rows) > 3
    return rows


def assert_shipped(rows, python, by):
    """All code came out of a zip that Spark delivered into the executor's work folder, and the file along with it."""
    for row in rows:
        assert row["python"] == str(python.parent.parent)
        for name in ("engine", "own", "late"):
            before, mark, inside = row[name].partition(".zip/")
            assert mark, row[name]
            assert Path(before).name.startswith(by)
            assert "worker-" in before
            assert inside.startswith(("lakehouse/", PACKAGE))
        assert row["text"] == "good day"
        assert row["file"].endswith("-greeting.txt")
        assert "worker-" in row["file"]


def test_a_run_by_master_sends_the_code_and_equals_a_run_on_one_machine(project, cluster, python):
    command = [sys.executable, "-m", "lakehouse.cli.main", "--lake", "on-cluster", "run", "bronze.lines+"]
    printed = ended_well(
        [*command, "--master", cluster.master, "--json"],
        cluster,
        cwd=project.root,
        env=environment(project, cluster, python),
    )
    assert json.loads(printed)["ok"]
    assert digests(project, "on-cluster") == digests(project, "local")
    assert_shipped(places(project, "on-cluster"), python, "mixlake-")


def test_a_submitted_run_goes_on_from_there_with_what_was_packed(project, cluster, python, folder):
    env = environment(project, cluster, python)
    words.land(project, words_of(45).replace("number 7", "number seven"))
    printed = ended_well(
        [sys.executable, "-m", "lakehouse.cli.main", "package", "--json"], cluster, cwd=project.root, env=env
    )
    packed = json.loads(printed)
    assert {Path(file).name for file in packed["files"]} == {"mixlake.zip", "main.py", "spark.conf"}
    away = folder / "away"
    away.mkdir()
    # Only what was packed is there for the driver, too: neither the project's folder nor an installed mixlake.
    env |= {"PYSPARK_DRIVER_PYTHON": str(python), "PYTHONPATH": ""}
    submit = [
        str(Path(sys.executable).with_name("spark-submit")),
        "--master",
        cluster.master,
        "--properties-file",
        str(project.root / "dist" / "spark.conf"),
        "--py-files",
        str(project.root / "dist" / "mixlake.zip"),
        str(project.root / "dist" / "main.py"),
        "--lake",
        str(project.root / "on-cluster"),
        "run",
        "bronze.lines+",
        "--json",
    ]
    report = json.loads(ended_well(submit, cluster, cwd=away, env=env))
    modes = {flow["writes"]: flow["mode"] for flow in report["flows"]}
    assert modes["silver.shouts"] == "incremental"
    run_here(project, "local")
    assert digests(project, "on-cluster") == digests(project, "local")
