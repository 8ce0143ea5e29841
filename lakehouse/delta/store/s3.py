"""Translate the options of a lake on S3 for Spark's S3A, so that it opens the lake as delta-rs does.

``storage:`` in ``mixlake.yaml`` holds the options of delta-rs (those of the Rust crate ``object_store``: letters of
either case, with or without ``AWS_``), and the ``AWS_`` variables of the environment stand in for those that it
leaves out. Here they become ``fs.s3a`` settings of the lake's bucket alone, so that a flow may read other buckets
with other keys. Credentials in the environment are Spark's own business: it hands them to its workers.

A lake is named ``s3://BUCKET/PATH`` by all; S3A answers to that scheme, too.

Spark needs `PACKAGES`: S3A as Hadoop 3.5.0 has it, and of the AWS SDK for Java the four modules that S3A names (13 MB
in 37 jars, fetched once by Ivy) instead of the bundle of all services that it depends on (686 MB). What Spark ships
already is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from lakehouse.errors import ConfigError

HADOOP = "3.5.0"
SDK = "2.35.4"  # the version that hadoop-aws of that Hadoop was built with
PACKAGES = (
    f"org.apache.hadoop:hadoop-aws:{HADOOP}",
    *(f"software.amazon.awssdk:{name}:{SDK}" for name in ("s3", "s3-transfer-manager", "sts", "apache-client")),
)
EXCLUDES = (
    "software.amazon.awssdk:bundle",
    "io.netty:*",
    "org.slf4j:slf4j-api",
    "commons-logging:commons-logging",
    "commons-codec:commons-codec",
    "org.apache.httpcomponents:*",
)
LOG_STORE = "mixlake.ConditionalLogStore"
LOG_STORE_JAR = Path(__file__).with_name("conditional-log-store.jar")
LOG_STORE_SETTING = "spark.delta.logStore.s3.impl"

# Names of `object_store::aws::AmazonS3ConfigKey` without their prefix, and what S3A calls them.
_ALIASES = {
    "access_key_id": "access_key_id",
    "secret_access_key": "secret_access_key",
    "session_token": "session_token",
    "token": "session_token",
    "region": "region",
    "default_region": "region",
    "endpoint": "endpoint",
    "endpoint_url": "endpoint",
    "endpoint_url_s3": "endpoint",
    "allow_http": "allow_http",
    "virtual_hosted_style_request": "virtual_hosted_style_request",
    "skip_signature": "skip_signature",
    "request_payer": "request_payer",
    "server_side_encryption": "server_side_encryption",
    "sse_kms_key_id": "sse_kms_key_id",
    "conditional_put": "conditional_put",
    "s3_locking_provider": "locking_provider",
}
_FROM_ENVIRONMENT = {"endpoint", "region", "allow_http", "virtual_hosted_style_request"}
_S3A = {
    "access_key_id": "access.key",
    "secret_access_key": "secret.key",
    "session_token": "session.token",
    "region": "endpoint.region",
    "endpoint": "endpoint",
    "request_payer": "requester.pays.enabled",
    "sse_kms_key_id": "encryption.key",
}
_ENCRYPTION = {"AES256": "SSE-S3", "aws:kms": "SSE-KMS", "aws:kms:dsse": "DSSE-KMS"}
_ANONYMOUS = "org.apache.hadoop.fs.s3a.AnonymousAWSCredentialsProvider"


def is_s3(uri: str) -> bool:
    """Whether a lake is on S3."""
    return uri.startswith("s3://")


def bucket(uri: str) -> str:
    """Return the bucket of a lake.

    Raises:
        ConfigError: If the URI names none.
    """
    name = urlsplit(uri).netloc
    if not name:
        raise ConfigError(f"the lake {uri} names no bucket", "write s3://BUCKET/PATH")
    return name


def options(storage: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the options that matter to all who open the lake, under one name each.

    Args:
        storage: ``storage:`` of the configuration.
        environment: Variables of the process, of which ``AWS_...`` count where `storage` says nothing.
    """
    settings: dict[str, str] = {}
    for name, value in environment.items():
        plain = _ALIASES.get(name.lower().removeprefix("aws_")) if name.startswith("AWS_") else None
        if plain in _FROM_ENVIRONMENT and value:
            settings[plain] = value
    for name, value in storage.items():
        plain = _ALIASES.get(name.lower().removeprefix("aws_"))
        if plain:
            settings[plain] = value
    return settings


def s3a_settings(uri: str, storage: Mapping[str, str], environment: Mapping[str, str]) -> dict[str, str]:
    """Return the Spark settings with which S3A opens a lake as delta-rs does.

    Raises:
        ConfigError: If the options contradict each other, or name an option that S3A does not have.
    """
    named = options(storage, environment)
    prefix = f"spark.hadoop.fs.s3a.bucket.{bucket(uri)}."
    settings = {
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        # Without it S3A queries the network for this machine's region, and waits for an answer.
        f"{prefix}endpoint.region": "us-east-1",
        **{f"{prefix}{_S3A[name]}": value for name, value in named.items() if name in _S3A},
    }
    endpoint = named.get("endpoint", "")
    # As delta-rs: a bucket is part of the path, unless the options put it in the host's name; AWS itself takes both.
    if endpoint and not _yes(named.get("virtual_hosted_style_request", "")):
        settings[f"{prefix}path.style.access"] = "true"
    if endpoint.startswith("http://"):
        if not _yes(named.get("allow_http", "")):
            raise ConfigError(f"the endpoint {endpoint} is not encrypted", "add allow_http: true to storage:")
        settings[f"{prefix}connection.ssl.enabled"] = "false"
    if _yes(named.get("skip_signature", "")):
        settings[f"{prefix}aws.credentials.provider"] = _ANONYMOUS
    if encryption := named.get("server_side_encryption", ""):
        if encryption not in _ENCRYPTION:
            raise ConfigError(f"unknown server_side_encryption {encryption!r}", f"give one of {', '.join(_ENCRYPTION)}")
        settings[f"{prefix}encryption.algorithm"] = _ENCRYPTION[encryption]
    if named.get("locking_provider", "") != "dynamodb":
        settings[LOG_STORE_SETTING] = LOG_STORE
    return settings


def is_secret(setting: str) -> bool:
    """Whether a Spark setting is one that no file should hold."""
    return setting.rpartition(".")[2] in {"key", "token"} or "secret" in setting


def is_secret_option(name: str) -> bool:
    """Whether an option of ``storage:`` is one that no file should hold."""
    return _ALIASES.get(name.lower().removeprefix("aws_")) in {"access_key_id", "secret_access_key", "session_token"}


def _yes(text: str) -> bool:
    return text.strip().lower() in {"1", "true", "yes", "on", "y"}
