"""Import the OpenLineage client at its first use: reading a lake does not need the package."""

from __future__ import annotations

import importlib
from typing import Any


class LazyModule:
    """A module that is imported when one of its attributes is used.

    Args:
        name: The module.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        """Return an attribute of the module."""
        return getattr(importlib.import_module(self._name), attribute)
