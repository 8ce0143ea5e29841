from __future__ import annotations

import ast
from pathlib import Path

import lakehouse.execute
from lakehouse.delta.content_digest import Digest
from lakehouse.engine import AffectedKeys, CheckedRows, Difference, FlowSession, StoredRows
from lakehouse.ledger.retractions import Retractions
from lakehouse.spark.engine import SparkFlowSession


def test_spark_implements_every_step_of_the_protocol():
    steps = {name for name in vars(FlowSession) if not name.startswith("_")}
    assert len(steps) > 10
    assert {name for name in steps if not callable(getattr(SparkFlowSession, name, None))} == set()


def test_the_execution_of_flows_imports_no_engine_library():
    for path in Path(lakehouse.execute.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.split(".")[0] in {"pyspark", "delta", "duckdb"}], path


def test_stored_rows_are_whole_unless_keys_or_retractions_choose_some():
    assert StoredRows(3).whole
    assert not StoredRows(3, AffectedKeys("keys")).whole
    assert not StoredRows(3, None, Retractions()).whole


def test_a_difference_without_rows_is_empty():
    none = Difference("rows", 0, 0, 0, Digest(), Digest())
    assert none.empty
    assert not Difference("rows", 0, 0, 1, Digest(), Digest(1, 1)).empty
    assert CheckedRows("rows", Digest(), {"a": 2, "b": 3}).rejected == 5
