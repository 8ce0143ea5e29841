from __future__ import annotations

import re
from pathlib import Path

import pyspark
import pytest

from lakehouse.declare.config import Config
from lakehouse.delta.store import s3
from lakehouse.errors import ConfigError

LAKE = "s3://warehouse/lake"
PREFIX = "spark.hadoop.fs.s3a.bucket.warehouse."


def settings_of(storage, environment=None):
    found = s3.s3a_settings(LAKE, storage, environment or {})
    return {key.removeprefix(PREFIX): value for key, value in found.items() if key.startswith(PREFIX)}


def test_options_of_delta_rs_become_settings_of_the_lakes_bucket_alone():
    found = settings_of(
        {
            "AWS_ENDPOINT_URL": "https://s3.example.org",
            "aws_access_key_id": "me",
            "secret_access_key": "word",
            "session_token": "t",
            "region": "eu-north-1",
        }
    )
    assert found == {
        "endpoint": "https://s3.example.org",
        "endpoint.region": "eu-north-1",
        "access.key": "me",
        "secret.key": "word",
        "session.token": "t",
        "path.style.access": "true",
    }
    every = s3.s3a_settings(LAKE, {"endpoint": "https://s3.example.org"}, {})
    assert {key for key in every if key.startswith("spark.hadoop.fs.s3a.") and not key.startswith(PREFIX)} == set()
    assert every["spark.hadoop.fs.s3.impl"] == "org.apache.hadoop.fs.s3a.S3AFileSystem"


def test_a_bucket_in_the_hosts_name_is_asked_for_as_with_delta_rs():
    found = settings_of({"endpoint": "https://b.s3.example.org", "virtual_hosted_style_request": "true"})
    assert "path.style.access" not in found
    assert settings_of({})["endpoint.region"] == "us-east-1"
    assert "path.style.access" not in settings_of({})  # AWS itself


def test_the_environment_stands_in_but_its_keys_are_sparks_own_business():
    environment = {"AWS_ENDPOINT_URL": "https://a", "AWS_REGION": "eu-west-3", "AWS_SECRET_ACCESS_KEY": "word"}
    found = settings_of({"region": "eu-west-1"}, environment)
    assert (found["endpoint"], found["endpoint.region"]) == ("https://a", "eu-west-1")
    assert "secret.key" not in found
    assert settings_of({}, {"REGION": "x", "endpoint": "https://b"}) == {"endpoint.region": "us-east-1"}


def test_an_endpoint_in_clear_is_said_aloud():
    with pytest.raises(ConfigError, match="allow_http"):
        settings_of({"endpoint": "http://127.0.0.1:9000"})
    found = settings_of({"endpoint": "http://127.0.0.1:9000", "allow_http": "true"})
    assert found["connection.ssl.enabled"] == "false"


def test_encryption_and_anonymous_readers_are_known_to_both():
    found = settings_of({"server_side_encryption": "aws:kms", "sse_kms_key_id": "k", "skip_signature": "true"})
    assert (found["encryption.algorithm"], found["encryption.key"]) == ("SSE-KMS", "k")
    assert "Anonymous" in found["aws.credentials.provider"]
    with pytest.raises(ConfigError, match="server_side_encryption"):
        settings_of({"server_side_encryption": "rot13"})


def test_commits_go_through_the_conditional_log_store_unless_dynamodb_settles_them():
    assert s3.s3a_settings(LAKE, {}, {})[s3.LOG_STORE_SETTING] == s3.LOG_STORE
    assert s3.LOG_STORE_SETTING not in s3.s3a_settings(LAKE, {"AWS_S3_LOCKING_PROVIDER": "dynamodb"}, {})


def test_one_name_of_a_lake_for_all():
    assert Config(lake="x").with_lake("s3a://warehouse/lake/").lake == LAKE
    assert s3.is_s3(LAKE)
    assert not s3.is_s3("gs://warehouse/lake")
    with pytest.raises(ConfigError, match="names no bucket"):
        s3.bucket("s3:///lake")


@pytest.mark.parametrize(
    ("name", "secret"),
    [("AWS_SECRET_ACCESS_KEY", True), ("session_token", True), ("token", True), ("region", False), ("foo", False)],
)
def test_options_that_no_file_should_hold(name, secret):
    assert s3.is_secret_option(name) is secret


def test_the_packages_are_those_of_sparks_own_hadoop():
    jars = Path(pyspark.__file__).parent / "jars"
    (found,) = [re.fullmatch(r"hadoop-client-api-(.+)\.jar", jar.name) for jar in jars.glob("hadoop-client-api-*.jar")]
    assert found[1] == s3.HADOOP
