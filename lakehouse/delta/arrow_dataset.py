"""`pyarrow.dataset`, imported at its first use: it loads pandas where that is installed, which planning can do without.

Used as ``from lakehouse.delta import arrow_dataset as ds``.
"""

from __future__ import annotations

import importlib
from typing import Any


def __getattr__(name: str) -> Any:
    return getattr(importlib.import_module("pyarrow.dataset"), name)
