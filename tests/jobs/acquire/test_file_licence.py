"""Licences of the files of small sources, as bronze.files has them."""

from __future__ import annotations

import json

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake

DEP5 = "Format: copyright-format/1.0\n\n"
COLUMNS = ("license", "license_status", "license_evidence", "declared_license", "declared_evidence")


def licences(world, **said):
    """The columns of each file by its name."""
    rows = world.good(**{"license": "MIT", "modality": "code", "include": ["**/*.c", "**/*.js", "**/*.png"]} | said)
    return {row["uri"].split("/", 1)[1]: tuple(row[name] for name in COLUMNS) for row in rows.to_pylist()}


def test_a_file_that_states_nothing_has_what_its_source_declares(world):
    world.put("a.c", "int a;")
    assert licences(world, license="mit or gpl-2.0-only")["a.c"] == (
        "MIT OR GPL-2.0-only", "agreed", "as declared", "MIT OR GPL-2.0-only", "as declared",
    )  # fmt: skip


def test_a_file_that_states_otherwise_needs_review_and_shows_both(world):
    world.put("a/b.c", "// SPDX-License-Identifier: GPL-2.0-only\n")
    assert licences(world)["a/b.c"] == (
        "GPL-2.0-only", "needs_review", "a/b.c: line 1: SPDX-License-Identifier: GPL-2.0-only", "MIT", "as declared",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("stated", "declared", "status"),
    [
        ("MIT", "MIT", "agreed"),
        ("GPL-2.0-only OR MIT", "MIT", "agreed"),
        ("GPL-2.0-only AND MIT", "MIT", "needs_review"),
        ("ISC", "MIT AND ISC", "agreed"),
        ("GPL-2.0-or-later", "GPL-3.0-only", "agreed"),
        ("GPL-2.0-only", "GPL-2.0-or-later", "needs_review"),
        ("GPL-2.0-only WITH Linux-syscall-note", "GPL-2.0-only", "agreed"),
        ("LGPL-2.1-only", "GPL-2.0-only", "needs_review"),
        ("GPL-2.0-only", "NOASSERTION", "agreed"),
        ("Nonesuch", "MIT", "needs_review"),
    ],
)
def test_what_agrees_with_a_declaration(world, stated, declared, status):
    world.put("a.c", f"/* SPDX-License-Identifier: {stated} */\n")
    found = licences(world, license=declared)["a.c"]
    assert found[0] == ("NOASSERTION" if stated == "Nonesuch" else stated)
    assert found[1] == status


@pytest.mark.parametrize(("allowed", "status"), [(["ISC"], "needs_review"), (["gpl-2.0"], "agreed"), (["*"], "agreed")])
def test_a_declaration_may_allow_single_files_other_licences(world, allowed, status):
    world.put("a.c", "// SPDX-License-Identifier: GPL-2.0-only\n")
    assert licences(world, file_licenses=allowed)["a.c"][:2] == ("GPL-2.0-only", status)


def test_the_nearest_statement_counts(world):
    world.put("debian/copyright", DEP5 + "Files: *\nLicense: Expat\n\nFiles: src/*\nLicense: ISC\n")
    world.put("src/own.c", "// SPDX-License-Identifier: Zlib\n")
    world.put("src/stanza.c", "int a;")
    world.put("other.c", "int a;")
    world.put("photo.png", b"\x89PNG\r\n\x1a\n")
    world.put("photo.png.license", "SPDX-FileCopyrightText: me\nSPDX-License-Identifier: CC-BY-4.0\n")
    found = licences(world, file_licenses=["*"])
    assert {name: row[0] for name, row in found.items()} == {
        "src/own.c": "Zlib", "src/stanza.c": "ISC", "other.c": "MIT", "photo.png": "CC-BY-4.0",
    }  # fmt: skip
    assert found["src/stanza.c"][2] == "debian/copyright: line 6: Files: src/* License: ISC"
    assert found["photo.png"][2] == "photo.png.license: line 2: SPDX-License-Identifier: CC-BY-4.0"


