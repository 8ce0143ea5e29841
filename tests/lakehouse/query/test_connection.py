from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.errors import LakeError, QueryError, ReleaseError, TableNotFoundError, UsageError
from lakehouse.query.connection import Connection, connect
from lakehouse.release.create import create_release
from tests.lakehouse.lakes import lake_at, note, query, trained, write

NUMBERS = pa.table({"n": pa.array(range(100)), "word": [f"w{i % 7}" for i in range(100)]})


@pytest.fixture
def lake(tmp_path):
    made = lake_at(tmp_path / "lake")
    write(made, "gold.numbers", NUMBERS, note("gold.numbers"))
    return made


def answer(lake, sql, **more):
    return query(lake.project, sql, **more).to_pylist()


def test_a_table_is_read_under_its_own_name(lake):
    assert answer(lake, "SELECT count(*) AS n, max(n) AS top FROM gold.numbers WHERE n >= 50") == [{"n": 50, "top": 99}]


@pytest.mark.parametrize(
    "sql",
    [
        "WITH x AS (SELECT n FROM gold.numbers) SELECT count(*) AS c FROM x",
        "SELECT count(*) AS c FROM gold.numbers a JOIN gold.numbers b USING (n)",
        "FROM gold.numbers SELECT count(*) AS c",
        'SELECT count(*) AS c FROM "GOLD"."Numbers"',
        "SELECT c FROM query('SELECT count(*) AS c FROM gold.numbers')",
    ],
)
def test_names_are_found_wherever_they_stand(lake, sql):
    assert answer(lake, sql) == [{"c": 100}]


def test_describe_summarize_explain_and_pivot_are_reads(lake):
    assert [row["column_name"] for row in answer(lake, "DESCRIBE gold.numbers")] == ["n", "word"]
    assert len(answer(lake, "SUMMARIZE gold.numbers")) == 2
    assert answer(lake, "EXPLAIN SELECT * FROM gold.numbers")
    assert len(answer(lake, "PIVOT gold.numbers ON n % 2 USING count(*)")) == 7


@pytest.mark.parametrize(
    "statement", ["SHOW TABLES", "PIVOT gold.numbers ON n % 2 USING count(*)", "EXPLAIN FROM gold.numbers"]
)
def test_comments_before_a_statement_change_nothing(lake, statement):
    plain = ordered(lake, statement)
    assert plain
    assert ordered(lake, f"-- one\n  -- two\r\n{statement}") == plain
    assert ordered(lake, f"/* a /* b */ c */ {statement} -- d") == plain


def ordered(lake, statement):
    """A statement's rows in the order of their text: a PIVOT has none of its own."""
    return sorted(answer(lake, statement), key=str)


def test_show_tables_names_what_is_there_and_what_is_declared(lake):
    names = {(row["layer"], row["name"]) for row in answer(lake, "SHOW TABLES")}
    assert {("gold", "numbers"), ("ledger", "runs")} <= names
    assert not [name for _, name in names if name.startswith("__")]


def test_a_declared_table_that_was_never_written_is_empty_with_its_schema(lake):
    found = query(lake.project, "SELECT * FROM ledger.runs")
    assert found.num_rows == 0
    assert "committed_at" in found.column_names


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO gold.numbers SELECT * FROM gold.numbers",
        "DELETE FROM gold.numbers",
        "CREATE TABLE x AS SELECT 1",
        "COPY (SELECT 1) TO '{path}'",
        "ATTACH '{path}'",
        "SET threads = 1",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM glob('/*')",
        "SELECT 1; SELECT 2",
        "",
    ],
)
def test_sql_only_reads_the_lake(lake, tmp_path, sql):
    secret = tmp_path / "secret.txt"
    secret.write_text("no")
    with pytest.raises(QueryError) as error:
        query(lake.project, sql.format(path=tmp_path / "out.db", secret=secret))
    assert error.value.exit_code == 2
    assert error.value.hint
    assert not (tmp_path / "out.db").exists()
    assert lake.catalog.open("gold.numbers").version() == 0


