from __future__ import annotations

import pytest

from lakehouse.declare.sql_views import normalised, view_name, with_views
from lakehouse.errors import FlowError


def test_tables_become_views_and_keep_their_alias():
    text = with_views("SELECT a.x, b.y FROM silver.a JOIN bronze.b AS b ON a.x = b.x", "here")
    assert text == "SELECT a.x, b.y FROM mixlake_6_silver_a AS a JOIN mixlake_6_bronze_b AS b ON a.x = b.x"


def test_no_two_tables_share_a_view():
    names = ["silver.a__b", "silver__a.b", "silver_a.b", "silver.a_b", "s.ilver_a_b"]
    assert len({view_name(name).lower() for name in names}) == len(names)
    text = with_views("WITH silver__a AS (SELECT 1 AS x) SELECT b.x FROM silver.a AS b", "here")
    assert "FROM silver__a" not in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "SELECT * FROM silver.a PIVOT (sum(x) FOR y IN ('p', 'q'))",
            "SELECT * FROM mixlake_6_silver_a AS a PIVOT (sum(x) FOR y IN ('p', 'q'))",
        ),
        ("SELECT s.u FROM silver.a AS s(u, v)", "SELECT s.u FROM mixlake_6_silver_a AS s(u, v)"),
        (
            "SELECT s.x FROM (silver.a s JOIN gold.b ON s.x = b.x)",
            "SELECT s.x FROM (mixlake_6_silver_a s JOIN mixlake_4_gold_b AS b ON s.x = b.x)",
        ),
        (
            "SELECT e FROM silver.a LATERAL VIEW explode(x) t AS e",
            "SELECT e FROM mixlake_6_silver_a AS a LATERAL VIEW explode(x) t AS e",
        ),
        ("SELECT silver.a.x, silver.a.* FROM silver.a", "SELECT a.x, a.* FROM mixlake_6_silver_a AS a"),
        ("SELECT silver.a.x.field FROM silver.a AS s", "SELECT s.x.field FROM mixlake_6_silver_a AS s"),
        ("SELECT Silver.A.x FROM silver.a", "SELECT a.x FROM mixlake_6_silver_a AS a"),
        (
            "SELECT `silver`.`a`.`x y` FROM `silver`.`a` -- it's `silver`.`a`",
            "SELECT a.`x y` FROM mixlake_6_silver_a AS a -- it's `silver`.`a`",
        ),
        (
            "SELECT `odd name`.x FROM silver.`odd name`",
            "SELECT `odd name`.x FROM `mixlake_6_silver_odd name` AS `odd name`",
        ),
        (
            "SELECT silver.a.x FROM silver.a JOIN gold.a ON silver.a.x = gold.a.x",
            (
                "SELECT mixlake_6_silver_a.x FROM mixlake_6_silver_a AS mixlake_6_silver_a "
                "JOIN mixlake_4_gold_a AS mixlake_4_gold_a ON mixlake_6_silver_a.x = mixlake_4_gold_a.x"
            ),
        ),
        (
            "SELECT b.x FROM gold.b WHERE EXISTS (SELECT 1 FROM silver.a WHERE silver.a.x = gold.b.x)",
            "SELECT b.x FROM mixlake_4_gold_b AS b WHERE EXISTS (SELECT 1 FROM mixlake_6_silver_a AS a WHERE a.x = b.x)",
        ),
        (
            "SELECT /*+ BROADCAST(dim), MERGE(u) */ 'ä𝔸''silver.a' AS t /* silver.a */ FROM silver.a;\n",
            "SELECT /*+ BROADCAST(dim), MERGE(u) */ 'ä𝔸''silver.a' AS t /* silver.a */ FROM mixlake_6_silver_a AS a;\n",
        ),
        (
            "WITH a AS (SELECT x FROM silver.a) SELECT a.x FROM a JOIN silver.a AS b ON a.x = b.x",
            "WITH a AS (SELECT x FROM mixlake_6_silver_a AS a) SELECT a.x FROM a JOIN mixlake_6_silver_a AS b ON a.x = b.x",
        ),
    ],
)
def test_nothing_but_names_is_replaced(text, expected):
    assert with_views(text, "here") == expected


def test_quotes_are_those_of_the_dialect():
    text = 'SELECT "odd name".x FROM silver."odd name"'
    assert with_views(text, "here", "duckdb") == 'SELECT "odd name".x FROM "mixlake_6_silver_odd name" AS "odd name"'


def test_of_declared_tables_the_words_alone_are_looked_at():
    text = "SELECT a >>> 1, silver.a.x, b.y FROM silver.a JOIN Gold.B b USING (x) WHERE x <> 'silver.a' -- gold.b"
    assert with_views(text, "here", declared=["silver.a", "gold.b"]) == (
        "SELECT a >>> 1, a.x, b.y FROM mixlake_6_silver_a AS a JOIN mixlake_4_gold_b b USING (x) "
        "WHERE x <> 'silver.a' -- gold.b"
    )


def test_a_name_that_is_not_where_it_should_be_is_refused(monkeypatch):
    from lakehouse.declare import sql_views

    monkeypatch.setattr(sql_views, "_place", lambda *_: (1, 0))
    with pytest.raises(FlowError, match="cannot be located"):
        with_views("SELECT x FROM silver.a", "here")


def test_comments_and_layout_do_not_count():
    assert normalised("SELECT  1 -- one\n AS n") == normalised("SELECT 1 AS n")
    assert normalised("SELECT 1 AS n") != normalised("SELECT 2 AS n")
    assert normalised("SELECT a>1") == normalised("SELECT a > 1")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT to_char(x, 'yyyy')", "SELECT to_char(x, 'MM')"),
        ("SELECT /*+ BROADCAST(a) */ 1", "SELECT 1"),
        ("SELECT 'O''Brien'", "SELECT 'O' 'Brien'"),
        ("SELECT 'a  b'", "SELECT 'a b'"),
    ],
)
def test_whatever_changes_the_query_counts(one, other):
    assert normalised(one) != normalised(other)
