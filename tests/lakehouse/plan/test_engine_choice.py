from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from lakehouse.declare.check import Check
from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.declare.flow import Flow
from lakehouse.declare.reads import Read, read, tagged
from lakehouse.declare.registry import Registry
from lakehouse.delta.append import append_rows
from lakehouse.delta.commit_note import NotedVersion
from lakehouse.errors import FlowError
from lakehouse.ledger.retractions import Retractions
from lakehouse.plan import engine_choice
from lakehouse.plan.cause import Fingerprints
from lakehouse.plan.engine_choice import choose_engine, spark_reason
from lakehouse.plan.plan import FlowPlan
from lakehouse.project import Project
from tests.lakehouse.lakes import lake_at, note

ID, N = Column("id", pa.string(), "Identity."), Column("n", pa.int64(), "Number.")
LINES = Table("bronze.lines", doc="x", columns=[ID, N], key=["id"], tags=["all"])
OTHERS = Table("bronze.others", doc="x", columns=[ID], key=["id"], tags=["all"])
WORDS = Table("silver.words", doc="x", columns=[ID, N], key=["id"])
FLOW = Flow(
    id="flows.f", kind="operator", writes=WORDS, reads={"lines": Read(table=LINES.name)}, driving="lines",
    source_key="id", source_key_sql="id",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_gateway(monkeypatch):
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)


def project(tmp_path, **config):
    made = Project(lake_at(tmp_path / "lake", **config).config)
    made.__dict__["registry"] = Registry({t.name: t for t in (LINES, OTHERS, WORDS)}, {FLOW.id: FLOW})
    return made


def choice(made, flow=FLOW, last=None, **inputs):
    prints = Fingerprints(code="c", params="{}", contract="k", models={}, external="")
    item = FlowPlan(flow, "stale", (), inputs, None, prints, last=last, retractions=Retractions())
    return choose_engine(made, item)


def test_what_is_asked_for_is_chosen(tmp_path):
    assert choice(project(tmp_path, engine="spark")).engine == "spark"
    assert choice(project(tmp_path, engine="embedded")).engine == "embedded"
    with pytest.raises(
        FlowError,
        match=r"flows.f cannot run embedded: its SQL is of Spark's dialect — run it with --engine auto or spark",
    ):
        choice(project(tmp_path, engine="embedded"), replace(FLOW, kind="sql"))


def test_spark_is_chosen_where_it_runs_already_or_on_a_cluster(tmp_path, monkeypatch):
    assert choice(project(tmp_path, spark={"spark.master": "yarn"})).engine == "spark"
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    assert choice(project(tmp_path)).engine == "spark"
    assert choice(project(tmp_path, engine="embedded")).engine == "embedded"


def test_small_inputs_are_read_here_and_large_ones_by_spark(tmp_path, monkeypatch):
    made = project(tmp_path)
    append_rows(made.catalog, LINES, pa.table({"id": ["a"], "n": [1]}))
    append_rows(made.catalog, WORDS, pa.table({"id": ["a"], "n": [1]}))
    last = NotedVersion(1, note(WORDS.name))
    size = engine_choice._bytes_to_read(made, replace(_item(made), inputs={LINES.name: 1}))
    assert 0 < size < engine_choice.EMBEDDED_BYTES
    assert choice(made, **{LINES.name: 1}).engine == "embedded"
    assert choice(made, **{LINES.name: -1, OTHERS.name: -1}).engine == "embedded"
    monkeypatch.setattr(engine_choice, "EMBEDDED_BYTES", size)
    assert choice(made, **{LINES.name: 1}).engine == "embedded"
    assert choice(made, **{LINES.name: 0}).engine == "embedded"
    # The written table is read as well, for the difference.
    assert choice(made, last=last, **{LINES.name: 1}).engine == "spark"
    monkeypatch.setattr(engine_choice, "EMBEDDED_BYTES", size - 1)
    assert choice(made, **{LINES.name: 1}).engine == "spark"


def _item(made):
    return FlowPlan(
        FLOW, "stale", (), {}, None, Fingerprints("c", "{}", "k", {}, ""), last=None, retractions=Retractions()
    )


def table(**fields):
    return replace(WORDS, **fields)


D = Column("d", pa.float64(), "x")
DAY = Column("day", pa.date32(), "x")
LIST = Column("many", pa.list_(pa.string()), "x")


@pytest.mark.parametrize(
    ("flow", "reason"),
    [
        (replace(FLOW, kind="frame"), "it is a frame flow"),
        (replace(FLOW, kind="sql"), "its SQL is of Spark's dialect"),
        (replace(FLOW, writes=table(writer_options=[("parquet.bloom.filter.enabled", "true")])), "writer option parquet.bloom"),
        (replace(FLOW, writes=table(writer_options=[("compression", "lz4")])), "compression=lz4"),
        (replace(FLOW, writes=table(checks=[Check("ok", "n > 0"), Check("odd", "n % 2 = 1")])), "because of Mod"),
        (replace(FLOW, writes=table(checks=[Check("ok", "missing > 0")])), "because of 'missing'"),
        (replace(FLOW, writes=table(columns=[ID, D], key=["id", "d"])), "the key d of silver.words is double"),
        (replace(FLOW, writes=table(columns=[ID, LIST], key=["many"])), "the key many of silver.words is list"),
        (replace(FLOW, writes=table(columns=[ID, DAY], key=["id", "day"])), ""),
        (replace(FLOW, source_key_sql="substring_index(id, '/', 1)"), "because of SubstringIndex"),
        (replace(FLOW, reads={"lines": read(LINES, where="n / 2 > 1")}), "because of Div"),
        # Of one table of a tag only.
        (replace(FLOW, reads={"lines": tagged("all", columns=["id"], where="n > 1")}), "because of 'n'"),
        (FLOW, ""),
        (replace(FLOW, kind="landing", reads={}, source_key_sql="upper(id)"), ""),
        (replace(FLOW, reads={"lines": tagged("all", columns=["id"], where="_table = 'bronze.lines'")}), ""),
        (replace(FLOW, writes=table(writer_options=[("compression", "zstd"), ("parquet.block.size", "1")])), ""),
        (replace(FLOW, writes=table(checks=[Check("ok", "n > 0 and length(id) > 1")])), ""),
    ],
)  # fmt: skip
def test_why_a_flow_needs_spark(tmp_path, flow, reason):
    found = spark_reason(project(tmp_path), flow)
    assert reason in found
    assert bool(found) is bool(reason)
    assert choice(project(tmp_path), flow).engine == ("spark" if reason else "embedded")


def test_commits_through_dynamodb_are_sparks(tmp_path):
    made = project(tmp_path)
    made = Project(replace(made.config, lake="s3://bucket/lake", storage={"AWS_S3_LOCKING_PROVIDER": "dynamodb"}))
    assert spark_reason(made, FLOW) == "its commits go through DynamoDB"