def test_an_unknown_table_is_told_with_the_nearest(lake):
    with pytest.raises(TableNotFoundError, match=r"gold\.numbres — did you mean gold\.numbers"):
        query(lake.project, "SELECT * FROM gold.numbres")
    with pytest.raises(TableNotFoundError, match=r"gold\.numbers"):
        query(lake.project, "SELECT * FROM numbers")


def test_sql_that_does_not_parse_is_told_with_its_place(lake):
    with pytest.raises(QueryError, match="line 2, column 19") as error:
        query(lake.project, "SELECT n FROM\ngold.numbers wher 1")
    assert "\n" not in str(error.value)


def test_an_unknown_column_and_a_failing_cast_are_one_line(lake):
    for sql in ("SELECT nn FROM gold.numbers", "SELECT word::INT FROM gold.numbers"):
        with pytest.raises(QueryError) as error:
            query(lake.project, sql)
        assert "\n" not in str(error.value)


def test_versions_times_and_single_tables_are_pinned(lake):
    before = datetime.now(UTC)
    history = lake.catalog.open("gold.numbers").history()
    assert before.timestamp() * 1000 >= history[0]["timestamp"]
    write(lake, "gold.numbers", NUMBERS.slice(0, 10), note("gold.numbers", "run-2"))
    count = "SELECT count(*) AS c FROM gold.numbers"
    assert answer(lake, count) == [{"c": 110}]
    assert answer(lake, count, at="0") == [{"c": 100}]
    assert answer(lake, count, at="gold.numbers@0") == [{"c": 100}]
    assert answer(lake, count, at=before.isoformat()) == [{"c": 100}]
    assert answer(lake, count, tables={"gold.numbers": 0}) == [{"c": 100}]
    assert lake.table("gold.numbers", 0).num_rows == 100
    with pytest.raises(TableNotFoundError, match="had no tables at"):
        query(lake.project, count, at="2001-01-01")
    with pytest.raises(TableNotFoundError, match="no version 9"):
        query(lake.project, count, at="9")


def test_a_release_pins_its_tables_and_refuses_others(lake):
    create_release(lake.project, "mix-1")
    write(lake, "gold.numbers", NUMBERS, note("gold.numbers", "run-2"))
    write(lake, "silver.later", NUMBERS)
    assert answer(lake, "SELECT count(*) AS c FROM gold.numbers", at="mix-1") == [{"c": 100}]
    assert answer(lake, "SELECT count(*) AS c FROM ledger.releases", at="mix-1") == [{"c": 1}]
    with pytest.raises(ReleaseError, match=r"silver\.later is not part"):
        query(lake.project, "SELECT * FROM silver.later", at="mix-1")
    with pytest.raises(ReleaseError, match="no release 'mix-2'"):
        query(lake.project, "SELECT 1", at="mix-2")


def test_one_connection_sees_one_version(lake):
    with connect(lake.project) as connection:
        assert connection.table("SELECT count(*) FROM gold.numbers").column(0)[0].as_py() == 100
        write(lake, "gold.numbers", NUMBERS)
        assert connection.table("SELECT count(*) FROM gold.numbers").column(0)[0].as_py() == 100
        assert connection.versions == {"gold.numbers": 0}


def test_filters_and_projections_reach_the_files(lake):
    plan = answer(lake, "EXPLAIN SELECT n FROM gold.numbers WHERE n > 90")[0]["explain_value"]
    assert "Filters" in plan
    assert "word" not in plan


def test_a_view_of_the_configuration_is_named_by_its_file(tmp_path):
    folder = tmp_path / "views"
    folder.mkdir()
    (folder / "evens.sql").write_text("-- Even numbers.\nSELECT n FROM gold.numbers WHERE n % 2 = 0;\n")
    (folder / "audit.tops.sql").write_text("SELECT max(n) AS top FROM evens")
    (folder / "broken.sql").write_text("SELECT nothing FROM gold.numbers")
    lake = lake_at(tmp_path / "lake", views=(f"{folder}/*.sql",))
    write(lake, "gold.numbers", NUMBERS)
    assert answer(lake, "SELECT count(*) AS c FROM evens") == [{"c": 50}]
    assert answer(lake, "SELECT * FROM audit.tops") == [{"top": 98}]
    with pytest.raises(QueryError, match=r"broken\.sql"):
        query(lake.project, "SELECT * FROM broken")


