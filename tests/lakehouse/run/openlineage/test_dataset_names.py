from __future__ import annotations

import pytest

from lakehouse.run.openlineage.dataset_names import address, dataset


@pytest.mark.parametrize(
    ("uri", "namespace", "name"),
    [
        ("/lake/silver/documents", "file", "/lake/silver/documents"),
        ("file:///lake/a%20b/documents", "file", "/lake/a b/documents"),
        ("file://host/lake/documents", "file://host", "/lake/documents"),
        ("s3://bucket/lake/silver/documents", "s3://bucket", "lake/silver/documents"),
        ("s3a://bucket/silver/documents/", "s3://bucket", "silver/documents"),
        ("gs://bucket/silver/documents", "gs://bucket", "silver/documents"),
        ("abfss://box@acme.dfs.core.windows.net/l/t", "abfss://box@acme.dfs.core.windows.net", "l/t"),
        ("hdfs://node:8020/lake/t", "hdfs://node:8020", "/lake/t"),
    ],
)
def test_names_follow_the_naming_specification(uri, namespace, name):
    assert dataset(uri) == (namespace, name)


def test_a_password_is_no_part_of_a_name():
    assert dataset("s3://key:secret@bucket/t").namespace == "s3://bucket"


def test_a_folder_has_an_address():
    assert address("/lake") == "file:///lake"
    assert address("s3://bucket/lake") == "s3://bucket/lake"
