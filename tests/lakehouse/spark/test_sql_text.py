"""What Spark runs of a SQL flow means what was written: the analysed plans are compared."""

from __future__ import annotations

import re

import pytest
from pyspark.errors import PySparkException

from lakehouse.declare.sql_flow import parse_select, table_names
from lakehouse.declare.sql_views import view_name, with_views
from lakehouse.errors import FlowError

STATEMENTS = [
    "SELECT id, name FROM s.src WHERE name = 'O''Brien'",
    'SELECT "a ""q""" AS q, id FROM s.src WHERE name LIKE \'%\'\'%\'',
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY y) AS med FROM s.src",
    "SELECT percentile_cont(0.9) WITHIN GROUP (ORDER BY y DESC) AS p FROM s.src",
    "SELECT percentile_disc(0.9) WITHIN GROUP (ORDER BY y DESC) AS p FROM s.src",
    "SELECT id, date_format(day, \"yyyy'y'MM'm'dd'd'\") AS d FROM s.src",
    "SELECT to_date('2024y01m31d', \"yyyy'y'MM'm'dd'd'\") AS d FROM s.src",
    "SELECT id, to_char(x, '0000000') AS code, to_char(day, 'yyyy') AS year FROM s.src",
    "SELECT id, CAST(parse_json('{\"b\": 1,  \"a\": 2}') AS STRING) AS j FROM s.src",
    "SELECT trunc(day, 'Q') AS q, trunc(day, 'quarter') AS r FROM s.src",
    "SELECT id, -9223372036854775808L AS m, -128Y AS t, -32768S AS s FROM s.src",
    "SELECT collate(name, 'UTF8_LCASE') AS n FROM s.src",
    "SELECT /*+ BROADCAST(dim) */ src.id, dim.label FROM s.src JOIN s.dim ON src.id = dim.id",
    "SELECT /*+ MERGE(t, u) */ t.id FROM s.src AS t JOIN s.dim u ON t.id = u.id",
    "SELECT s.src.id, s.src.* FROM s.src",
    "SELECT `s`.`src`.`id` FROM `s`.`src` WHERE `s`.`src`.`name` IS NOT NULL -- s.dim",
    "WITH src AS (SELECT id FROM s.dim) SELECT src.id FROM src JOIN s.src AS t ON src.id = t.id",
    "WITH a AS (SELECT id FROM s.src), b AS (SELECT * FROM a) SELECT * FROM b WHERE id IN (SELECT id FROM s.dim)",
    "SELECT id FROM s.src UNION ALL SELECT id FROM s.dim",
    "SELECT id FROM s.src UNION SELECT id FROM s.dim ORDER BY id LIMIT 3",
    "SELECT id FROM s.src EXCEPT ALL SELECT id FROM s.dim",
    "SELECT id FROM s.src INTERSECT SELECT id FROM s.dim",
    "SELECT id FROM s.src MINUS SELECT id FROM s.dim",
    "SELECT name, count(*) AS n FROM s.src GROUP BY ALL",
    "SELECT name, day, count(*) AS n FROM s.src GROUP BY ROLLUP (name, day)",
    "SELECT name, day, grouping_id() AS g FROM s.src GROUP BY GROUPING SETS ((name), (day), ())",
    "SELECT * FROM s.src PIVOT (sum(x) FOR y IN (1 AS one, 2 AS two))",
    "SELECT * FROM s.src UNPIVOT (v FOR k IN (x, y))",
    "SELECT id, e FROM s.src LATERAL VIEW explode(array(x, y)) t AS e",
    "SELECT id, e FROM s.src LATERAL VIEW OUTER posexplode(array(x, y)) t AS p, e",
    "SELECT src.id, l.label FROM s.src, LATERAL (SELECT label FROM s.dim WHERE dim.id = src.id) AS l",
    "SELECT id, posexplode(array(x, y)) AS (p, e) FROM s.src",
    "SELECT id, stack(2, 'x', x, 'y', y) AS (k, v) FROM s.src",
    "SELECT id, row_number() OVER (PARTITION BY name ORDER BY x DESC NULLS LAST) AS r FROM s.src",
    "SELECT id, sum(x) OVER w AS t FROM s.src WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
    "SELECT id, (SELECT max(label) FROM s.dim WHERE dim.id = src.id) AS m FROM s.src",
    "SELECT id FROM s.src WHERE EXISTS (SELECT 1 FROM s.dim WHERE s.dim.id = s.src.id)",
    "SELECT t.id FROM s.src AS t LEFT ANTI JOIN s.dim USING (id)",
    "SELECT id FROM s.src NATURAL JOIN s.dim",
    "SELECT transform(array(x, y), v -> v + 1) AS a, filter(array(x, y), (v, i) -> i > 0) AS b FROM s.src",
    "SELECT x::string AS a, CAST(y AS DECIMAL(10, 2)) AS b, try_cast(name AS INT) AS c FROM s.src",
    "SELECT INTERVAL 3 DAYS + day AS d, INTERVAL '1-2' YEAR TO MONTH + day AS e FROM s.src",
    "SELECT X'1F' AS b, 1e3 AS d, 1.5BD AS m, 2.5F AS f, r'\\d' AS r, 'nl\\nz\\u0041' AS e FROM s.src",
    "SELECT CASE name WHEN 'Ann' THEN 1 ELSE 2 END AS c, IF(x > 1, 'a', 'b') AS i, nvl2(x, 1, 2) AS n FROM s.src",
    "SELECT name RLIKE '^[a-z]+$' AS r, name LIKE 'a!%' ESCAPE '!' AS l, name ILIKE ANY ('a%', 'b%') AS y FROM s.src",
    "SELECT * EXCEPT (name) FROM s.src",
    "SELECT named_struct('a', x, 'b', named_struct('c', y)).b.c AS c, map('k', x)['k'] AS m FROM s.src",
    "SELECT count(DISTINCT name) FILTER (WHERE x > 1) AS n, first(name) IGNORE NULLS AS f FROM s.src",
    "SELECT any_value(name) AS a, mode(x) AS m, listagg(name, ',') AS l FROM s.src",
    "FROM s.src SELECT id, x WHERE x > 1",
    "SELECT id FROM s.src DISTRIBUTE BY id SORT BY id",
    "SELECT a FROM VALUES (1), (2) AS t(a) JOIN s.src ON a = id",
    "SELECT id FROM s.src ORDER BY ALL LIMIT 2 OFFSET 1",
    "SELECT current_date() AS d FROM s.src WHERE day < DATE'2024-06-01' AND ts > TIMESTAMP'2024-01-01 00:00:00'",
]  # fmt: skip
EXAMPLE = re.compile(r">\s*(SELECT.*?);\s*$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def tables(spark):
    spark.sql("CREATE DATABASE IF NOT EXISTS s")
    rows = "(1, \"O'Brien\", 1000, 1, DATE'2024-01-31', TIMESTAMP'2024-01-31 10:00:00')"
    spark.sql("DROP TABLE IF EXISTS s.src")
    spark.sql("DROP TABLE IF EXISTS s.dim")
    spark.sql("CREATE TABLE s.src (id INT, name STRING, x INT, y INT, day DATE, ts TIMESTAMP) USING parquet")
    spark.sql(f"INSERT INTO s.src VALUES {rows}")
    spark.sql("CREATE TABLE s.dim (id INT, label STRING) USING parquet")
    for name in ("s.src", "s.dim"):
        spark.table(name).createOrReplaceTempView(view_name(name))
    yield
    spark.sql("DROP DATABASE s CASCADE")


def examples(spark):
    """Return the example queries of Spark's function reference, over a table."""
    registry = spark._jsparkSession.sessionState().functionRegistry()
    found = []
    names = registry.listFunction()
    for place in range(names.size()):
        info = registry.lookupFunction(names.apply(place))
        if info.isDefined():
            text = info.get().getExamples().replace("_FUNC_", info.get().getName())
            found += [" ".join(query.split()) for query in EXAMPLE.findall(text)]
    return [query if " FROM " in query.upper() else f"{query} FROM s.src" for query in dict.fromkeys(found)]


def plan(spark, text):
    return spark.sql(text)._jdf.queryExecution().optimizedPlan()


def same_plan(spark, written, run):
    """Whether two queries come to one plan; None where Spark refuses the first, or no two analyses of it are the same."""
    try:
        wanted = plan(spark, written)
    except PySparkException:
        return None
    if wanted.sameResult(plan(spark, run)):
        return True
    # A clock, or chance.
    return False if wanted.sameResult(plan(spark, written)) else None


def test_statements_of_every_kind_mean_what_was_written(spark, tables):
    for text in STATEMENTS:
        assert same_plan(spark, text, with_views(text, "here")) is True, text


@pytest.mark.slow
def test_the_examples_of_sparks_function_reference_mean_what_was_written(spark, tables):
    compared = unparsed = others = 0
    for text in examples(spark):
        try:
            reads, run = table_names(parse_select(text, "here")), with_views(text, "here")
        except FlowError:
            # Declared beside it, what the parser does not know runs all the same.
            reads, run = {"s.src"}, with_views(text, "here", declared=["s.src"])
            unparsed += 1
        same = same_plan(spark, text, run)
        assert same is not False, text
        assert reads <= {"s.src"}, text
        compared += same is True
        others += same is None
    print(
        f"{compared} compared, {unparsed} of all by their words alone; {others} that Spark refuses or that are of chance"
    )
    assert compared >= 400