def test_parameters_are_values_not_text(lake):
    with connect(lake.project) as connection:
        assert connection.rows("SELECT count(*) AS c FROM gold.numbers WHERE word = $1", ["w0'; --"]) == [{"c": 0}]


def test_one_door_gives_arrow_polars_and_a_stream(lake):
    text = "SELECT n FROM gold.numbers WHERE n >= ? ORDER BY n"
    expected = list(range(50, 100))
    assert lake.sql(text, parameters=[50]).column("n").to_pylist() == expected
    assert lake.sql(text, parameters=[50], format="polars").get_column("n").to_list() == expected
    reader = lake.sql(text, parameters=[50], format="reader")
    assert isinstance(reader, pa.RecordBatchReader)
    assert reader.read_all().column("n").to_pylist() == expected
    with pytest.raises(UsageError, match="pandas"):
        lake.sql(text, format="pandas")
    with pytest.raises(QueryError):
        lake.sql("SELECT nothing FROM gold.numbers", format="reader")


def test_every_door_takes_a_version_a_time_and_a_release(lake):
    create_release(lake.project, "r-1", ["gold.numbers"])
    stamp = DeltaTable(lake.catalog.table_uri("gold.numbers")).history(1)[0]["timestamp"]
    between = datetime.fromtimestamp((stamp + 1) / 1000, tz=UTC).isoformat()
    time.sleep(0.01)
    write(lake, "gold.numbers", NUMBERS.slice(0, 1), note("gold.numbers"))
    for at, rows in ((None, 101), ("r-1", 100), ("0", 100), ("1", 101), (between, 100), ("gold.numbers@0", 100)):
        assert lake.sql("SELECT count(*) AS n FROM gold.numbers", at=at).to_pylist() == [{"n": rows}]
        assert lake.table("gold.numbers", at=at).num_rows == rows
        assert lake.table("gold.numbers", at=at, format="polars").height == rows
        assert lake.scan("gold.numbers", at=at).collect().height == rows
    assert lake.table("gold.numbers", 0).num_rows == 100
    with pytest.raises(TableNotFoundError):
        lake.table("gold.nothing")
    with pytest.raises(ReleaseError):
        lake.scan("gold.numbers", at="r-2")


def test_a_lazy_frame_reads_what_is_asked_of_it(lake):
    import polars as pl

    lazy = lake.scan("gold.numbers")
    assert isinstance(lazy, pl.LazyFrame)
    found = lazy.filter(pl.col("n") > 97).select("word").collect()
    assert found.get_column("word").to_list() == [f"w{n % 7}" for n in (98, 99)]


def _mark(path: Path, feature: dict) -> None:
    """Rewrite the protocol and metadata of a table's first commit, as another writer would have left them."""
    import json

    log = path / "_delta_log" / "00000000000000000000.json"
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    for line in lines:
        if "protocol" in line:
            line["protocol"] = feature["protocol"]
        if "metaData" in line:
            line["metaData"]["configuration"].update(feature.get("configuration", {}))
            line["metaData"]["schemaString"] = feature.get("schema", line["metaData"]["schemaString"])
    log.write_text("\n".join(json.dumps(line) for line in lines))


def test_column_mapping_gives_values_not_nulls(lake, tmp_path):
    import json

    path = Path(lake.catalog.table_uri("gold.mapped"))
    write_deltalake(path, pa.table({"col-1": pa.array([1, 2, 3])}))
    field = {
        "name": "n",
        "type": "long",
        "nullable": True,
        "metadata": {"delta.columnMapping.id": 1, "delta.columnMapping.physicalName": "col-1"},
    }
    _mark(
        path,
        {
            "protocol": {"minReaderVersion": 2, "minWriterVersion": 5},
            "configuration": {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "1"},
            "schema": json.dumps({"type": "struct", "fields": [field]}),
        },
    )
    assert DeltaTable(path).protocol().min_reader_version == 2
    sql = "SELECT sum(a.n) AS s FROM gold.mapped a JOIN gold.mapped b USING (n)"
    assert answer(lake, sql) == [{"s": 6}]


