from __future__ import annotations

import builtins
import importlib.util
import json
import logging
import os
import sys
import time
from datetime import UTC, datetime

import pyarrow as pa
import pytest
import yaml

from lakehouse.delta import append
from lakehouse.delta.commit_note import CommitNote
from lakehouse.errors import CheckFailedError, CollisionError, FlowError, MachineError
from lakehouse.run import scheduler, spark_session
from lakehouse.run.openlineage.run_ids import run_uuid
from tests.lakehouse import lakes, words
from tests.lakehouse.run.openlineage.published import validate
from tests.lakehouse.run.openlineage.servers import serving

PARENT = "01890a5d-ac96-774b-bcce-b302099a8057"


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)


@pytest.fixture
def lines(project, monkeypatch):
    """The small project, whose flows are committed without Spark: `failures` says what becomes of which."""
    words.write(project)
    project.failures = {}

    def execute_plainly(session, lake, item, run_id, **options):
        failure = project.failures.get(item.writes)
        if failure is not None:
            raise failure
        table = item.flow.writes
        append.create(lake.catalog, table)
        now = item.fingerprints
        note = CommitNote(
            run_id=run_id, flow=item.flow.id, kind=item.flow.kind, mode="full", code=now.code, params=now.params,
            contract=now.contract, inputs={n: v for n, v in item.inputs.items() if v >= 0},
            ids=item.ids, changed=True, counts={"returned": 5, "rows": 3}, digest="d", external=now.external,
            reasons={"text is not empty": 2} if item.writes == "bronze.lines" else {},
        )  # fmt: skip
        rows = pa.table(
            {
                c.name: pa.array([f"{i}"] * 3 if c.type == pa.string() else [None] * 3, c.type)
                for i, c in enumerate(table.columns)
            }
        )
        lakes.write(lake, table.name, rows, note)
        return int(lake.catalog.open(table.name).version()), note

    monkeypatch.setattr(scheduler, "execute_flow", execute_plainly)
    monkeypatch.setattr(spark_session.SparkHandle, "get", lambda self: None)
    return project


def configure(project, value):
    path = project.root / "mixlake.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "openlineage": value}))


def events(path):
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for event in found:
        validate(event)
    return found


def written(project, report):
    return events(project.root / "lake" / "_logs" / f"openlineage-{report.run_id}.jsonl")


def by_flow(found, state):
    return {event["job"]["name"].split(".", 1)[1]: event for event in found if event["eventType"] == state}


def warnings(caplog):
    return [r.getMessage() for r in caplog.records if r.name == "mixlake.openlineage" and r.levelno >= logging.WARNING]


def test_each_flow_is_reported_under_its_run(lines):
    before = datetime.now(UTC)
    report = lines.lake().run()
    after = datetime.now(UTC)
    found = written(lines, report)
    times = [datetime.fromisoformat(event["eventTime"]) for event in found]
    assert before <= times[0] == min(times)
    assert times[-1] == max(times) <= after
    assert [(e["job"]["name"], e["eventType"]) for e in (found[0], found[-1])] == [
        ("mixlake.run", "START"),
        ("mixlake.run", "COMPLETE"),
    ]
    starts, ends = by_flow(found, "START"), by_flow(found, "COMPLETE")
    assert set(starts) == set(ends) == {"run", "flows.land", "flows.shout", "flows.cut", "gold.counts"}
    assert len(found) == 10
    for name, event in ends.items():
        assert event["run"]["runId"] == starts[name]["run"]["runId"]
        assert event["job"]["namespace"] == "mixlake"
        engine = event["run"]["facets"]["processing_engine"]
        assert (engine["name"], engine["version"].count(".")) == ("Spark" if lines.spark else "mixlake embedded", 2)
    flow = ends["flows.shout"]
    assert flow["run"]["runId"] == run_uuid(report.run_id, flow["job"]["name"])
    parent = flow["run"]["facets"]["parent"]
    assert parent["run"]["runId"] == run_uuid(report.run_id) == found[0]["run"]["runId"]
    assert parent["job"] == {"namespace": "mixlake", "name": "mixlake.run", "facets": {}}
    assert parent["root"]["run"]["runId"] == parent["run"]["runId"]
    assert [e["job"]["facets"]["jobType"]["jobType"] for e in (found[0], flow)] == ["DAG", "TASK"]


