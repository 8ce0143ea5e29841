from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from lakehouse import doctor
from lakehouse.cli.main import main
from lakehouse.doctor import examine
from tests.lakehouse.lakes import lake_at, newer, write


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)


def found(uri=None):
    return {finding.name: finding for finding in examine(uri)}


def test_what_is_well_is_reported_so(tmp_path):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.x", pa.table({"n": [1]}))
    findings = found(lake.uri)
    assert findings["python"].state == findings["pyspark"].state == findings["lake"].state == "ok"
    assert "1 tables, 0 unreadable" in findings["lake"].detail


def test_a_missing_jdk_is_broken_with_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    java = found()["java"]
    assert java.state == "warning"
    assert "17" in java.fix


def test_an_old_jdk_is_broken(monkeypatch, tmp_path):
    (tmp_path / "bin").mkdir()
    java = tmp_path / "bin" / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    assert found()["java"].state == "warning"
    assert "8" in found()["java"].detail


def test_a_damaged_table_and_a_newer_format_are_named(tmp_path, capsys):
    lake = lake_at(tmp_path / "lake")
    write(lake, "gold.x", pa.table({"n": [1]}))
    newer(lake, "gold.new")
    (Path(lake.catalog.table_uri("gold.x")) / "_delta_log" / f"{0:020d}.json").write_text("{")
    findings = found(lake.uri)
    assert findings["gold.x"].state == findings["gold.new"].state == findings["lake"].state == "broken"
    assert "newer" in findings["gold.new"].fix
    assert main(["doctor", "--lake", lake.uri]) == 1
    assert "gold.new" in capsys.readouterr().out


def test_a_broken_configuration_is_a_finding(tmp_path):
    (tmp_path / "mixlake.yaml").write_text("nonsense: 1\n")
    assert found()["configuration"].state == "broken"
    (tmp_path / "mixlake.yaml").write_text("modules: [no_such_module_here]\n")
    assert found()["declarations"].state == "broken"


def test_an_unexpected_error_is_a_finding_and_shown_whole_where_wanted(tmp_path, monkeypatch, capsys):
    write(lake_at(tmp_path / "lake"), "gold.x", pa.table({"n": [1]}))
    monkeypatch.setattr(doctor, "scan", lambda *_: 1 / 0)
    finding = found(str(tmp_path / "lake"))["gold.x"]
    assert finding.detail == "ZeroDivisionError: division by zero"
    assert "Traceback" not in capsys.readouterr().err
    monkeypatch.setenv("MIXLAKE_DEBUG", "1")
    found(str(tmp_path / "lake"))
    assert "Traceback" in capsys.readouterr().err


def test_a_cluster_that_does_not_answer_is_broken(tmp_path):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        place = f"spark://127.0.0.1:{listening.getsockname()[1]}"
        findings = {finding.name: finding for finding in examine(str(tmp_path), place)}
        assert findings["master"].state == "ok"
        assert findings["lake location"].state == "warning"
    findings = {finding.name: finding for finding in examine(str(tmp_path), place)}
    assert findings["master"].state == "broken"
    assert place in findings["master"].detail
    assert "master" not in {finding.name for finding in examine(str(tmp_path), "local[2]")}


def test_yarn_needs_its_configuration(tmp_path, monkeypatch):
    for name in ("HADOOP_CONF_DIR", "YARN_CONF_DIR"):
        monkeypatch.delenv(name, raising=False)
    assert {finding.name: finding for finding in examine(str(tmp_path), "yarn")}["master"].state == "broken"
    monkeypatch.setenv("YARN_CONF_DIR", str(tmp_path))
    assert {finding.name: finding for finding in examine(str(tmp_path), "yarn")}["master"].state == "ok"
