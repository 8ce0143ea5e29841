from __future__ import annotations

import sqlglot
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from lakehouse.run.openlineage.sql_pivots import pivoted_inputs

COLUMNS = {"t": {"id": "int", "x": "int", "y": "int", "k": "string"}}


def inputs(text, dialect="spark"):
    scope = build_scope(
        qualify(sqlglot.parse_one(text, dialect=dialect), schema=COLUMNS, dialect=dialect, identify=False)
    )
    return dict(pivoted_inputs(scope))


def test_the_aggregates_of_a_pivot_take_turns_within_a_value():
    found = inputs("SELECT * FROM t PIVOT (sum(x) AS s, max(y) AS m FOR k IN ('a', 'b')) AS p")["p"]
    assert found.source == "t"
    assert not found.is_unpivot
    made = {name: column.values[0].sql() for name, column in found.made().items()}
    assert made == {"a_s": "SUM(t.x) AS s", "a_m": "MAX(t.y) AS m", "b_s": "SUM(t.x) AS s", "b_m": "MAX(t.y) AS m"}
    assert found.made()["a_s"].conditions[0].name == "k"
    assert found.used() == {"x", "y", "k"}


def test_an_unpivot_makes_a_column_of_values_and_one_of_names():
    found = inputs("SELECT * FROM t UNPIVOT (v FOR n IN (x AS first, y)) AS u")["u"]
    assert found.is_unpivot
    made = found.made()
    assert [part.name for part in made["v"].values] == ["x", "y"]
    assert made["n"].values == made["n"].conditions == ()
    assert found.used() == {"x", "y"}


def test_what_is_not_followed_is_said_so():
    assert inputs("SELECT * FROM t PIVOT (sum(x) FOR k IN ('a') GROUP BY id) AS p", "duckdb") == {"p": None}
    assert inputs("SELECT * FROM t UNPIVOT ((v, w) FOR n IN ((x, y))) AS u")["u"].made() is None
    assert inputs("SELECT * FROM t") == {}
