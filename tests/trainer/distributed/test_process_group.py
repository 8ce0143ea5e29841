from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
from pathlib import Path

from made_rows import RECIPE

from trainer.distributed import process_group


def test_one_process_is_a_whole_layout(layout):
    assert (layout.rank, layout.world, layout.data_world, layout.expert) == (0, 1, 1, 1)
    assert layout.main
    assert layout.reports
    assert process_group.start(RECIPE) == layout


NOISE = """
import logging, os, sys, warnings
from pathlib import Path
from trainer import process
with process.quiet(Path(sys.argv[1])) as terminal:
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
        env={**os.environ, "PYTHONPATH": str(Path(process_group.__file__).parents[2])},
    )
    assert done.stdout == "progress\nafter\n"
    assert done.stderr == ""
    written = log.read_text()
    assert all(word in written for word in ("printed", "warned", "logged", "from C"))


def test_logging_is_as_before_after_an_error(tmp_path):
    root = logging.getLogger()
    before = (list(root.handlers), root.level)
    with contextlib.suppress(ValueError), process_group.quiet(tmp_path / "log"):
        logging.getLogger("some.library").warning("here")
        raise ValueError
    assert "here" in (tmp_path / "log").read_text()
    assert (list(root.handlers), root.level) == before
