from __future__ import annotations

import json
import re
import shutil

import pyarrow as pa
import pytest

from lakehouse.cli.main import main
from lakehouse.delta.append import append_rows
from lakehouse.determinism.check import AGAIN, BATCHES, ORDER, PROCESS, check
from lakehouse.determinism.repeat_embedded import OTHERWISE
from lakehouse.errors import UsageError
from tests.lakehouse import words

OPERATOR = """
import random, time, uuid
import pyarrow as pa
import pyarrow.compute as pc
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from PACKAGE.tables import lines, shouts

SEEN = []

def text_of(batch):
{body}

@flow(writes=shouts, reads={{"lines": read(lines, where="text <> 'never' AND text rlike '.'")}}, batch_rows=16)
def shout(batch, params):
    text = text_of(batch)
    return pa.record_batch({{"sample_id": batch["sample_id"], "text": text, "size": pc.utf8_length(batch["text"])}})
"""

UPPER = "pc.utf8_upper(batch['text'])"
PLANTED = {
    "well": (f"return {UPPER}", None),
    "random": ("return pa.array([str(random.random()) for _ in range(batch.num_rows)])", AGAIN),
    "uuid": ("return pa.array([uuid.uuid4().hex] * batch.num_rows)", AGAIN),
    "time": ("return pa.array([str(time.perf_counter_ns())] * batch.num_rows)", AGAIN),
    "state": (f"SEEN.append(1); return pc.binary_join_element_wise({UPPER}, str(len(SEEN)), '')", AGAIN),
    "hash": ("return pa.array([str(hash(t)) for t in batch['text'].to_pylist()])", PROCESS),
    "set": ("return pa.array([''.join(set(t + 'abcdefgh')) for t in batch['text'].to_pylist()])", PROCESS),
    "first": (f"return pc.binary_join_element_wise({UPPER}, batch['text'][0].as_py(), '')", BATCHES),
    "count": (f"return pc.binary_join_element_wise({UPPER}, str(batch.num_rows), '')", BATCHES),
    "position": (
        f"return pc.binary_join_element_wise({UPPER}, pa.array([str(i % 16) for i in range(batch.num_rows)]), '')",
        BATCHES,
    ),
}


@pytest.fixture
def made(project):
    """Return a project, with 40 lines landed and one operator that gets its text in a given way."""

    def make(body, rows=40):
        project.module("tables", words.TABLES)
        project.module("flows", OPERATOR.format(body="    " + body))
        lake = project.lake()
        table = lake.registry.tables["bronze.lines"]
        if rows:
            ids = [f"{n:03d}" for n in range(rows)]
            given = {"sample_id": ids, "text": [f"line {n}" for n in ids], "run_id": ["r"] * rows}
            append_rows(lake.catalog, table, pa.table(given))
        return project.lake()

    return make


@pytest.mark.parametrize("name", PLANTED)
def test_planted_offenders_are_found_and_named(made, name):
    body, when = PLANTED[name]
    (found,) = check(made(body).project, ["silver.shouts"])
    assert found.rows == 40
    assert found.state == ("same" if when is None else "differs"), found
    if when is not None:
        ((found_when, difference),) = found.differences
        assert (found_when, difference.column) == (when, "text")
        assert re.fullmatch(r"\d{3}", difference.key["sample_id"])
        assert difference.values[0] != difference.values[1]
        assert re.search(r"flows\.py:\d+$", found.place)


def test_what_depends_on_the_order_of_rows_alone_is_told_so(made):
    before = "[''] + batch['text'].to_pylist()"
    body = f"return pa.array([str(a <= b) for a, b in zip({before}, batch['text'].to_pylist())])"
    (found,) = check(made(body, rows=12).project, ["silver.shouts"])
    assert [(when, one.column) for when, one in found.differences] == [(ORDER, "text")]


