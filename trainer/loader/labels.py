"""The modalities of segments, and the label that losses skip."""

from __future__ import annotations

MODALITIES = ("text", "code", "speech", "image")
# Label of a place whose next id is no target; PyTorch's losses skip it by default.
IGNORED = -100