def test_datasets_carry_versions_columns_and_what_was_committed(lines):
    report = lines.lake().run()
    found = written(lines, report)
    lake = lines.lake()
    shout = by_flow(found, "COMPLETE")["flows.shout"]
    (source,), (target,) = shout["inputs"], shout["outputs"]
    assert (source["namespace"], source["name"]) == ("file", f"{lake.uri}/bronze/lines")
    versions = {name: str(lake.catalog.open(name).version()) for name in ("bronze.lines", "silver.shouts")}
    assert source["facets"]["version"]["datasetVersion"] == versions["bronze.lines"] == "1"
    assert target["facets"]["version"]["datasetVersion"] == versions["silver.shouts"]
    schema = {
        f["name"]: (f["type"], f.get("description"), f["ordinal_position"])
        for f in target["facets"]["schema"]["fields"]
    }
    assert schema["size"] == ("int32", "Characters.", 3)
    assert target["facets"]["documentation"]["description"] == "A loud line."
    assert target["facets"]["symlinks"]["identifiers"][0]["name"] == "silver.shouts"
    assert target["facets"]["storage"] == {
        **target["facets"]["storage"],
        "storageLayer": "delta",
        "fileFormat": "parquet",
    }
    assert target["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
    start = by_flow(found, "START")["flows.shout"]
    assert start["inputs"][0]["facets"]["version"]["datasetVersion"] == "1"
    assert "version" not in start["outputs"][0]["facets"]
    words_fields = by_flow(found, "COMPLETE")["flows.cut"]["outputs"][0]["facets"]["schema"]["fields"]
    (nested,) = [field for field in words_fields if field["name"] == "parent_ids"]
    assert (nested["type"], [(f["name"], f["type"]) for f in nested["fields"]]) == ("array", [("_element", "string")])


def test_code_causes_and_notes_go_along(lines):
    report = lines.lake().run()
    found = written(lines, report)
    starts, ends = by_flow(found, "START"), by_flow(found, "COMPLETE")
    assert starts["gold.counts"]["job"]["facets"]["sql"]["query"] == words.COUNTS
    assert starts["gold.counts"]["job"]["facets"]["sql"]["dialect"] == "spark"
    source = starts["flows.shout"]["job"]["facets"]["sourceCode"]
    assert source["language"] == "PYTHON"
    assert "def shout(batch, params):" in source["sourceCode"]
    assert starts["flows.shout"]["job"]["facets"]["documentation"]["description"] == "Shout a line."
    reported = ends["flows.shout"]["run"]["facets"]["mixlake_commit"]
    note = lines.plan()["silver.shouts"].last[1]
    assert (reported["code"], reported["contract"], reported["digest"]) == (note.code, note.contract, note.digest)
    assert reported["params"] == {"mark": "!"}
    assert reported["runId"] == report.run_id
    assert reported["causes"] == [{"kind": "missing", "detail": "never written"}]
    assert "counts" not in starts["flows.shout"]["run"]["facets"]["mixlake_commit"]


def test_checks_are_assertions_with_their_counts(lines):
    found = by_flow(written(lines, lines.lake().run()), "COMPLETE")
    reported = {
        a["name"]: a for a in found["flows.land"]["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]
    }
    check = reported["text is not empty"]
    assert (check["success"], check["actual"], check["severity"]) == (False, "2", "warn")
    assert check["params"] == {"failed": 2, "passed": 3, "rows": 5, "tolerance": 0.5}
    assert (check["content"], check["assertion"]) == ("length(text) > 0", "custom_sql")
    required = reported["column sample_id is null"]
    assert (required["success"], required["column"], required["assertion"]) == (True, "sample_id", "not_null")
    assert reported["key sample_id names one row"]["success"]


def test_column_lineage_names_the_datasets(lines):
    lake = lines.lake()
    found = by_flow(written(lines, lake.run()), "COMPLETE")
    counts = found["gold.counts"]["outputs"][0]["facets"]["columnLineage"]
    shouts = {"namespace": "file", "name": f"{lake.uri}/silver/shouts", "field": "size"}
    steps = lambda kind, subtype: {"transformations": [{"type": kind, "subtype": subtype}]}  # noqa: E731
    assert counts["fields"] == {"size": {"inputFields": [{**shouts, **steps("DIRECT", "IDENTITY")}]}}
    assert counts["dataset"] == [{**shouts, **steps("INDIRECT", "GROUP_BY")}]
    cut = found["flows.cut"]["outputs"][0]["facets"]["columnLineage"]["fields"]
    assert list(cut) == ["parent_ids"]
    assert cut["parent_ids"]["inputFields"][0]["field"] == "sample_id"
    assert "columnLineage" not in found["flows.land"]["outputs"][0]["facets"]


def test_a_failure_is_reported_and_what_it_kept_from_running_is_not(lines):
    error = CheckFailedError("3 of 4 rows were refused: text is not empty", "fix the rows")
    error.reasons, error.rows = {"text is not empty": 3}, 4
    lines.failures["bronze.lines"] = error
    report = lines.lake().run()
    assert not report.ok
    found = written(lines, report)
    assert [(e["job"]["name"].split(".")[-1], e["eventType"]) for e in found] == [
        ("run", "START"), ("land", "START"), ("land", "FAIL"), ("run", "FAIL"),
    ]  # fmt: skip
    facet = found[2]["run"]["facets"]["errorMessage"]
    assert facet["message"] == str(error)
    assert (facet["programmingLanguage"], "CheckFailedError" in facet["stackTrace"]) == ("PYTHON", True)
    checks = {a["name"]: a for a in found[2]["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]}
    assert checks["text is not empty"]["params"]["failed"] == 3
    assert "version" not in found[2]["outputs"][0]["facets"]
    assert "outputFacets" not in found[2]["outputs"][0] or not found[2]["outputs"][0]["outputFacets"]


def test_a_flow_that_fails_before_its_inputs_are_pinned_is_reported(lines):
    report = lines.lake().run(["silver.shouts"])
    found = written(lines, report)
    assert [e["eventType"] for e in found] == ["START", "START", "FAIL", "FAIL"]
    assert "bronze.lines, which was never written" in found[2]["run"]["facets"]["errorMessage"]["message"]


def test_a_collision_is_one_execution(lines, monkeypatch):
    tried = []
    plainly = scheduler.execute_flow

    def collide_once(session, lake, item, run_id, **options):
        tried.append(item.writes)
        if tried.count(item.writes) == 1:
            raise CollisionError("another run committed", "it is planned again")
        return plainly(session, lake, item, run_id)

    monkeypatch.setattr(scheduler, "execute_flow", collide_once)
    found = written(lines, lines.lake().run(["bronze.lines"]))
    assert [e["eventType"] for e in found] == ["START", "START", "COMPLETE", "COMPLETE"]


def test_what_another_run_did_meanwhile_is_aborted(lines, monkeypatch):
    plainly = scheduler.execute_flow

    def lose(session, lake, item, run_id, **options):
        plainly(session, lake, item, "20260101T000000-aaaaaaaa")
        raise CollisionError("another run committed", "it is planned again")

    monkeypatch.setattr(scheduler, "execute_flow", lose)
    report = lines.lake().run(["bronze.lines"])
    assert report.ok
    assert [e["eventType"] for e in written(lines, report)] == ["START", "START", "ABORT", "COMPLETE"]


def test_a_run_that_is_broken_off_aborts_what_was_at_work(lines):
    lines.failures["bronze.lines"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        lines.lake().run()
    (path,) = (lines.root / "lake" / "_logs").glob("openlineage-*.jsonl")
    assert [e["eventType"] for e in events(path)] == ["START", "START", "ABORT", "ABORT"]


def test_a_second_run_reports_only_what_it_executes(lines):
    first = lines.lake().run()
    again = lines.lake().run()
    assert again.ok
    logs = sorted((lines.root / "lake" / "_logs").glob("openlineage-*"))
    assert [path.name for path in logs] == [f"openlineage-{first.run_id}.jsonl"]
    lines.module("flows", words.FLOWS.replace("pc.utf8_upper(text), mark", "pc.utf8_upper(text), mark + mark"))
    third = written(lines, lines.lake().run())
    assert set(by_flow(third, "COMPLETE")) == {"run", "flows.shout", "gold.counts"}
    shout = by_flow(third, "COMPLETE")["flows.shout"]
    assert [cause["kind"] for cause in shout["run"]["facets"]["mixlake_commit"]["causes"]] == ["code"]
    assert "lifecycleStateChange" not in shout["outputs"][0]["facets"]
    earlier = {event["run"]["runId"] for event in written(lines, first)}
    assert earlier.isdisjoint(event["run"]["runId"] for event in third)


def test_a_table_that_a_failed_run_left_behind_is_not_created_again(lines):
    append.create(lines.lake().catalog, lines.lake().registry.tables["bronze.lines"])
    time.sleep(0.01)
    found = by_flow(written(lines, lines.lake().run(["bronze.lines"])), "COMPLETE")
    assert "lifecycleStateChange" not in found["flows.land"]["outputs"][0]["facets"]


def test_the_orchestrators_run_is_above(lines, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", f"airflow://prod/eu/daily.mix/{PARENT}")
    found = written(lines, lines.lake().run(["bronze.lines"]))
    above = found[0]["run"]["facets"]["parent"]
    assert (above["job"]["namespace"], above["job"]["name"]) == ("airflow://prod/eu", "daily.mix")
    flow = found[1]["run"]["facets"]["parent"]
    assert flow["job"]["name"] == "mixlake.run"
    assert flow["root"]["run"]["runId"] == above["run"]["runId"] == PARENT


def test_a_parent_that_is_none_is_warned_of(lines, monkeypatch, caplog):
    monkeypatch.setenv("OPENLINEAGE_PARENT_ID", "nobody")
    found = written(lines, lines.lake().run(["bronze.lines"]))
    assert "parent" not in found[0]["run"]["facets"]
    assert any("OPENLINEAGE_PARENT_ID" in text for text in warnings(caplog))


def test_the_configuration_says_where(lines):
    configure(lines, {"file": "reported/{run}.jsonl", "namespace": "acme"})
    report = lines.lake().run()
    found = events(lines.root / "reported" / f"{report.run_id}.jsonl")
    assert {event["job"]["namespace"] for event in found} == {"acme"}
    assert not (lines.root / "lake" / "_logs").exists()


def test_off_is_off(lines):
    configure(lines, False)
    assert lines.lake().run().ok
    assert not list(lines.root.rglob("openlineage-*"))


def test_an_endpoint_gets_what_the_file_gets(lines):
    with serving() as (url, found):
        configure(lines, {"url": url})
        report = lines.lake().run()
    file = written(lines, report)
    for _, _, event in found:
        validate(event)
    assert [(e["run"]["runId"], e["eventType"], e["eventTime"]) for _, _, e in found] == [
        (e["run"]["runId"], e["eventType"], e["eventTime"]) for e in file
    ]


@pytest.mark.parametrize("fault", ["down", "slow", "errors"])
def test_a_faulty_endpoint_stops_nothing(lines, fault, caplog, monkeypatch):
    monkeypatch.setattr("lakehouse.run.openlineage.listener._SEND_SECONDS", 0.3)
    with serving(status=500, seconds=30 if fault == "slow" else 0) as (url, _):
        configure(lines, {"url": "http://127.0.0.1:9" if fault == "down" else url})
        report = lines.lake().run()
    assert report.ok
    assert len(written(lines, report)) == 10
    (reported,) = warnings(caplog)
    assert f"openlineage-{report.run_id}.jsonl has them" in reported


def test_a_fault_in_making_an_event_stops_nothing(lines, caplog, monkeypatch):
    monkeypatch.setattr("lakehouse.run.openlineage.facets.contract", lambda table: 1 / 0)
    report = lines.lake().run()
    assert report.ok
    assert any("flows.shout" in text and "ZeroDivisionError" in text for text in warnings(caplog))
    assert len(warnings(caplog)) == len(set(warnings(caplog)))
    found = written(lines, report)
    starts, ends = by_flow(found, "START"), by_flow(found, "COMPLETE")
    assert set(starts) == set(ends) == {"run", "flows.land", "flows.shout", "flows.cut", "gold.counts"}
    facets = ends["flows.shout"]["outputs"][0]["facets"]
    assert "schema" not in facets
    assert facets["version"]["datasetVersion"] == "1"


def test_a_lake_that_is_no_folder_keeps_its_events_in_the_project(lines):
    from lakehouse.lake import Lake
    from lakehouse.run.openlineage.transports import events_file

    lake = Lake("s3://bucket/lake", lines.lake().config)
    assert events_file(lake.project, "r1") == lines.root / ".mixlake" / "openlineage-r1.jsonl"


@pytest.mark.parametrize("asked", [False, True])
def test_without_the_package_only_those_who_asked_are_stopped(lines, asked, monkeypatch):
    for name in [name for name in sys.modules if name.split(".", 1)[0] == "openlineage"]:
        monkeypatch.delitem(sys.modules, name)
    real_find, real_import = importlib.util.find_spec, builtins.__import__
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, *rest: None if name.startswith("openlineage") else real_find(name, *rest),
    )

    def refuse(name, *rest):
        if name.split(".", 1)[0] == "openlineage":
            raise ModuleNotFoundError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    if asked:
        configure(lines, {"namespace": "acme"})
        with pytest.raises(MachineError, match="openlineage-python is not installed") as raised:
            lines.lake().run()
        assert "pip install" in raised.value.hint
        assert not (lines.root / "lake" / "bronze").exists()
    else:
        assert lines.lake().run().ok
        assert not list(lines.root.rglob("openlineage-*"))


def test_an_error_without_a_trace_is_reported_too(lines):
    from lakehouse.run.openlineage import facets

    facet = facets.error(FlowError("it broke", "fix it"))
    assert (facet.message, facet.stackTrace) == ("it broke — fix it", None)
