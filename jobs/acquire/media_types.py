"""IANA media types by first bytes, and where those say nothing by the file's name."""

from __future__ import annotations

from pathlib import PurePosixPath

UNKNOWN = "application/octet-stream"

_BY_SUFFIX = {
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "application/xhtml+xml",
    ".xml": "application/xml",
    ".page": "application/xml",
    ".txt": "text/plain",
    ".text": "text/plain",
    ".md": "text/markdown",
    ".rst": "text/x-rst",
    ".json": "application/json",
    ".py": "text/x-python",
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".cjs": "text/javascript",
    ".ts": "text/x-typescript",
    ".c": "text/x-c",
    ".h": "text/x-c",
    ".cc": "text/x-c++",
    ".cpp": "text/x-c++",
    ".hpp": "text/x-c++",
    ".go": "text/x-go",
    ".rs": "text/x-rust",
    ".java": "text/x-java",
    ".scala": "text/x-scala",
    ".pl": "text/x-perl",
    ".pm": "text/x-perl",
    ".rb": "text/x-ruby",
    ".lua": "text/x-lua",
    ".sh": "text/x-shellscript",
    ".sql": "application/sql",
    ".wav": "audio/wav",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".mp3": "audio/mpeg",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".bmp": "image/bmp",
    ".svg": "image/svg+xml",
}

_BY_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x7fELF", "application/x-elf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)

_PROGRAMMING = {
    "text/x-python": "python",
    "text/javascript": "javascript",
    "text/x-typescript": "typescript",
    "text/x-c": "c",
    "text/x-c++": "c++",
    "text/x-go": "go",
    "text/x-rust": "rust",
    "text/x-java": "java",
    "text/x-scala": "scala",
    "text/x-perl": "perl",
    "text/x-ruby": "ruby",
    "text/x-lua": "lua",
    "text/x-shellscript": "shell",
    "application/sql": "sql",
}


def media_type(name: str, head: bytes) -> tuple[str, str]:
    """Return the media type of a file and its compression.

    Args:
        name: Its name.
        head: Its first bytes, 16 or more where it has them.

    Returns:
        The type of what is inside, and "gzip" or an empty text.
    """
    compressed = head.startswith(b"\x1f\x8b")
    suffix = PurePosixPath(name[:-3] if compressed and name.lower().endswith(".gz") else name).suffix.lower()
    if not compressed:
        for magic, kind in _BY_MAGIC:
            if head.startswith(magic):
                return kind, ""
        if head.startswith(b"RIFF") and head[8:12] in (b"WAVE", b"WEBP"):
            return ("audio/wav" if head[8:12] == b"WAVE" else "image/webp"), ""
    by_suffix = _BY_SUFFIX.get(suffix)
    if by_suffix is None:
        by_suffix = UNKNOWN if suffix else "text/plain"
    return by_suffix, "gzip" if compressed else ""


def programming_language(kind: str) -> str:
    """Return the programming language of a media type; "und" where it is none.

    >>> programming_language("text/x-go"), programming_language("text/html")
    ('go', 'und')
    """
    return _PROGRAMMING.get(kind, "und")
