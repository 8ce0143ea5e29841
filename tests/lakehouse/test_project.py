from __future__ import annotations

from lakehouse.project import Project
from tests.lakehouse.lakes import lake_at, note, rows, write


def test_a_project_has_one_catalog_and_declares_the_ledger(tmp_path):
    project = Project(lake_at(tmp_path / "lake").config)
    assert project.catalog is project.catalog
    assert project.catalog.uri == str(tmp_path / "lake")
    assert {"ledger.runs", "ledger.quarantine"} <= set(project.registry.tables)


def test_logs_lie_in_the_lake_or_beside_the_configuration(tmp_path):
    config = lake_at(tmp_path / "lake").config
    assert Project(config).log_folder == tmp_path / "lake" / "_logs"
    assert Project(config.with_lake("s3://bucket/lake")).log_folder == config.root / ".mixlake"


def test_copies_with_params_and_spark_settings_leave_the_project_as_it_is(tmp_path):
    project = Project(lake_at(tmp_path / "lake", params={"a.b": {"x": 1}}).config)
    assert project.with_params({"a.b": {"y": 2}}).config.params == {"a.b": {"x": 1, "y": 2}}
    assert project.with_spark({"spark.master": "local[1]"}).config.spark == {"spark.master": "local[1]"}
    assert project.with_verify(verify=True).config.verify
    assert not project.with_verify(verify=False).config.verify
    assert (project.config.params, project.config.spark) == ({"a.b": {"x": 1}}, {})


def test_a_key_names_one_row_where_a_flow_wrote_all_of_a_table(tmp_path):
    lake = lake_at(tmp_path / "lake")
    project = lake.project
    table = "silver.documents"  # a packaged flow writes it
    write(lake, table, rows(["a"]), note(table))
    assert project.only_flows_wrote(table, {table: 0})
    write(lake, table, rows(["a"]))
    assert not project.only_flows_wrote(table, {table: 1})
    assert not project.only_flows_wrote("bronze.unknown", {})
