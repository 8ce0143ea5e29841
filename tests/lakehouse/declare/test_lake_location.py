from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.config import Config, load_config
from lakehouse.declare.lake_location import lake_location, require_store
from lakehouse.delta.store.table_folder import table_folder
from lakehouse.errors import ConfigError

ROOT = Path("/root of all")


@pytest.mark.parametrize(
    ("text", "location"),
    [
        ("lake", "/root of all/lake"),
        ("/data/läke", "/data/läke"),
        ("./s3:/x", "/root of all/s3:/x"),
        ("file:///data/a%20lake", "/data/a lake"),
        ("file://localhost/data", "/data"),
        ("s3://bucket/lake//", "s3://bucket/lake"),
        ("S3A://bucket/lake", "s3://bucket/lake"),
        ("abfss://box@me.dfs.core.windows.net/x", "abfss://box@me.dfs.core.windows.net/x"),
    ],
)
def test_a_folder_is_absolute_and_a_store_has_one_name(text, location):
    assert lake_location(text, ROOT) == location


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://", "needs a bucket"),
        ("s3:///path", "needs a bucket"),
        ("s3:// ", "needs a bucket"),
        ("gs://a b/c", "'a b' is not one"),
        ("az://", "needs a container"),
        ("foo://bucket", "unknown scheme foo"),
        ("s3:/bucket", "write s3://BUCKET/PATH"),
        ("file:data", "file:///PATH"),
        ("file://", "names no folder"),
        ("file:///", "names no folder"),
        ("file://host/data", "is on the host host"),
        ("a\0b", "NUL"),
    ],
)
def test_what_is_neither_is_refused_with_the_form_to_write(text, message):
    with pytest.raises(ConfigError, match=message):
        lake_location(text, ROOT)
    with pytest.raises(ConfigError, match=message):
        Config(lake="x").with_lake(text)


def test_the_files_line_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MIXLAKE_LAKE", raising=False)
    (tmp_path / "mixlake.yaml").write_text("parallel: 1\nlake: s3://\n")
    with pytest.raises(ConfigError, match=r"mixlake.yaml:2: the lake s3:// needs a bucket"):
        load_config(tmp_path)


@given(st.text(max_size=12), st.sampled_from(["", "s3:", "s3:/", "s3://", "gs://", "file://", "x://", "az:"]))
def test_each_text_is_a_place_or_refused_and_no_place_ends_the_process(rest, begin):
    try:
        location = lake_location(begin + rest, ROOT)
    except (ConfigError, RuntimeError):  # of a user's folder that is not known, ~x
        return
    if "://" in location:
        require_store(location)
    else:
        assert Path(location).is_absolute()
        table_folder(f"{location}/a/b")


def test_a_relative_folder_that_looks_like_a_uri_ends_no_process():
    assert table_folder("s3:/ledger/retractions").get_file_info("x").is_file is False
