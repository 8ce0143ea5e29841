from __future__ import annotations

import datasets
import pyarrow as pa
import pytest
import yaml

from lakehouse.errors import ExportError
from lakehouse.export.export import export
from lakehouse.export.request import Request
from lakehouse.export.verify import verify_export
from lakehouse.release.create import create_release
from tests.jobs.export.conftest import png
from tests.lakehouse.lakes import write


def load(folder, tmp_path, *name):
    return datasets.load_dataset(str(folder), *name, split="train", cache_dir=str(tmp_path / "cache"))


def front(folder):
    return yaml.safe_load((folder / "README.md").read_text().split("---\n")[1])


def test_datasets_loads_the_folder_with_the_features_of_its_card(run, pictures, tmp_path):
    folder = run("huggingface", pictures, shard_rows=3, options={"title": "Some: pictures"})
    found = load(folder, tmp_path)
    assert found.features["image"] == datasets.Image()
    assert found[1]["image"].getpixel((0, 0)) == (100, 0, 0)
    assert found[3]["image"] is None
    assert found[0]["captions"] == [{"key": "en", "value": "c0"}, {"key": "de", "value": None}]
    plain = found.remove_columns(["image", "captions"]).to_list()
    assert plain == pictures.drop_columns(["image", "captions"]).to_pylist()
    card = front(folder)
    assert card["pretty_name"] == "Some: pictures"
    assert card["license"] == ["gpl-2.0", "mit", "other"]
    assert card["language"] == ["en", "zh"]
    assert card["size_categories"] == ["n<1K"]
    assert card["dataset_info"]["splits"][0]["num_examples"] == 4
    assert sorted(path.name for path in (folder / "data").iterdir()) == [
        "train-00000-of-00002.parquet",
        "train-00001-of-00002.parquet",
    ]
    assert verify_export(folder)[1] == []


def test_sound_is_an_audio_feature(run, tmp_path):
    import io

    import numpy as np
    import soundfile

    sink = io.BytesIO()
    soundfile.write(sink, np.zeros(160, np.int16), 16_000, format="FLAC")
    folder = run("huggingface", pa.table({"audio": [sink.getvalue(), None]}))
    found = load(folder, tmp_path)
    assert isinstance(found.features["audio"], datasets.Audio)
    raw = found.cast_column("audio", datasets.Audio(decode=False))
    assert raw[0]["audio"]["bytes"] == sink.getvalue()
    assert raw[1]["audio"] is None


def test_tables_of_a_release_are_configurations(lake, tmp_path, pictures):
    write(lake, "gold.pictures", pictures)
    write(lake, "gold.texts", pa.table({"text": ["a", "b"], "license": ["MIT", "MIT"]}))
    made = create_release(lake.project, "r1")
    export(lake.project, Request("", at="r1", format="huggingface"), tmp_path / "out")
    assert sorted(datasets.get_dataset_config_names(str(tmp_path / "out"))) == ["gold.pictures", "gold.texts"]
    assert load(tmp_path / "out", tmp_path, "gold.texts")["text"][:] == ["a", "b"]
    assert load(tmp_path / "out", tmp_path, "gold.pictures").num_rows == 4
    text = (tmp_path / "out" / "README.md").read_text()
    assert made.digest in text
    assert "`gold.texts` at version 0" in text


def test_the_languages_of_code_are_not_on_the_card(run):
    rows = pa.table({"language": ["c", "en"], "modality": ["code", "text"], "license": ["MIT", "MIT"]})
    card = front(run("huggingface", rows))
    assert card["language"] == ["en"]
    assert card["tags"] == ["code", "text"]


def test_types_that_datasets_lacks_are_refused_by_name(run):
    with pytest.raises(ExportError, match="'i'"):
        run("huggingface", pa.table({"x": [1]}), sql="SELECT INTERVAL 1 DAY AS i FROM gold.rows")


def test_an_empty_table_keeps_its_columns(run, tmp_path):
    folder = run("huggingface", pa.table({"text": pa.array([], pa.string()), "image": pa.array([], pa.binary())}))
    # `load_dataset` refuses a split without rows, whatever the folder.
    builder = datasets.load_dataset_builder(str(folder), cache_dir=str(tmp_path / "cache"))
    assert list(builder.info.features) == ["text", "image"]
    assert builder.info.splits["train"].num_examples == 0


def test_a_picture_in_a_struct_is_bytes(run, tmp_path):
    folder = run("huggingface", pa.table({"s": [{"image": png(1)}]}))
    assert load(folder, tmp_path)[0]["s"]["image"] == png(1)