def test_a_feature_that_no_reader_applies_is_refused(lake):
    path = Path(lake.catalog.table_uri("gold.widened"))
    write_deltalake(path, NUMBERS)
    _mark(
        path,
        {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": ["typeWidening"],
                "writerFeatures": ["typeWidening"],
            }
        },
    )
    with pytest.raises(LakeError, match=r"gold\.widened cannot be read"):
        query(lake.project, "SELECT * FROM gold.widened")


def test_auditors_views_answer_which_steps_saw_a_licence(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    sql = "SELECT DISTINCT step FROM step_samples WHERE license = 'GPL-3.0-only' ORDER BY step"
    assert answer(lake, sql, at="mix-1") == [{"step": 1}, {"step": 2}]
    tokens = answer(lake, "SELECT sum(tokens)::BIGINT AS t FROM step_samples WHERE step = 1 AND license LIKE 'GPL%'")
    assert tokens == [{"t": 10}]


def _mixed_again(lake):
    """After mix-1 and its steps: other rows at the same positions, a release of them, and steps that saw them."""
    from lakehouse.delta.append import append_rows
    from lakehouse.ledger import tables

    samples, sequences = lake.table("gold.samples"), lake.table("gold.sequences").sort_by("position")
    back = sequences.set_column(sequences.column_names.index("position"), "position", pa.array([2, 1, 0]))
    write(
        lake, "gold.sequences", back, note("gold.sequences", "r9", digest="b", inputs={"gold.samples": 1}), "overwrite"
    )
    # The paragraph of sequence 52 is under another licence now.
    at = samples.column_names.index("license")
    other = samples.set_column(at, "license", pa.array(["GPL-3.0-only", "MIT", "MIT"]))
    write(lake, "gold.samples", other, note("gold.samples", "r9", digest="b"), "overwrite")
    release = create_release(lake.project, "mix-2")
    common = {"training_run": "t2", "release": "mix-2", "digest": release.digest, "stage": "cold", "seed": 0}
    steps = [
        {**common, "step": n + 1, "positions": [n], "begin": n, "end": n + 1, "at": datetime.now(UTC)} for n in range(3)
    ]
    append_rows(lake.catalog, tables.training_steps, pa.Table.from_pylist(steps, schema=tables.training_steps.schema))


GPL = "SELECT DISTINCT training_run, step, release FROM step_samples WHERE license LIKE '%GPL-3.0%' ORDER BY ALL"


def _seen(rows):
    return [(row["training_run"], row["step"], row["release"]) for row in rows]


def test_steps_are_matched_to_the_rows_of_their_own_release(tmp_path):
    lake = lake_at(tmp_path / "lake")
    trained(lake)
    before = [("t1", 1, "mix-1"), ("t1", 2, "mix-1")]
    assert _seen(answer(lake, GPL)) == before
    _mixed_again(lake)
    after = [("t2", 3, "mix-2")]
    assert _seen(answer(lake, GPL)) == before + after
    assert _seen(answer(lake, GPL, at="mix-1")) == before
    assert _seen(answer(lake, GPL, at="mix-2")) == after
    assert answer(lake, "SELECT count(*) AS n FROM step_samples WHERE license IS NULL") == [{"n": 0}]
    assert not [row for row in answer(lake, "SHOW TABLES") if row["layer"].startswith("__")]


def test_steps_of_a_dropped_release_are_told_while_its_rows_are_there(tmp_path):
    from lakehouse.ledger.releases import drop_release

    lake = lake_at(tmp_path / "lake")
    trained(lake)
    _mixed_again(lake)
    drop_release(lake.catalog, "mix-1")
    assert _seen(answer(lake, GPL)) == [("t1", 1, "mix-1"), ("t1", 2, "mix-1"), ("t2", 3, "mix-2")]
    table = lake.catalog.open("gold.sequences")
    assert table.vacuum(0, dry_run=False, enforce_retention_duration=False)
    assert _seen(answer(lake, GPL)) == [("t2", 3, "mix-2")]


def test_auditors_views_tell_what_is_made_from_what(tmp_path):
    from lakehouse.ledger.runs import sync_runs

    lake = lake_at(tmp_path / "lake")
    trained(lake)
    sync_runs(lake.catalog)
    assert answer(lake, "SELECT makes, steps FROM downstream WHERE \"table\" = 'bronze.documents' ORDER BY ALL") == [
        {"makes": "gold.samples", "steps": 2},
        {"makes": "gold.sequences", "steps": 3},
        {"makes": "silver.paragraphs", "steps": 1},
    ]
    write(lake, "bronze.documents", lake.table("bronze.documents"), note("bronze.documents", "run-9"))
    sync_runs(lake.catalog)
    stale = answer(lake, 'SELECT "table", newer_inputs FROM freshness WHERE len(newer_inputs) > 0')
    assert stale == [{"table": "silver.paragraphs", "newer_inputs": ["bronze.documents"]}]


@pytest.mark.parametrize(
    "view", ["license_exposure", "quarantine_visible", "edges", "upstream", "freshness", "step_samples"]
)
def test_the_views_answer_on_an_empty_lake(tmp_path, view):
    assert query(lake_at(tmp_path / "lake").project, f"SELECT * FROM {view}").num_rows == 0


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        (
            "SELECT nn FROM gold.numbers",
            QueryError,
            'Referenced column "nn" not found in FROM clause! — did you mean n?',
        ),
        ("SELECT lenght(word) FROM gold.numbers", QueryError, "did you mean length"),
        ("SELECT * FROM nowhere.at_all", TableNotFoundError, "there is no table or view nowhere.at_all"),
        ('SELECT * FROM "gold"."numbres"', TableNotFoundError, "gold.numbres — did you mean gold.numbers"),
        ("SELECT 'ä'::VARCHAR,\n  n FRM gold.numbers", QueryError, "does not parse at line 2, column 9"),
        ("SELECT * FROM read_csv('/etc/passwd')", QueryError, "SQL cannot read files"),
        ("SELECT error('reading the stream failed: x.parquet')", QueryError, "reading the stream failed: x.parquet"),
    ],
)
def test_errors_name_what_is_wrong_from_the_engines_fields(lake, sql, kind, message):
    with pytest.raises(kind) as error:
        query(lake.project, sql)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("damage", ["gone", "cut", "no Parquet"])