def test_only_the_rows_asked_for_are_taken(made):
    (found,) = check(made(PLANTED["well"][0]).project, ["silver.shouts"], rows=7)
    assert (found.rows, found.state) == (7, "same")


def test_a_missing_or_empty_input_is_skipped(made):
    (found,) = check(made(PLANTED["well"][0], rows=0).project, ["silver.shouts"])
    assert (found.state, found.rows) == ("skipped", 0)
    assert "bronze.lines" in found.detail


def test_an_operator_that_fails_or_loses_rows_fails(made):
    (found,) = check(made("raise ValueError('no')").project, ["silver.shouts"])
    assert found.state == "failed"
    assert "ValueError: no" in found.detail


def test_what_lands_or_was_never_written_is_skipped(project):
    words.write(project)
    found = {checked.writes: checked for checked in check(project.lake().project)}
    assert "external data" in found["bronze.lines"].detail
    assert found["gold.counts"].detail == "silver.shouts was never written"
    assert {checked.state for checked in found.values()} == {"skipped"}
    with pytest.raises(UsageError):
        check(project.lake().project, ["silver.nothing"])


def test_what_spark_would_run_is_skipped_unless_asked_for(project):
    project.use("embedded")
    words.write(project)
    project.run("bronze.lines", "silver.shouts")
    project.sql("gold.counts", words.COUNTS.replace("portable", "spark"))
    (found,) = check(project.lake().project.with_engine("auto"), ["gold.counts"])
    assert found.state == "skipped"
    assert found.detail == "Spark would run it: its SQL is of Spark's dialect; --spark checks it"


RELATIONAL = """
import pyarrow as pa
from lakehouse.declare.flow import flow
from PACKAGE.tables import counts, shouts, words

OF_GROUP = pa.schema([("size", pa.int32()), ("n", pa.int64())])


def number(batches):
    begin = 0
    for batch in batches:
        yield pa.record_batch({"size": batch["size"], "n": pa.array(range(begin, begin + batch.num_rows), pa.int64())})
        begin += batch.num_rows


@flow(writes=counts, reads={"shouts": shouts}, kind="relational")
def count(shouts, relations, params):
    return {body}
"""
GROUPED = """
import pyarrow as pa
import pyarrow.compute as pc
from lakehouse.declare.flow import flow
from lakehouse.declare.reads import read
from PACKAGE.tables import counts, shouts


@flow(writes=counts, reads={"shouts": read(shouts, columns=["sample_id", "size"])}, kind="group", group_by=["size"])
def count(rows, params):
    return pa.table({"size": rows["size"].slice(0, 1), "n": pa.array([BODY], pa.int64())})
"""
LAST = "relations.sql('SELECT size, max(n) AS n FROM m GROUP BY size'"
TIE = (
    "SELECT size, CAST(sample_id AS BIGINT) AS n FROM s QUALIFY row_number() OVER (PARTITION BY size ORDER BY text) = 1"
)
# What a flow of each kind makes of rows whose texts are equal: whether it depends on their order.
IN_ORDER = {
    "sum": ("relational", "relations.sql('SELECT size, count(*) AS n FROM s GROUP BY size', s=shouts)", False),
    "first": (
        "relational",
        "relations.sql('SELECT size, CAST(first(sample_id) AS BIGINT) AS n FROM s GROUP BY size', s=shouts)",
        True,
    ),
    "tie": (
        "relational",
        f"relations.sql('{TIE}', s=shouts)",
        True,
    ),
    "stream": (
        "relational",
        f"{LAST}, m=relations.map_batches(shouts, number, OF_GROUP))",
        True,
    ),
    "ordered stream": (
        "relational",
        f"{LAST}, m=relations.map_batches(shouts, number, OF_GROUP, order_by=['sample_id']))",
        False,
    ),
    "group": ("group", "pc.sum(rows['sample_id'].cast(pa.int64())).as_py()", False),
    "first of group": ("group", "int(rows['sample_id'][0].as_py())", True),
    "sql": ("sql", "count(*)", False),
    "first in sql": ("sql", "CAST(first(sample_id) AS BIGINT)", True),
}


