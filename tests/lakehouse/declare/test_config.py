from __future__ import annotations

import pytest

from lakehouse.declare.config import load_config
from lakehouse.errors import ConfigError


def test_without_a_file_the_lake_lies_here(tmp_path, monkeypatch):
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    assert load_config(tmp_path).lake == str(tmp_path / "lake")


def test_the_nearest_file_above_governs_and_paths_start_there(tmp_path, monkeypatch):
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    (tmp_path / "mixlake.yaml").write_text("lake: data/lake\nmodules: [acme]\nsql: [flows/*.sql]\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    config = load_config(tmp_path / "deep" / "er")
    assert config.lake == str(tmp_path / "data" / "lake")
    assert config.modules == ("acme",)
    assert config.sql == (str(tmp_path / "flows/*.sql"),)


def test_the_environment_wins_over_the_file(tmp_path, monkeypatch):
    (tmp_path / "mixlake.yaml").write_text("lake: one\n")
    monkeypatch.setenv("MIXLAKE_LAKE", "s3://bucket/lake/")
    assert load_config(tmp_path).lake == "s3://bucket/lake"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lake: [", "mixlake.yaml:1: "),
        ("lake: x\n  bad: y", "mixlake.yaml:2: "),
        ("lakes: x", "unknown key 'lakes'"),
        ("- a", "must be a mapping"),
        ("modules: acme", "modules must be a list"),
        ("params: {silver.documents: 3}", "params.silver.documents"),
        ("modules: ['']", "mixlake.yaml:1: modules names '', which is not a module"),
        ("lake: x\nmodules: [acme, ..acme]", "mixlake.yaml:2: modules names '..acme'"),
        ("parallel: many", "parallel"),
        ("spark: {spark.sql.shuffle.partitions: [1]}", ": spark.sql.shuffle.partitions is [1], "),
        ("spark: {other.setting: [1]}", ": spark.other.setting is [1], "),
    ],
)
def test_a_broken_file_gets_one_clear_line(tmp_path, text, says):
    (tmp_path / "mixlake.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.exit_code == 2


def test_what_is_no_file_in_its_place_is_not_passed_over(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "mixlake.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"mixlake\.yaml is not a file"):
        load_config(tmp_path / "below")
    (tmp_path / "below" / "mixlake.yaml").symlink_to("nowhere.yaml")
    with pytest.raises(ConfigError, match=r"below/mixlake\.yaml is not a file"):
        load_config(tmp_path / "below")


def test_params_given_later_win_and_leave_the_others(tmp_path):
    (tmp_path / "mixlake.yaml").write_text("params: {t.a: {x: 1, y: 2}}\n")
    config = load_config(tmp_path).with_params({"t.a": {"x": 5}})
    assert config.params["t.a"] == {"x": 5, "y": 2}
