from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_imports_go_one_way():
    # In a process of its own: it disables the loggers that exist.
    command = [Path(sys.executable).with_name("lint-imports"), "--config", ROOT / "pyproject.toml", "--no-cache"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_planning_and_sql_load_neither_spark_nor_torch():
    heavy = "pyspark", "torch", "numba", "fasttext", "megatron", "PIL", "soundfile", "tiktoken"
    code = (
        "import sys; from lakehouse.lake import Lake; Lake().registry; "
        f"import lakehouse.ledger.releases; print([m for m in {heavy} if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert ended.stdout.strip() == "[]"


# The one Delta transaction that is not a documented write; see its docstring.
TRANSACTION = "lakehouse/spark/replace_files.py"


def test_only_the_room_of_delta_knows_a_log_and_none_opens_a_transaction_of_its_own():
    words = ("startTransaction", "writeFiles", '"_delta_log', 'f"_delta_log')
    found = {
        str(path.relative_to(ROOT))
        for folder in ("lakehouse", "schemas", "jobs", "trainer")
        for path in (ROOT / folder).rglob("*.py")
        if any(word in path.read_text() for word in words)
    }
    assert {path for path in found if not path.startswith("lakehouse/delta/")} == {TRANSACTION}
