from __future__ import annotations

import dataclasses
import os

import pytest
import yaml

from jobs.acquire.connectors import folder, npm
from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.sources import SourcesParams, chosen, outside, sources
from lakehouse.errors import ConfigError, FlowError
from schemas.sources import sources as table
from tests.lakehouse.flows import flow_of


def test_a_row_says_who_where_and_under_which_terms(world):
    world.put("a.txt", "x")
    found = world.sources(title="Notes", terms="ask me", language="de")
    assert set(found.schema.names) == {column.name for column in table.columns} - {"run_id"} | {"_reject"}
    row = found.to_pylist()[0]
    assert (row["source"], row["license"], row["location"]) == ("mine", "CC0-1.0", str(world.folder))
    assert (row["title"], row["terms"], row["language"], row["synthetic"]) == ("Notes", "ask me", "de", False)
    assert row["license_evidence"] == "as declared"
    assert all(row[name] is not None for name in table.required)


def test_an_unchanged_world_is_the_same_row_and_fingerprint(world):
    world.put("a.txt", "x")
    params = world.declare()

    def row():
        return {k: v for k, v in sources(params).to_pylist()[0].items() if k in table and not table.column(k).volatile}

    assert row() == row()
    assert outside(params) == outside(params)


def test_each_change_of_a_folder_is_seen(world):
    path = world.put("a.txt", "x")
    params = world.declare()
    seen = [outside(params)]
    for change in (
        lambda: world.put("b.txt", "y"),
        lambda: os.utime(path, (1, 1)),
        path.unlink,
        lambda: world.declare(license="MIT"),
    ):
        change()
        seen.append(outside(params))
    assert len(set(seen)) == len(seen)


def test_a_source_that_cannot_be_retrieved_is_left_out_and_told(world, monkeypatch, caplog):
    def fail(package):
        raise SourceSkippedError("npm is not on this machine", "install Node.js")

    monkeypatch.setattr(npm, "fetch", fail)
    world.put("a.txt", "x")
    params = world.declare()
    more = world.root / "more.yaml"
    other = {"connector": "npm", "package": "p", "license": "MIT", "modality": "text", "kind": "note"}
    more.write_text(yaml.safe_dump({"sources": {"other": other}}))
    params = SourcesParams(files=(*params.files, str(more)), packaged=False)
    rows = {row["source"]: row["_reject"] for row in sources(params).to_pylist()}
    assert rows == {"mine": None, "other": "skipped: npm is not on this machine"}
    assert "other skipped: npm is not on this machine" in caplog.text
    assert "the next run tries again" in caplog.text


def test_what_was_landed_is_kept_when_it_cannot_be_retrieved(world, caplog):
    world.put("a.txt", "x")
    params = world.declare(title="Notes")
    landed = sources(params)
    world.folder.rename(world.root / "moved")
    kept = sources(params, current_rows=landed)
    assert kept.slice(0, 1).equals(landed)
    assert kept.column("_reject")[1].as_py().startswith("skipped: the folder")
    assert "mine: kept as landed before" in caplog.text
    # Never landed: left out as before. No longer wanted: not kept.
    assert sources(params, current_rows=landed.slice(0, 0)).column("license_evidence").to_pylist() == [None]
    assert sources(dataclasses.replace(params, skip=("mine",)), current_rows=landed).num_rows == 0


def test_what_can_be_retrieved_comes_anew(world):
    world.put("a.txt", "x")
    landed = sources(world.declare(license="MIT"))
    found = sources(world.declare(license="CC0-1.0"), current_rows=landed)
    assert found.column("license").to_pylist() == ["CC0-1.0"]


def test_a_held_row_of_an_older_contract(world):
    world.put("a.txt", "x")
    params = world.declare(title="Notes")
    landed = sources(params)
    world.folder.rename(world.root / "moved")
    kept = sources(params, current_rows=landed.drop_columns(["title"])).to_pylist()
    assert [(row["source"], row["title"]) for row in kept if row["_reject"] is None] == [("mine", None)]
    with pytest.raises(FlowError, match="mine cannot be retrieved, and was landed without the column listing"):
        sources(params, current_rows=landed.drop_columns(["listing"]))


def test_no_source_at_all_is_an_empty_table():
    found = sources(SourcesParams(packaged=False))
    assert found.num_rows == 0
    assert "source" in found.schema.names


def test_choosing(world):
    every = {source.key for source in chosen(SourcesParams())}
    some = {source.key for source in chosen(SourcesParams(only=("debian-*", "udhr"), skip=("*-ja",)))}
    assert some < every
    assert "udhr" in some
    assert "debian-reference-ja" not in some
    assert "git-doc" not in some
    with pytest.raises(ConfigError, match="only names 'nope'"):
        chosen(SourcesParams(only=("nope",)))


def test_a_licence_other_than_the_declared_one_is_told(world, monkeypatch, caplog):
    from jobs.acquire.connectors.cache import Unpacked, retrieve

    def fetch(package):
        def unpack(download, into):
            (into / "a.txt").write_text("x")
            return Unpacked("1", "GPL-3.0-only", "package.json: GPL-3.0-only", "")

        return retrieve(package, unpack)

    monkeypatch.setattr(npm, "fetch", fetch)
    row = world.sources(connector="npm", package="p", path="", license="MIT").to_pylist()[0]
    assert row["license"] == "MIT"
    assert row["license_evidence"] == "package.json: GPL-3.0-only (GPL-3.0-only; declared: MIT)"
    assert "mine is declared MIT, but says GPL-3.0-only" in caplog.text


def test_it_is_a_flow_that_watches_the_outside():
    spec = flow_of(sources)
    assert spec.external is outside
    assert spec.writes is table


def test_whatever_one_source_raises_the_others_land(world, monkeypatch):
    def fail(package):
        raise ZeroDivisionError("a header that nobody foresaw")

    monkeypatch.setattr(npm, "fetch", fail)
    world.put("a.txt", "x")
    more = world.root / "more.yaml"
    other = {"connector": "npm", "package": "p", "license": "MIT", "modality": "text", "kind": "note"}
    more.write_text(yaml.safe_dump({"sources": {"other": other}}))
    params = SourcesParams(files=(*world.declare().files, str(more)), packaged=False)
    rows = {row["source"]: row["_reject"] for row in sources(params).to_pylist()}
    assert rows == {"mine": None, "other": "skipped: it cannot be retrieved: a header that nobody foresaw"}


def test_members_that_an_archive_holds_in_vain_are_named(world, monkeypatch):
    world.put("a.txt", "x")

    def fetch(path, license_file=""):
        found = folder_fetch(path, license_file)
        return dataclasses.replace(found, refused=("'b.txt': it cannot be unpacked: Bad CRC-32",))

    folder_fetch = folder.fetch
    monkeypatch.setattr(folder, "fetch", fetch)
    rows = world.sources().to_pylist()
    assert [row["_reject"] for row in rows] == [
        None,
        "a member is left out: 'b.txt': it cannot be unpacked: Bad CRC-32",
    ]
