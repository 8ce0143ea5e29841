from __future__ import annotations

import io

from rich.console import Console

from lakehouse.cli.progress import Progress
from lakehouse.errors import FlowError
from lakehouse.run.report import FlowResult


def test_brackets_of_rows_in_an_error_are_shown_as_they_are():
    told = io.StringIO()
    why = "2 of 3 rows were refused (for example text='[INST] hello [/INST][pad]')"
    with Progress(Console(file=told, width=200)) as progress:
        progress.ended(FlowResult("acme.f", "silver.docs", "failed", error=FlowError(why, "mend it")))
    assert why in told.getvalue()
