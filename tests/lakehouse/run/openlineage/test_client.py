from __future__ import annotations

import subprocess
import sys

import pytest

from lakehouse.run.openlineage.client import LazyModule


def test_a_module_is_imported_at_its_first_use(monkeypatch):
    monkeypatch.delitem(sys.modules, "wave", raising=False)
    module = LazyModule("wave")
    assert "wave" not in sys.modules
    assert module.WAVE_FORMAT_PCM == 1
    assert "wave" in sys.modules


def test_a_missing_module_is_missed_at_its_first_use():
    module = LazyModule("no_such_module")
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        _ = module.name


def test_running_code_can_be_imported_without_the_package():
    code = (
        "import sys; sys.modules['openlineage'] = None; import lakehouse.lake; "
        "print([m for m in sys.modules if m.startswith('openlineage.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
