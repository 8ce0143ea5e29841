"""Which picture formats are opened at all."""

from __future__ import annotations

# Formats that Pillow decodes itself; EPS, for one, would start an interpreter on untrusted bytes.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "JPEG2000")
