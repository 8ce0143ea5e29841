from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_first_day_goes_from_records_to_an_export_that_is_read_again():
    script = Path(__file__).with_name("first_day.sh")
    done = subprocess.run([script, Path(sys.executable).parent], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert done.stdout.endswith("The day is done: all steps held.\n")
