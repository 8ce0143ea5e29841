"""Which character encoding a file says that it is in, as far as the WHATWG Encoding Standard knows the label."""

from __future__ import annotations

import re

import webencodings

# HTML 13.2.3.2: the first 1,024 bytes may declare the encoding. XML 4.3.3: so may the XML declaration.
_HEAD = 1024
_HTML = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9._:+-]+)", re.IGNORECASE)
_XML = re.compile(rb"^\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:+-]+)", re.IGNORECASE)
# CSS Syntax 3.2: these very bytes, at the very beginning.
_CSS = re.compile(rb'\A@charset "([^"\r\n]{1,40})";')
# A comment that names it, in the first two lines: PEP 263, Ruby's and Perl's magic comments, Emacs' `-*- coding -*-`.
_COMMENT = re.compile(
    rb"\A(?:[^\n]*\n)?[ \t\f]*(?:#|//|/\*|--|;|%|\"|'|\.\\\"|<!--|\(\*)[^\n]*?coding[ \t]*[:=][ \t]*[\"']?([-\w.]+)",
    re.IGNORECASE,
)
# vim's modelines stand in the first or last five lines.
_VIM = re.compile(rb"(?:^|\s)(?:vi|vim|ex):[^\n]{0,200}?\b(?:fileencoding|fenc|encoding|enc)=([-\w.]+)", re.MULTILINE)
_VIM_LINES = 5
# Headers of messages: gettext's po files, mail.
_MESSAGE = re.compile(rb"^\"?Content-Type:\s*text/[\w.+-]+\s*;\s*charset=\"?([-\w.]+)", re.IGNORECASE | re.MULTILINE)
_PERL = re.compile(rb"^\s*use\s+encoding\s+(?::\w+\s+)?[\"']([-\w.]+)[\"']", re.MULTILINE)
_LATEX = re.compile(rb"\\usepackage\[([-\w.]+)\]\{inputenc\}")

# What Python's tokenizer and Emacs call ISO 8859-1, beside the labels of the standard.
_OWN = {"latin-1": "latin1", "iso-latin-1": "latin1"}
_LINE_ENDS = re.compile(r"-(?:unix|dos|mac)\Z")

# The standard's encodings as codecs of Python: what browsers read, which is the superset.
_CODECS = {
    "ibm866": "cp866", "macintosh": "mac_roman", "x-mac-cyrillic": "mac_cyrillic", "windows-874": "cp874",
    **{f"windows-125{number}": f"cp125{number}" for number in range(9)},
    **{f"iso-8859-{number}": f"iso8859-{number}" for number in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    "iso-8859-8-i": "iso8859-8", "koi8-r": "koi8-r", "koi8-u": "koi8-u", "gbk": "gb18030", "gb18030": "gb18030",
    "big5": "big5hkscs", "euc-jp": "euc_jp", "iso-2022-jp": "iso2022_jp", "shift_jis": "cp932", "euc-kr": "cp949",
    "utf-8": "utf-8",
}  # fmt: skip


def codec_of(label: str) -> str:
    """Return the Python codec of a label of the WHATWG Encoding Standard; empty where it is none.

    Neither are codecs that only Python has (undefined, punycode, unicode_escape, idna, utf-7, hz), nor UTF-16,
    which no file declares in bytes that read as ASCII.

    >>> codec_of("x-sjis"), codec_of(" Latin1 "), codec_of("unicode_escape"), codec_of("euc-jp-unix")
    ('cp932', 'cp1252', '', 'euc_jp')
    """
    label = _LINE_ENDS.sub("", label.strip().lower())
    found = webencodings.lookup(_OWN.get(label, label))
    return _CODECS.get(found.name.lower(), "") if found else ""


def declared_encoding(data: bytes, media_type: str) -> tuple[str, str]:
    """Return the codec that a file declares and the label that it uses; both empty where there is none.

    A label that the standard does not know is returned without a codec.

    Args:
        data: Its bytes.
        media_type: Its IANA media type: HTML and XML are asked by their own rules alone.
    """
    head = data[:_HEAD]
    if media_type in ("text/html", "application/xhtml+xml"):
        matches = [_HTML.search(head) or _XML.search(head)]
    elif media_type.endswith("xml"):
        matches = [_XML.search(head)]
    else:
        matches = [
            _CSS.match(head), _COMMENT.match(head), _XML.search(head), _vim(data), _MESSAGE.search(head),
            _PERL.search(head), _LATEX.search(data[: 8 * _HEAD]),
        ]  # fmt: skip
    labels = [match.group(1).decode("ascii", "replace") for match in matches if match]
    for label in labels:
        if codec := codec_of(label):
            return codec, label
    return "", labels[0] if labels else ""


def _vim(data: bytes) -> re.Match[bytes] | None:
    first = b"\n".join(data[: 4 * _HEAD].split(b"\n")[:_VIM_LINES])
    last = b"\n".join(data[-_HEAD:].rstrip().split(b"\n")[-_VIM_LINES:])
    return _VIM.search(first) or _VIM.search(last)
