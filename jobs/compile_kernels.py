"""Compile the operators' kernels before they are needed: the last step of an installation.

Numba compiles a kernel at its first call and keeps it in a cache beside the code, or in the user's cache folder where
that cannot be written. Here the flows run over a few small texts in a temporary lake, so that a first real run, or
tests, find every kernel there: 10 to 20 seconds of two cores otherwise.

    python -m jobs.compile_kernels
"""

# ruff: noqa: RUF001 - a text in Han has its own commas
from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from lakehouse.declare.config import load_config
from lakehouse.errors import MixlakeError
from lakehouse.lake import Lake

_PROSE = (
    "The harbour lies in the north of the town, and the ships that come in the morning bring fish and letters. "
    "Whoever walks along the quay sees the nets that were hung up to dry; children count the boats, 12 of them! "
    "In the evening the lamps are lit, and the keeper writes in his book which of them came back.\n\n"
)
_TEXTS = {
    "prose.txt": _PROSE * 4,
    "copy.txt": _PROSE * 4 + "The end.\n",
    "page.html": f"<html lang=en><title>Harbour</title><body><h1>Harbour</h1><p>{_PROSE}<ul><li>one<li>two</ul>",
    "misread.txt": ("Der Bürgermeister wünscht schöne Grüße aus München; „später“ heißt das.\n" * 9)
    .encode()
    .decode("cp1252", "replace"),
    "han.txt": "船在早晨进港，带来鱼和信。孩子们数着船，一共十二艘。到了晚上，灯就亮了。\n" * 6,
}
_CODE = {"harbour.py": "import math\n\n\ndef area(r: float) -> float:\n    return math.pi * r * r  # a circle's\n" * 8}
_IN_ANOTHER_ENCODING = {"latin.txt": "Les élèves français étudient à l'école près de la forêt, où tout dort.\n" * 9}


def main() -> int:
    """Run the flows over the small texts; return the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        _write(root)
        try:
            # On this engine alone: another would compile in processes of its own.
            lake = Lake(str(root / "lake"), load_config(root))
            report = lake.run(["+gold.sequences", "+silver.document_containments"])
        except MixlakeError as error:
            sys.stderr.write(f"kernels were not compiled, each will be as it is first called: {error}\n")
            return 1
    for result in report.results:
        if result.error:
            sys.stderr.write(f"{result.writes}: its kernels will be compiled by its first run: {result.error}\n")
    return 0 if report.ok else 1


def _write(root: Path) -> None:
    declared = {}
    for modality, texts, encoding in (
        ("text", _TEXTS, "utf-8"),
        ("code", _CODE, "utf-8"),
        ("text", _IN_ANOTHER_ENCODING, "latin-1"),
    ):
        key = f"{modality}-{encoding}"
        folder = root / key
        folder.mkdir()
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode(encoding))
        declared[key] = {
            "connector": "folder",
            "path": key,
            "license": "CC0-1.0",
            "modality": modality,
            "kind": "sample",
            "include": ["*"],
        }
    (root / "sources.yaml").write_text(yaml.safe_dump({"sources": declared}))
    (root / "quota.yaml").write_text("stages: {cold: {cells: {text/*/*: {tokens: 1000}}}}\n")
    params = {
        "bronze.sources": {"packaged": False, "files": ["sources.yaml"]},
        "gold.quotas": {"files": ["quota.yaml"]},
    }
    (root / "mixlake.yaml").write_text(yaml.safe_dump({"params": params, "engine": "embedded", "parallel": 2}))


if __name__ == "__main__":
    sys.exit(main())
