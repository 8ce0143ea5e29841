from __future__ import annotations

import pyarrow as pa
import pyspark
import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.contract import Table
from lakehouse.delta.history import commit_at
from lakehouse.run.openlineage import facets
from tests.lakehouse import words
from tests.lakehouse.run.openlineage.test_listener import bare, by_flow, written

__all__ = ["bare"]


def test_nested_columns_are_reported_with_their_parts():
    kind = pa.list_(pa.struct([("name", pa.string()), ("score", pa.float32())]))
    columns = [Column("parts", kind, "Parts.", unit="s"), Column("counts", pa.map_(pa.string(), pa.int64()), "")]
    parts, counts = facets.contract(Table("a.b", doc="", columns=columns))["schema"].fields
    assert (parts.type, parts.description) == ("array", "Parts. [s]")
    (element,) = parts.fields
    assert (element.name, element.type) == ("_element", "struct")
    assert [(f.name, f.type) for f in element.fields] == [("name", "string"), ("score", "float")]
    assert [(f.name, f.type) for f in counts.fields] == [("key", "string"), ("value", "int64")]
    assert (counts.type, counts.description) == ("map", None)


@pytest.mark.parametrize("info", [{}, {"operation": "WRITE"}, {"operationMetrics": {"numOutputRows": "many"}}])
def test_what_delta_did_not_count_is_left_out(info):
    found = facets.statistics(info)
    assert (found.rowCount, found.size, found.fileCount) == (None, None, None)


def test_a_commit_of_delta_rs_counts_its_rows_and_files():
    found = facets.statistics({"operation": "WRITE", "operationMetrics": {"num_added_rows": 7, "num_added_files": 2}})
    assert (found.rowCount, found.size, found.fileCount) == (7, None, 2)


def test_the_engine_is_the_one_that_ran_the_flow():
    assert (facets.engine("spark", "4.2.0").name, facets.engine("spark", "4.2.0").version) == ("Spark", "4.2.0")
    assert facets.engine("embedded", "4.2.0").name == "mixlake embedded"


@pytest.mark.usefixtures("spark")
def test_a_real_run_is_reported_as_it_was(project):
    words.write(project, "a:hello|b:two words|c:x|d:")
    first = project.lake().run()
    found = by_flow(written(project, first), "COMPLETE")
    assert set(found) == {"run", "flows.land", "flows.shout", "flows.cut", "gold.counts"}
    lake = project.lake()
    for outcome in first.results:
        reported = found[outcome.flow.split(".", 1)[1]]
        (target,) = reported["outputs"]
        metrics = commit_at(lake.catalog.table_uri(outcome.writes), outcome.version)["operationMetrics"]
        counted = target["outputFacets"]["outputStatistics"]
        assert target["facets"]["version"]["datasetVersion"] == str(outcome.version)
        assert target["facets"]["lifecycleStateChange"]["lifecycleStateChange"] == "CREATE"
        assert [counted[name] for name in ("rowCount", "size", "fileCount")] == [
            int(metrics[name]) for name in ("numOutputRows", "numOutputBytes", "numFiles")
        ]
        assert counted["rowCount"] == outcome.note.counts["rows"]
        assert reported["run"]["facets"]["mixlake_commit"]["counts"] == dict(outcome.note.counts)
        assert reported["run"]["facets"]["processing_engine"]["version"] == pyspark.__version__
    land = found["flows.land"]["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]
    (check,) = [a for a in land if a["name"] == "text is not empty"]
    assert check["params"] == {"failed": 1, "passed": 3, "rows": 4, "tolerance": 0.5}
    counts = found["gold.counts"]["outputs"][0]["facets"]["columnLineage"]
    assert list(counts["fields"]) == ["size"]

    # Rows that change are merged; a flow that breaks is reported, and what it keeps from running is not.
    words.land(project, "a:hello|b:changed")
    broken = words.FLOWS.replace(
        "    parts = pc.utf8_split_whitespace", "    raise ValueError('no words')\n    parts = pc.utf8_split_whitespace"
    )
    project.module("flows", broken)
    second = project.lake().run()
    events = written(project, second)
    done, failed = by_flow(events, "COMPLETE"), by_flow(events, "FAIL")
    assert (set(done), set(failed)) == ({"flows.land", "flows.shout", "gold.counts"}, {"flows.cut", "run"})
    assert "no words" in failed["flows.cut"]["run"]["facets"]["errorMessage"]["message"]
    assert failed["flows.cut"]["inputs"][0]["facets"]["version"]["datasetVersion"] == str(
        next(o.version for o in second.results if o.writes == "bronze.lines")
    )
    shout = done["flows.shout"]
    (outcome,) = [o for o in second.results if o.writes == "silver.shouts"]
    commit = commit_at(project.lake().catalog.table_uri("silver.shouts"), outcome.version)
    assert commit["operation"] == "MERGE"
    counted = shout["outputs"][0]["outputFacets"]["outputStatistics"]
    assert counted["rowCount"] == int(commit["operationMetrics"]["numOutputRows"])
    assert counted["size"] == int(commit["operationMetrics"]["numTargetBytesAdded"]) > 0
    assert shout["run"]["facets"]["mixlake_commit"]["mode"] == "incremental"
    assert "lifecycleStateChange" not in shout["outputs"][0]["facets"]

    # Too many rows break a check: nothing is committed, and the check says why.
    words.land(project, "a:|b:|c:x")
    last = project.lake().run(["bronze.lines"])
    (failure,) = [e for e in written(project, last) if e["eventType"] == "FAIL" and e["outputs"]]
    reported = {a["name"]: a for a in failure["outputs"][0]["facets"]["dataQualityAssertions"]["assertions"]}
    assert reported["text is not empty"]["params"] == {"failed": 2, "passed": 1, "rows": 3, "tolerance": 0.5}
    assert "key sample_id names one row" not in reported
