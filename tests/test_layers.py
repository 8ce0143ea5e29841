from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_go_one_way():
    from importlinter.cli import lint_imports

    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


def test_planning_and_sql_load_neither_spark_nor_torch():
    heavy = "pyspark", "torch", "numba", "fasttext", "megatron", "PIL", "soundfile", "tiktoken"
    code = (
        "import sys; from lakehouse.config import load_config; from lakehouse.registry import load_registry; "
        f"load_registry(load_config()); import lakehouse.query, lakehouse.release; print([m for m in {heavy} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"


def test_only_the_commit_writes_delta():
    words = ("write_deltalake", "DeltaTable.create", '.format("delta").mode', "whenMatchedUpdate")
    guilty = [
        str(path.relative_to(ROOT))
        for folder in ("lakehouse", "schemas", "jobs", "trainer")
        for path in (ROOT / folder).rglob("*.py")
        if any(word in path.read_text() for word in words)
    ]
    assert guilty == ["lakehouse/commit.py"]
