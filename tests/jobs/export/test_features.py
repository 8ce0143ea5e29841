from __future__ import annotations

import datasets
import pyarrow as pa
import pytest

from jobs.export.features import features, is_medium

TYPES = [
    pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(),
    pa.float32(), pa.float64(), pa.date32(), pa.time64("us"), pa.timestamp("us"), pa.timestamp("ns", "UTC"),
    pa.duration("ms"), pa.decimal128(38, 3), pa.null(),
]  # fmt: skip
NESTED = [
    pa.list_(pa.string()),
    pa.list_(pa.list_(pa.int8())),
    pa.list_(pa.int32(), 2),
    pa.large_list(pa.string()),
    pa.struct([("a", pa.int8()), ("b", pa.list_(pa.struct([("c", pa.string())])))]),
    pa.list_(pa.struct([("key", pa.string()), ("value", pa.struct([("x", pa.timestamp("us", "UTC"))]))])),
    pa.list_(pa.list_(pa.struct([("a", pa.int8())]))),
]


@pytest.mark.parametrize("kind", [*TYPES, *NESTED, *map(pa.list_, TYPES)], ids=str)
def test_datasets_writes_its_features_the_same(kind):
    schema = pa.schema([("x", kind)])
    assert features(schema) == datasets.Features.from_arrow_schema(schema)._to_yaml_list()


def test_media_are_told_by_name_and_type():
    assert is_medium(pa.field("image", pa.binary()))
    assert not is_medium(pa.field("image", pa.string()))
    assert not is_medium(pa.field("thumbnail", pa.binary()))
    schema = pa.schema([("image", pa.binary()), ("audio", pa.large_binary())])
    assert features(schema) == datasets.Features({"image": datasets.Image(), "audio": datasets.Audio()})._to_yaml_list()
