from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path

from trainer.platform.log_redirect import redirect_output

ROOT = Path(__file__).parents[3]

NOISE = """
import logging, os, sys, warnings
from pathlib import Path
from trainer.platform.log_redirect import redirect_output
with redirect_output(Path(sys.argv[1])) as terminal:
    print("printed")
    warnings.warn("warned")
    logging.getLogger("megatron").warning("logged")
    os.write(2, b"from C\\n")
    terminal.write("progress\\n")
print("after")
"""


def test_noise_goes_to_the_log_and_progress_to_the_terminal(tmp_path):
    log = tmp_path / "run" / "train.log"
    done = subprocess.run(
        [sys.executable, "-c", NOISE, str(log)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "progress\nafter\n"
    assert done.stderr == ""
    written = log.read_text()
    assert all(word in written for word in ("printed", "warned", "logged", "from C"))


def test_logging_is_as_before_after_an_error(tmp_path):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with contextlib.suppress(ValueError), redirect_output(tmp_path / "log"):
        logging.getLogger("some.library").warning("here")
        raise ValueError
    assert "here" in (tmp_path / "log").read_text()
    assert (list(root.handlers), root.level) == before