@pytest.mark.parametrize("name", IN_ORDER)
def test_flows_of_other_kinds_that_depend_on_the_order_of_rows_are_found(project, name):
    project.use("embedded")
    kind, body, depends = IN_ORDER[name]
    words.write(project, "|".join(f"{n}:{'ab' if n % 2 else 'abc'}" for n in range(60)))
    if kind == "sql":
        project.sql("gold.counts", f"-- dialect: duckdb\nSELECT size, {body} AS n FROM silver.shouts GROUP BY size\n")
    else:
        shutil.rmtree(project.root / "flows")
        text = RELATIONAL.replace("{body}", body) if kind == "relational" else GROUPED.replace("BODY", body)
        project.module("of_counts", text)
    project.run("bronze.lines", "silver.shouts")
    (found,) = check(project.lake().project, ["gold.counts"])
    assert (found.state, found.rows) == ("differs" if depends else "same", 2), found
    if depends:
        (when, difference), *more = found.differences
        assert not more
        assert (when, difference.column, list(difference.key)) == (OTHERWISE, "n", ["size"])
        assert difference.values[0] != difference.values[1]
    assert not project.lake().catalog.has("gold.counts")


def test_rows_of_a_table_without_key_that_come_less_often_are_told(project):
    project.use("embedded")
    words.write(project, "|".join(f"{n}:{'ab' if n % 2 else 'abc'}" for n in range(60)))
    without_key = words.TABLES.replace('key=["size"],', "")
    project.module("tables", without_key)
    made = "CASE WHEN row_number() OVER () < 20 AND size = 3 THEN 1 ELSE 2 END"
    project.sql("gold.counts", f"-- dialect: duckdb\nSELECT size, {made} AS n FROM silver.shouts\n")
    project.run("bronze.lines", "silver.shouts")
    (found,) = check(project.lake().project, ["gold.counts"])
    assert (found.state, found.detail) == (
        "failed",
        f"{found.flow} gives equal rows, but not equally often ({found.place})",
    )


def test_the_command_names_flow_column_row_and_place_and_exits_with_1(made, monkeypatch, capsys):
    lake = made(PLANTED["random"][0])
    monkeypatch.chdir(lake.config.root)
    assert main(["check", "--rows", "20", "--lake", lake.uri]) == 1
    printed = capsys.readouterr().out
    assert re.search(
        r"text of 20 rows differs when it was called again: of sample_id=\d+ it was 0\.\d+ and 0\.\d+ \(\S+flows\.py:\d+\)",
        printed,
    )
    assert main(["check", "silver.shouts", "--json", "--lake", lake.uri]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["state"], found["differences"][0]["column"]) == ("differs", "text")
    assert main(["doctor", "silver.shouts"]) == 2


def test_on_spark_flows_are_run_with_other_partitions_and_nothing_is_written(spark, project):
    words.write(project)
    project.run("bronze.lines", "silver.shouts")
    project.sql(
        "gold.counts",
        "SELECT size, CAST(max(r * 1e12) AS BIGINT) AS n FROM (SELECT size, rand() AS r FROM silver.shouts) GROUP BY size",
    )
    before = project.lake().catalog.log("silver.shouts").version
    (found,) = check(project.lake().project, ["gold.counts"], spark=True)
    assert found.state == "differs"
    assert found.differences[0][1].column == "n"
    assert "gold.counts.sql" in found.place
    project.sql("gold.counts", words.COUNTS)
    (found,) = check(project.lake().project, ["gold.counts"], spark=True)
    assert (found.state, found.rows) == ("same", 3)
    assert not project.lake().catalog.has("gold.counts")
    assert project.lake().catalog.log("silver.shouts").version == before
