"""Replace a function of the engine under every name that modules have imported it by."""

from __future__ import annotations

import importlib
import sys


def rebind(where, make):
    """Bind what `make` returns for a function, named ``module:function``, wherever it is bound; return an undo."""
    module, name = where.split(":")
    original = getattr(importlib.import_module(module), name)
    importlib.import_module("lakehouse.lake")  # all that a run imports is there, and is rebound, too
    replacement = make(original)
    places = [
        (other, key)
        for other_name, other in list(sys.modules.items())
        if other_name.split(".", 1)[0] in {"lakehouse", "jobs", "trainer"}
        for key, value in list(vars(other).items())
        if value is original
    ]
    assert places, where
    for other, key in places:
        setattr(other, key, replacement)

    def undo():
        for other, key in places:
            setattr(other, key, original)

    return undo
