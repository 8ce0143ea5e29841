from __future__ import annotations

import uuid

import pytest
from obstore.exceptions import AlreadyExistsError

from lakehouse.delta.store.object_store import commits_through_dynamodb, object_store


def test_a_name_is_created_once_in_a_folder_and_on_s3(tmp_path, s3):
    for store in (object_store(str(tmp_path)), object_store(f"s3://{s3.bucket}/{uuid.uuid4().hex}", s3.storage)):
        store.put("a/b=c%20d.json", b"one", mode="create")
        with pytest.raises(AlreadyExistsError):
            store.put("a/b=c%20d.json", b"two", mode="create")
        assert store.get("a/b=c%20d.json").bytes() == b"one"
    assert (tmp_path / "a" / "b=c%20d.json").read_bytes() == b"one"


def test_which_commits_go_through_dynamodb():
    assert commits_through_dynamodb("s3://bucket/lake", {"AWS_S3_LOCKING_PROVIDER": "dynamodb"})
    assert not commits_through_dynamodb("s3://bucket/lake", {})
    assert not commits_through_dynamodb("/lake", {"AWS_S3_LOCKING_PROVIDER": "dynamodb"})
