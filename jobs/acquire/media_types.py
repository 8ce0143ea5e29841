"""IANA media types by first bytes, and where those say nothing by the file's name."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from jobs.acquire.compression import SUFFIXES, compression_of

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
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".tab": "text/tab-separated-values",
    ".parquet": "application/vnd.apache.parquet",
    ".arrow": "application/vnd.apache.arrow.file",
    ".feather": "application/vnd.apache.arrow.file",
    ".arrows": "application/vnd.apache.arrow.stream",
    ".tar": "application/x-tar",
    ".tgz": "application/x-tar",
    ".warc": "application/warc",
    ".wet": "application/warc",
    ".wat": "application/warc",
    ".pdf": "application/pdf",
    ".po": "text/x-gettext-translation",
    ".pot": "text/x-gettext-translation",
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

# Of manual pages: ls.1, Dpkg.3perl, dlm.n.
_SECTION = re.compile(r"\.(?:[1-9][a-z]{0,8}|[ln])")

_BY_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x7fELF", "application/x-elf"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (b"ARROW1\x00\x00", "application/vnd.apache.arrow.file"),
)

# Signatures that are letters begin texts, too ("ID3 tags are ..."): of a file of the format, the next bytes are
# what its specification wants there, and no characters of a text.
_BY_LETTERS = (
    # GIF89a 18: five bytes of sizes and flags, the colour of the background and the aspect, which is mostly 0.
    (re.compile(rb"GIF8[79]a(?![^\x00-\x08\x0e-\x1a\x1c-\x1f]{7})", re.DOTALL), "image/gif"),
    # RFC 3533, 6: version 0, three flags.
    (re.compile(rb"OggS\x00[\x00-\x07]"), "audio/ogg"),
    # FLAC (RFC 9639, 8): the first block is STREAMINFO of 34 bytes.
    (re.compile(rb"fLaC[\x00\x80]\x00\x00\x22"), "audio/flac"),
    # ID3v2 3.1: version, flags, a size of seven bits a byte.
    (re.compile(rb"ID3[\x02-\x04][\x00-\xfe].[\x00-\x7f]{4}", re.DOTALL), "audio/mpeg"),
    # ISO 32000, 7.5.2: the version ends its line; a comment or the first object follows.
    (re.compile(rb"%PDF-[12]\.\d[ \t]*[\r\n]+(?:%|\d+ |\Z)"), "application/pdf"),
    # RIFF: a size of four bytes; of characters it would be 512 MiB and more.
    (re.compile(rb"RIFF(?![\t\n\r -~]{4}).{4}WAVE", re.DOTALL), "audio/wav"),
    (re.compile(rb"RIFF(?![\t\n\r -~]{4}).{4}WEBP", re.DOTALL), "image/webp"),
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
        The type of what is inside, and "gzip", "zstd", "bzip2" or an empty text.
    """
    compressed = compression_of(head)
    path = PurePosixPath(name)
    suffix = PurePosixPath(path.stem if compressed and path.suffix.lower() in SUFFIXES else name).suffix.lower()
    if not compressed:
        for magic, kind in _BY_MAGIC:
            if head.startswith(magic):
                return kind, ""
        for signature, kind in _BY_LETTERS:
            if signature.match(head):
                return kind, ""
    by_suffix = _BY_SUFFIX.get(suffix)
    if by_suffix is None and _SECTION.fullmatch(suffix):
        return "text/troff", compressed
    if by_suffix is None:
        by_suffix = UNKNOWN if suffix else "text/plain"
    return by_suffix, compressed


def programming_language(kind: str) -> str:
    """Return the programming language of a media type; "und" where it is none.

    >>> programming_language("text/x-go"), programming_language("text/html")
    ('go', 'und')
    """
    return _PROGRAMMING.get(kind, "und")
