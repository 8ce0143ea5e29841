from __future__ import annotations

import re
import sysconfig

import pytest
import yaml

from jobs.acquire.source_list import Source, load_sources, packaged_file
from lakehouse.errors import ConfigError

GOOD = {"connector": "npm", "package": "p", "license": "MIT", "modality": "text", "kind": "note"}


@pytest.fixture
def load(tmp_path):
    def from_text(text, name="x.yaml"):
        (tmp_path / name).write_text(text)
        return load_sources([tmp_path / name])

    return from_text


@pytest.fixture
def declare(load):
    return lambda **said: load(yaml.safe_dump({"sources": {"s": {**GOOD, **said}}}))["s"]


def test_the_packaged_sources_are_well_declared():
    found = load_sources([packaged_file()])
    assert {source.modality for source in found.values()} == {"text", "code", "speech", "image"}
    assert {source.connector for source in found.values()} == {"apt", "npm", "folder"}
    for source in found.values():
        assert source.title
        assert re.fullmatch(r"[A-Za-z0-9.-]+", source.license)
        assert Source.from_json(source.to_json()) == source


def test_a_later_file_replaces_by_key_and_adds(load, tmp_path):
    load(yaml.safe_dump({"sources": {"a": GOOD, "b": GOOD}}), "one.yaml")
    load(yaml.safe_dump({"sources": {"b": {**GOOD, "kind": "novel"}, "c": GOOD}}), "two.yaml")
    found = load_sources([tmp_path / "one.yaml", tmp_path / "two.yaml"])
    assert {key: source.kind for key, source in found.items()} == {"a": "note", "b": "novel", "c": "note"}


def test_folders_are_expanded(declare, tmp_path, monkeypatch):
    monkeypatch.setenv("MY_DATA", "/srv/data")
    folder = {"connector": "folder", "package": ""}
    assert declare(**folder, path="data/x").path == str(tmp_path / "data/x")
    assert declare(**folder, path="$MY_DATA/x").path == "/srv/data/x"
    assert declare(**folder, path="{stdlib}").path == sysconfig.get_path("stdlib")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"licence": "MIT"}, "unknown key 'licence' in source 's' — did you mean license?"),
        ({"connector": "ftp"}, "connector is 'ftp'"),
        ({"modality": "smell"}, "modality is 'smell'"),
        ({"connector": "folder", "package": ""}, "names no folder"),
        ({"records": {"txt": "body"}}, "unknown key 'txt' in source 's': records — did you mean text?"),
        ({"records": {"format": "xls"}}, "records.format is 'xls'"),
        ({"records": {}, "split": "%"}, "split is for files that are one sample each"),
        ({"records": {}, "neighbour": {"format": "name"}}, "neighbour is for files that are one sample each"),
        ({"records": {"delimiter": "::"}}, "records.delimiter must be one character"),
        ({"records": {"max_bytes": 0}}, "records.max_bytes is 0"),
        ({"records": {"format": "document"}, "modality": "image"}, "documents are text or code"),
        ({"connector": "folder", "path": "$NO_SUCH_VARIABLE/x"}, "names something unknown"),
        ({"package": ""}, "names no package"),
        ({"package": ["a"]}, "package is ['a']"),
        ({"include": "*.txt"}, "give a list of texts"),
        ({"keep": 0}, "keep is 0"),
        ({"keep": 1.5}, "keep is 1.5"),
        ({"max_bytes": "many"}, "max_bytes is 'many'"),
        ({"max_bytes": True}, "max_bytes is True"),
        ({"synthetic": "no"}, "synthetic is 'no'"),
        ({"modality": "speech"}, "lacks transcripts"),
        ({"language_from": "(?P<tag>"}, "language_from"),
        ({"language_from": "[a-z]+"}, "has no group"),
        ({"neighbour": {"format": "plain", "strip": "("}}, "neighbour"),
        ({"neighbour": {"format": "xml"}}, "format is 'xml'"),
        ({"neighbour": "plain"}, "neighbour must be a mapping"),
        ({"rules": {"match": "*"}}, "rules must be a list of mappings"),
        ({"rules": [{"kind": "x"}]}, "lacks 'match'"),
        ({"rules": [{"match": "*", "size": 3}]}, "unknown key 'size'"),
    ],
)
def test_contradictions_are_told_with_the_file(declare, said, words):
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        declare(**said)
    assert "x.yaml" in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("sources:\n  a: {license: MIT}\n", "x.yaml:2: source 'a' lacks 'connector'"),
        ("sources:\n  a: 3\n", "x.yaml:2: source 'a' must be a mapping"),
        ("sources:\n  A b: {}\n", "x.yaml:2: source 'A b' is not a valid name"),
        ("sources: [a]\n", "sources must be a mapping"),
        ("source: {}\n", "x.yaml:1: unknown key 'source'"),
        ("sources:\n  a: {}\n  a: {}\n", "x.yaml:3: the key 'a' is given twice"),
    ],
)
def test_broken_files_are_told_with_the_line(load, text, words):
    with pytest.raises(ConfigError, match=re.escape(words)):
        load(text)


def test_a_version_that_yaml_reads_as_a_number_is_a_version(declare):
    assert declare(version=6.0).version == "6.0"


def test_files_of_records_may_be_of_any_size_and_a_dataset_has_other_files(declare):
    assert declare(records={}).max_bytes > 1 << 40
    assert declare(records={}, max_bytes=10).max_bytes == 10
    assert declare(records={"format": "document"}).max_bytes == 32 << 20
    assert "README.md" in declare(records={"format": "huggingface"}).exclude
    assert declare(modality="speech", records={}).neighbour is None
    source = declare(records={"media": ["jpg", "png"], "text": "json.caption"})
    assert Source.from_json(source.to_json()) == source