def test_a_file_that_cannot_be_read_is_named_with_its_table(lake, damage):
    write(lake, "gold.others", NUMBERS, note("gold.others"))
    (file,) = Path(lake.catalog.table_uri("gold.numbers")).glob("*.parquet")
    if damage == "gone":
        file.unlink()
    else:
        data = file.read_bytes()
        file.write_bytes(data[:-9] if damage == "cut" else b"x" * len(data))
    for sql in ("SELECT * FROM gold.numbers", "SELECT count(*) FROM gold.others o JOIN gold.numbers USING (n, word)"):
        with pytest.raises(LakeError, match=rf"gold\.numbers cannot be read: its data file {file.name} is gone"):
            query(lake.project, sql)
    assert answer(lake, "SELECT count(*) AS n FROM gold.others") == [{"n": 100}]


def test_rows_may_come_from_another_source(lake):
    def one_row(name):
        assert name == "gold.numbers"
        return NUMBERS.slice(0, 1)

    with Connection(lake.project, source=one_row) as connection:
        assert connection.rows("SELECT count(*) AS c FROM gold.numbers") == [{"c": 1}]
        assert connection.versions == {}


def test_rows_are_kept_for_the_statements_that_follow(lake):
    with connect(lake.project) as connection:
        connection.materialize("__kept", "SELECT n FROM gold.numbers WHERE n < $1", [3])
        assert connection.insert("__kept", "SELECT n FROM gold.numbers WHERE n >= $1", [98]) == 2
        connection.register_rows("__given", pa.table({"n": [1, 99]}).to_reader())
        connection.create_view("__both", "SELECT n FROM __kept JOIN __given USING (n)")
        assert connection.rows("FROM __both ORDER BY n") == [{"n": 1}, {"n": 99}]
