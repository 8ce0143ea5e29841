"""Open a store for conditional puts, with the options by which delta-rs opens it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lakehouse.delta.store import s3

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config

_S3_NAMES = (
    "access_key_id",
    "secret_access_key",
    "session_token",
    "region",
    "endpoint",
    "virtual_hosted_style_request",
    "skip_signature",
    "request_payer",
    "server_side_encryption",
    "sse_kms_key_id",
)
_DYNAMODB = "dynamodb"


def object_store(uri: str, storage: Mapping[str, str] | None = None) -> ObjectStore:
    """Return the store whose root is a folder of a lake.

    Args:
        uri: The folder: a path, or a URI.
        storage: Options of delta-rs.

    Raises:
        obstore.exceptions.BaseError: If an option is wrong.
    """
    from obstore.store import LocalStore, S3Store, from_url

    if "://" not in uri:
        return LocalStore(Path(uri))
    if not s3.is_s3(uri):
        return from_url(uri, config=cast("Any", dict(storage or {})))
    options = s3.options(storage or {}, os.environ)
    config = cast("S3Config", {f"aws_{name}": options[name] for name in _S3_NAMES if name in options})
    return S3Store.from_url(uri, config=config, client_options={"allow_http": "allow_http" in options})


def commits_through_dynamodb(uri: str, storage: Mapping[str, str] | None = None) -> bool:
    """Whether a lake's commits are settled in a table of DynamoDB, and not by its store."""
    return s3.is_s3(uri) and s3.options(storage or {}, os.environ).get("locking_provider") == _DYNAMODB
