from __future__ import annotations

import pytest

from lakehouse.declare.config import load_config
from lakehouse.errors import ConfigError

NAMES = ("DISABLED", "URL", "NAMESPACE", "CONFIG", "_TRANSPORT", "_TRANSPORT__URL", "_TRANSPORT__TYPE")


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(f"OPENLINEAGE_{name}", raising=False)


def read(tmp_path, text):
    (tmp_path / "mixlake.yaml").write_text(text)
    return load_config(tmp_path).openlineage


def test_events_are_on_by_default_and_not_explicit(tmp_path):
    found = read(tmp_path, "lake: x\n")
    assert (found.enabled, found.file, found.url, found.namespace, found.explicit) == (True, None, "", "mixlake", False)


@pytest.mark.parametrize("word", ["off", "false", "'off'"])
def test_off_turns_everything_off(tmp_path, word):
    assert not read(tmp_path, f"openlineage: {word}\n").enabled


def test_places_are_read(tmp_path):
    found = read(
        tmp_path,
        "openlineage: {file: logs/{run}.jsonl, url: 'http://one:5000', namespace: acme}\n".replace("{run}", "x"),
    )
    assert (found.file, found.url) == (str(tmp_path / "logs/x.jsonl"), "http://one:5000")
    assert (found.namespace, found.explicit) == ("acme", True)
    assert read(tmp_path, "openlineage: {file: off}\n").file == ""


def test_the_environment_wins(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "https://two/base")
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "theirs")
    found = read(tmp_path, "openlineage: {url: 'http://one:5000', namespace: acme}\n")
    assert (found.url, found.namespace) == ("https://two/base", "theirs")
    assert read(tmp_path, "lake: x\n").explicit
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "True")
    assert not read(tmp_path, "lake: x\n").enabled


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("openlineage: [a]", "must be a mapping"),
        ("openlineage: {urls: x}", "unknown key 'urls' in openlineage"),
        ("openlineage: {url: marquez}", "openlineage: url is 'marquez'"),
        ("openlineage: {url: 'http://a:port'}", "openlineage: url"),
        ("openlineage: {url: 'ftp://a'}", "openlineage: url"),
        ("openlineage: {file: 3}", "openlineage: file is 3"),
        ("openlineage: {file: 's3://bucket/x'}", "openlineage: file"),
        ("lake: x\nopenlineage:\n  url: marquez", "mixlake.yaml:3: openlineage: url is 'marquez'"),
        ("openlineage: {namespace: ''}", "openlineage: namespace"),
    ],
)
def test_a_wrong_value_gets_one_clear_line(tmp_path, text, says):
    with pytest.raises(ConfigError) as raised:
        read(tmp_path, text)
    assert says in str(raised.value)
    assert "mixlake.yaml" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_wrong_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "nowhere")
    with pytest.raises(ConfigError, match="OPENLINEAGE_URL"):
        read(tmp_path, "lake: x\n")
