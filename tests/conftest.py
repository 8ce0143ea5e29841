"""Fixtures that all tests share: one Spark session, and small lakes with flows of their own."""

from __future__ import annotations

import importlib
import os
import sys
import uuid
from importlib.util import cache_from_source
from pathlib import Path

import hypothesis
import pytest
import yaml

from lakehouse.declare.config import Config, load_config
from lakehouse.delta.catalog import Catalog
from lakehouse.lake import Lake

# Where a change is judged, the same examples each time; elsewhere new ones, so that more is found.
# How fast a machine makes examples is no property of the code.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("here", **_PATIENT)
hypothesis.settings.register_profile("ci", derandomize=True, **_PATIENT)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "here")


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """A Delta-enabled local session; starting one takes seconds, so all tests share it."""
    from lakehouse.spark.session import start

    folder = tmp_path_factory.mktemp("spark")
    config = Config(
        lake=str(folder / "lake"),
        spark={
            "spark.master": "local[2]",
            "spark.driver.memory": "2g",
            "spark.sql.shuffle.partitions": "2",
            "spark.local.dir": str(folder / "local"),
        },
        root=folder,
    )
    session = start(config, folder / "spark.log")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """An S3 endpoint with an empty bucket, in a process of its own."""
    from tests.cluster.s3_server import S3Server

    with S3Server(tmp_path_factory.mktemp("s3")) as server:
        yield server


class Project:
    """A folder with a ``mixlake.yaml`` and a package of its own, as a user has it.

    Its flows run on Spark where a test asks for Spark, else in this process.
    """

    def __init__(self, root, package, *, spark=True):
        self.root = root
        self.package = package
        self.spark = spark
        self.modules = []
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").write_text("")

    def module(self, name, text):
        """Write a module of the package; ``PACKAGE`` stands for its name."""
        body = "from __future__ import annotations\n" + str(text).replace("PACKAGE", self.package)
        path = self.root / self.package / f"{name}.py"
        path.write_text(body)
        # Python takes a compiled file for current whose source has the same size and second.
        Path(cache_from_source(str(path))).unlink(missing_ok=True)
        if f"{self.package}.{name}" not in self.modules:
            self.modules.append(f"{self.package}.{name}")
        self._configure()

    def sql(self, table, text):
        """Write a SQL flow."""
        (self.root / "flows").mkdir(exist_ok=True)
        (self.root / "flows" / f"{table}.sql").write_text(text)
        self._configure()

    def view(self, name, text):
        """Write a view."""
        (self.root / "views").mkdir(exist_ok=True)
        (self.root / "views" / f"{name}.sql").write_text(text)
        self._configure()

    def _configure(self):
        body = {"modules": self.modules, "engine": "spark" if self.spark else "embedded"}
        if self.spark:
            body["spark"] = {"spark.master": "local[2]"}
        if (self.root / "flows").exists():
            body["sql"] = ["flows/*.sql"]
        if (self.root / "views").exists():
            body["views"] = ["views/*.sql"]
        (self.root / "mixlake.yaml").write_text(yaml.safe_dump(body))

    def use(self, engine):
        """Let its flows run on an engine from now on."""
        self.spark = engine == "spark"
        self._configure()

    def unload(self):
        """Drop the package from memory, as a new process would."""
        for name in [n for n in sys.modules if n.split(".", 1)[0] == self.package]:
            del sys.modules[name]
        importlib.invalidate_caches()

    def lake(self, name="lake"):
        """Open the lake afresh."""
        self.unload()
        return Lake(str(self.root / name), load_config(self.root))

    def run(self, *select, lake="lake", **options):
        """Run, and return outcomes by written table."""
        report = self.lake(lake).run(select, **options)
        return {outcome.writes: outcome for outcome in report.results}

    def plan(self, *select, lake="lake"):
        """Plan, and return the flows' states by written table."""
        return {item.writes: item for item in self.lake(lake).plan(select).flows}

    def rows(self, table, lake="lake", version=None):
        """Return a table's rows in the order of their text."""
        found = Catalog(str(self.root / lake)).open(table, version).to_pyarrow_table()
        return sorted(found.to_pylist(), key=str)


@pytest.fixture
def project(request, tmp_path, monkeypatch):
    """An empty project whose registry holds its own declarations only.

    Its runs leave ``ledger.edges`` aside, which is a quarter of a small run's time, but in tests marked ``indexed``.
    """
    from lakehouse.declare import discovery
    from lakehouse.run import index_update

    if request.node.get_closest_marker("indexed") is None:
        monkeypatch.setattr(index_update, "sync_edges", lambda *_: None)
    monkeypatch.setattr(discovery, "_entry_points", lambda group: [])
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    # With TEST_ENGINE=spark all of them run on Spark.
    spark = "spark" in request.fixturenames or os.environ.get("TEST_ENGINE") == "spark"
    made = Project(tmp_path, f"acme_{uuid.uuid4().hex[:8]}", spark=spark)
    yield made
    made.unload()
    if str(tmp_path) in sys.path:
        sys.path.remove(str(tmp_path))
