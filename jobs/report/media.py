"""Pictures, sound and moving pictures inside a page, and what of them browsers do not show."""

from __future__ import annotations

import base64

from jobs.report.catalogue import bytes_text
from jobs.report.markup import Markup, tag

LARGEST = 2 * 1024 * 1024
"""Bytes of one medium that a page contains at most."""


def kind_of(content: bytes) -> str:
    """Return the media type of a file by its first bytes, of those that browsers show; else empty.

    SVG is none of them: it is a document of its own.
    """
    head = content[:16]
    starts = (
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff", "image/jpeg"),
        (b"GIF8", "image/gif"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"ID3", "audio/mpeg"),
        (b"\xff\xfb", "audio/mpeg"),
        (b"\x1aE\xdf\xa3", "video/webm"),
    )
    for start, kind in starts:
        if head.startswith(start):
            return kind
    if head.startswith(b"RIFF"):
        return {b"WAVE": "audio/wav", b"WEBP": "image/webp"}.get(head[8:12], "")
    if head[4:8] == b"ftyp":
        return "image/avif" if head[8:12] == b"avif" else "video/mp4"
    return ""


def medium(content: bytes, label: str) -> Markup:
    """Return an element that shows or plays a file, or says why it is not shown.

    Args:
        content: The file.
        label: What it is, for who does not see it.
    """
    kind = kind_of(content)
    if not kind:
        return tag("p", f"{bytes_text(len(content))} in a form that browsers do not show", class_="dim")
    if len(content) > LARGEST:
        return tag("p", f"{kind}, {bytes_text(len(content))}: too large for this page", class_="dim")
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    if kind.startswith("image/"):
        return tag("img", src=source, alt=label, loading="lazy")
    return tag(kind.partition("/")[0], src=source, controls=True, preload="metadata", aria_label=label)
