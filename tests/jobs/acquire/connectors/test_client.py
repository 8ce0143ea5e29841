from __future__ import annotations

import sys

import pytest

from jobs.acquire.connectors.base import SourceSkippedError
from jobs.acquire.connectors.client import require_client, run_client


def python(code):
    return [sys.executable, "-c", code]


def test_an_absent_client_is_told_with_what_to_do():
    with pytest.raises(SourceSkippedError, match="no-such-client is not on this machine") as caught:
        require_client("no-such-client", "install it")
    assert caught.value.hint == "install it"


def test_output_comes_back(tmp_path):
    assert run_client(python("import os; print(os.getcwd())"), cwd=tmp_path).strip() == str(tmp_path)


def test_it_is_tried_again(tmp_path):
    code = "import pathlib, sys; p = pathlib.Path('n'); p.write_text(p.read_text() + 'x' if p.exists() else 'x'); sys.exit(len(p.read_text()) < 3)"
    run_client(python(code), cwd=tmp_path, attempts=3, pause=0)
    assert (tmp_path / "n").read_text() == "xxx"


def test_the_reason_is_the_clients_own(tmp_path):
    code = "import sys; print('warning: this', file=sys.stderr); print('E: no package x', file=sys.stderr); print('bye', file=sys.stderr); sys.exit(100)"
    with pytest.raises(SourceSkippedError, match="E: no package x"):
        run_client(python(code), cwd=tmp_path, attempts=2, pause=0)


def test_time_is_limited(tmp_path):
    with pytest.raises(SourceSkippedError, match="no end after"):
        run_client(python("import time; time.sleep(60)"), cwd=tmp_path, timeout=0.3, attempts=1)
