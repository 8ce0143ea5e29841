"""Precision and recall of the repair of mojibake: correct texts that look like it, and planted mojibake.

python tests/bench/content.py mojibake
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa

from jobs.clean.mojibake import repair


def run(argv: list[str]) -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "jobs/clean"))
    from test_mojibake import CORRECT, planted

    cases = list(planted())
    out, changed = repair(pa.array([*CORRECT, *(case[3] for case in cases)]))
    texts = out.to_pylist()
    touched = int((changed[: len(CORRECT)] > 0).sum())
    repaired = sum(text == case[4] for text, case in zip(texts[len(CORRECT) :], cases, strict=True))
    print(f"   {len(CORRECT)} correct texts: {touched} changed")
    print(f"   {len(cases)} planted: {repaired} repaired, recall {repaired / len(cases):.3f}")
    print(f"   precision {repaired / max(1, int((changed > 0).sum())):.3f}")
