"""Damaged files through the landing and cleaning flows: each is landed or quarantined with file and cause, none lost."""

from __future__ import annotations

import json
import re
import resource

import pytest
import yaml

from lakehouse.declare.config import load_config
from lakehouse.lake import Lake
from tests.jobs.acquire.planted_media import SOUNDS, mutated, photo, saved, sound

TEXT = "The quick brown fox jumps over the lazy dog, and the dog does not mind at all. "
PAGE = f"""<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>T</title></head><body><h1>Title</h1>
<ul><li>{TEXT}</li></ul><table><tr><td>1</td><td>{TEXT}</td></tr></table><svg><path d="M0 0"/></svg><pre>x = 1</pre>
<p>{TEXT * 4}</p></body></html>"""
DOCBOOK = f"""<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE article [<!ENTITY app "Clocks">]>
<article><title>&app;</title><para>{TEXT * 4}</para><informaltable><tgroup cols="2"><tbody><row><entry>a</entry>
<entry>b</entry></row></tbody></tgroup></informaltable></article>"""
TEXTS = {
    "txt": (TEXT * 9).encode(),
    "utf16.txt": (TEXT * 9).encode("utf-16"),
    "gb.txt": ("计算两个向量的点积，返回结果。" * 30).encode("gb18030"),
    "md": f"# Title\n\n- {TEXT}\n\n```\ncode\n```\n".encode() * 3,
    "html": PAGE.encode(),
    "xml": DOCBOOK.encode(),
}
CODE = {
    "py": b"# -*- coding: utf-8 -*-\ndef greet(name: str) -> str:\n    return f'hello {name}'\n" * 9,
    "c": "/* Müller */\nint main(void) {\n\treturn 0;\n}\n".encode() * 9,
    "js": b"const at = /[\\u200b]/; // 1\nexport default at;\n" * 9,
}
FLOWS = {
    "bronze.files": "bronze.sources",
    "bronze.documents": "bronze.files",
    "bronze.utterances": "bronze.files",
    "bronze.images": "bronze.files",
    "silver.documents": "bronze.documents",
    "silver.utterances": "bronze.utterances",
    "silver.images": "bronze.images",
}
MEMORY_KB = 1 << 20


def media() -> tuple[dict[str, bytes], dict[str, bytes]]:
    small = photo(size=(48, 40))
    views = {
        "png": saved("PNG", small),
        "jpg": saved("JPEG", small),
        "gif": saved("GIF", small.quantize(16)),
        "webp": saved("WEBP", small),
        "tif": saved("TIFF", small, compression="tiff_lzw"),
        "bmp": saved("BMP", small),
        "avif": saved("AVIF", small),
        "jp2": saved("JPEG2000", small),
    }
    return {name: sound(*how, seconds=0.25) for name, how in SOUNDS.items()}, views


def declared(folder, kinds, **said):
    patterns = [f"*.{kind}" for kind in kinds]
    common = {"connector": "folder", "path": str(folder), "license": "CC0-1.0", "kind": "note", "language": "en"}
    return {**common, "include": patterns, **said}


def world(root, each):
    """A folder of so many mutated files of each type, and the sources that take them."""
    sounds, views = media()
    said = {
        "words": ("text", TEXTS, {}),
        "programs": ("code", CODE, {"language": "und"}),
        "voices": ("speech", sounds, {"neighbour": {"format": "plain", "suffix": ".said"}}),
        "views": ("image", views, {"neighbour": {"format": "name"}}),
    }
    sources, count = {}, {}
    for key, (modality, kinds, more) in said.items():
        folder = root / key
        folder.mkdir(parents=True)
        for place, (kind, data) in enumerate(kinds.items()):
            for number in range(each):
                damaged = mutated(data, (place * each + number) * 7 + len(key)) if number else data
                (folder / f"{number}-{place}.{kind}").write_bytes(damaged)
                if modality == "speech":
                    (folder / f"{number}-{place}.said").write_text("some words that are said")
        sources[key] = declared(folder, kinds, modality=modality, **more)
        count[modality] = len(kinds) * each
    (root / "sources.yaml").write_text(yaml.safe_dump({"sources": sources}))
    config = {"params": {"bronze.sources": {"packaged": False, "files": ["sources.yaml"]}}, "engine": "embedded"}
    (root / "mixlake.yaml").write_text(yaml.safe_dump(config))
    return count


@pytest.mark.parametrize("each", [40, pytest.param(1000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])])
def test_every_damaged_file_is_landed_or_quarantined(tmp_path, monkeypatch, each):
    monkeypatch.setenv("MIXLAKE_CACHE", str(tmp_path / "cache"))
    count = world(tmp_path / "world", each)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    lake = Lake(str(tmp_path / "lake"), load_config(tmp_path / "world"))
    report = lake.run(list({*FLOWS, "bronze.sources", "bronze.record_ids", "bronze.record_files"}))
    assert report.ok, [str(result.error) for result in report.results if result.error]
    quarantine = lake.sql('SELECT "table", reason, "row" FROM ledger.quarantine').to_pylist()
    rows = {table: lake.table(table).num_rows for table in FLOWS}
    refused = {table: [row for row in quarantine if row["table"] == table] for table in FLOWS}
    assert rows["bronze.files"] + len(refused["bronze.files"]) == sum(count.values())
    assert rows["bronze.documents"] + len(refused["bronze.documents"]) == count["text"] + count["code"]
    assert rows["bronze.utterances"] + len(refused["bronze.utterances"]) == count["speech"]
    assert rows["bronze.images"] + len(refused["bronze.images"]) == count["image"]
    for table in ("silver.documents", "silver.utterances", "silver.images"):
        assert rows[table] + len(refused[table]) == rows[FLOWS[table]]
        assert rows[table] > 0
    for table in ("bronze.utterances", "bronze.images"):
        assert len(refused[table]) > each
    for row in quarantine:
        assert row["reason"]
        assert not re.search("0x[0-9a-f]{6}", row["reason"])
        stated = json.loads(row["row"])
        assert stated.get("uri") or stated["sample_id"]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY_KB