def test_reuse_files_count_in_their_folders(world):
    world.put(
        "REUSE.toml",
        'version = 1\n[[annotations]]\npath = "**"\nSPDX-License-Identifier = "ISC"\n[[annotations]]\npath = ["o/**"]\nprecedence = "override"\nSPDX-License-Identifier = "Zlib"\n',
    )
    world.put("in/REUSE.toml", 'version = 1\n[[annotations]]\npath = "*.c"\nSPDX-License-Identifier = "MIT"\n')
    world.put(".reuse/dep5", DEP5 + "Files: *\nLicense: GPL-3\n")
    for name in ("a.c", "in/a.c", "in/deep/a.c", "o/a.c"):
        world.put(name, "// SPDX-License-Identifier: 0BSD\n" if name == "o/a.c" else "int a;")
    assert {name: row[0] for name, row in licences(world, file_licenses=["*"]).items()} == {
        "a.c": "ISC", "in/a.c": "MIT", "in/deep/a.c": "ISC", "o/a.c": "Zlib",
    }  # fmt: skip


def test_a_manifest_speaks_for_files_that_say_nothing(world):
    world.put("package.json", json.dumps({"licenses": ["GPL-2.0", "ISC"]}))
    world.put("index.js", "1")
    world.put("node_modules/@a/b/package.json", json.dumps({"license": "MIT"}))
    world.put("node_modules/@a/b/lib/x.js", "1")
    found = licences(world)
    assert found["index.js"][:2] == ("GPL-2.0-only OR ISC", "needs_review")
    assert 'package.json: licenses: ["GPL-2.0", "ISC"]' in found["index.js"][2]
    assert found["node_modules/@a/b/lib/x.js"][:2] == ("MIT", "agreed")


def test_a_copyright_file_may_be_the_declared_licence_file(world):
    world.put("LICENCES", DEP5 + "Files: *\nLicense: Expat\n\nFiles: b.c\nLicense: EDL-9\n")
    world.put("a.c", "1")
    world.put("b.c", "1")
    found = licences(world, license_file="LICENCES")
    assert found["a.c"][:2] == ("MIT", "agreed")
    assert found["b.c"][:2] == ("LicenseRef-EDL-9", "needs_review")


@pytest.mark.parametrize(
    "name", ["debian/copyright", "REUSE.toml", ".reuse/dep5", "package.json", "pyproject.toml", "a.c.license"]
)
def test_no_licence_file_raises(world, name):
    world.put("a.c", "1")
    for data in (
        b"",
        b"\xff\xfe\x00",
        b"[[[[",
        b"Format: x\nFiles\n",
        b'{"license": [[[[]]]]}',
        b"annotations = 5\n",
        b"[project]\nlicense = 7\n",
    ):
        world.put(name, data)
        assert licences(world)["a.c"][1] in ("agreed", "needs_review")


def test_a_changed_licence_file_changes_the_listing(world):
    world.put("a/a.c", "1")
    listings = set()
    for name in ("", "REUSE.toml", "a/REUSE.toml", "a/a.c.license", "debian/copyright"):
        if name:
            world.put(name, "x")
        listings.add(world.sources(include=["**/*.c"]).column("listing")[0].as_py())
    assert len(listings) == 5


def test_documents_carry_the_licence_of_their_file(world, monkeypatch):
    from lakehouse.declare import discovery

    monkeypatch.setattr(discovery, "_entry_points", lambda group: [])
    said = {"connector": "folder", "path": "data", "license": "MIT", "kind": "note", "modality": "text", "split": "%"}
    (world.root / "sources.yaml").write_text(yaml.safe_dump({"sources": {"words": {**said, "include": ["*.txt"]}}}))
    flows = ("acquire.sources", "acquire.files", "acquire.documents", "clean.documents")
    config = {
        "engine": "embedded",
        "modules": ["schemas.sources", "schemas.documents", *(f"jobs.{name}" for name in flows)],
        "params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}},
    }
    (world.root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    world.put("a.txt", "# SPDX-License-Identifier: GPL-2.0-only\nOne.\n%\nTwo.\n")
    world.put("b.txt", "Three.\n")
    lake = Lake(str(world.root / "lake"), load_config(world.root))
    assert lake.run(["+silver.documents"]).ok
    rows = lake.sql(
        "SELECT b.uri, s.license, b.license_status FROM silver.documents s JOIN bronze.documents b USING (sample_id) ORDER BY 1"
    ).to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("folder:words/a.txt#0", "GPL-2.0-only", "needs_review"),
        ("folder:words/a.txt#1", "GPL-2.0-only", "needs_review"),
        ("folder:words/b.txt#0", "MIT", "agreed"),
    ]
