"""The loader: a release's packed rows as batches.

>>> from trainer.loader import PackedLoader
>>> loader = PackedLoader("./lake", release="mix-1", stage="cold")  # doctest: +SKIP
>>> batch = next(iter(loader))  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainer.loader.batch import Batch, Features, FullBatch, Pairs
    from trainer.loader.loader import PackedLoader

from trainer.loader.labels import IGNORED, MODALITIES

__all__ = ["IGNORED", "MODALITIES", "Batch", "Features", "FullBatch", "PackedLoader", "Pairs"]


_HOME = {
    "PackedLoader": "loader",
    "Batch": "batch",
    "FullBatch": "batch",
    "Features": "batch",
    "Pairs": "batch",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is used: decoding alone needs no torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
