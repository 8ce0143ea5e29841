"""Check that a store honours conditional puts, which commits depend on: of two writers of one name, one is refused.

Delta's commit is the creation of a file that must not be there yet. On S3 that is a put with ``If-None-Match: *``
(RFC 9110, section 13.1.2; S3 honours it since 2024). A store that ignores the header accepts both writes, and
the second overwrites the first one's commit silently. So a process tries it before its first write.
"""

from __future__ import annotations

import functools
import os
import uuid
from collections.abc import Mapping

from lakehouse.delta.store import s3
from lakehouse.delta.store.object_store import commits_through_dynamodb, object_store
from lakehouse.errors import LakeError, first_line


def require_atomic_commits(uri: str, storage: Mapping[str, str] | None = None) -> None:
    """Refuse to write to a lake whose store does not honour conditional puts; folders and other stores are not checked.

    Costs three requests, once per process and lake.

    Args:
        uri: The lake.
        storage: Its options, those of ``storage:`` in the configuration.

    Raises:
        LakeError: If the store ignores the condition, rejects it, or cannot be reached.
    """
    # In DynamoDB commits are settled by Delta's own log store and delta-rs alike.
    if s3.is_s3(uri) and not commits_through_dynamodb(uri, storage):
        settings = s3.options(storage or {}, os.environ)
        _require(uri.rstrip("/"), tuple(sorted(settings.items())))


@functools.cache
def _require(uri: str, options: tuple[tuple[str, str], ...]) -> None:
    from obstore.exceptions import AlreadyExistsError, BaseError

    settings = dict(options)
    if settings.get("conditional_put", "etag") != "etag":
        raise LakeError(
            f"storage: turns conditional puts {settings['conditional_put']!r}, on which commits to {uri} rest",
            "leave conditional_put out",
        )
    name = f"_mixlake/probe-{uuid.uuid4().hex}"
    try:
        store = object_store(uri, settings)
        store.put(name, b"", mode="create")
        try:
            store.put(name, b"", mode="create")
        except AlreadyExistsError:
            return
        finally:
            store.delete(name)
    except (BaseError, OSError, ValueError) as error:
        raise LakeError(
            f"{uri} cannot be written: {first_line(error)}", "check the bucket, its rights and storage:"
        ) from None
    raise LakeError(
        f"the store of {uri} ignores If-None-Match, so that of two concurrent commits one would be lost silently",
        "use a store that honours conditional puts (S3 does)",
    )
