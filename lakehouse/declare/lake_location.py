"""Where a lake lies: a folder, or an object-store URI."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from lakehouse.errors import ConfigError

# The schemes of object stores that delta-rs opens, each with an example. Hadoop's s3a is s3 to everyone else.
_STORES = {
    "s3": "s3://BUCKET/PATH",
    "gs": "gs://BUCKET/PATH",
    "az": "az://CONTAINER/PATH",
    "abfs": "abfs://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH",
    "abfss": "abfss://CONTAINER@ACCOUNT.dfs.core.windows.net/PATH",
    "hdfs": "hdfs://HOST/PATH",
    "viewfs": "viewfs://HOST/PATH",
    **{name: f"{name}://BUCKET/PATH" for name in ("b2", "cos", "lakefs", "obs", "oss", "tos")},
}
_SAME = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "azure": "az", "adl": "az"}
_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
# A URI with one slash too few, which would be a folder of that name.
_ALMOST = re.compile(rf"({'|'.join([*_STORES, *_SAME, 'file'])}):/?(?!/)", re.IGNORECASE)
_AUTHORITY = re.compile(r"[A-Za-z0-9._@:-]+")


def lake_location(text: str, root: Path) -> str:
    """Return a lake's absolute folder, or the URI of its object store without a slash at the end.

    Args:
        text: What the user wrote.
        root: The folder that relative paths start from.

    Raises:
        ConfigError: If it is neither.
    """
    if "\0" in text:
        raise ConfigError("the lake's location contains a NUL character", "correct it")
    uri = _URI.fullmatch(text.strip())
    if uri is None:
        if (almost := _ALMOST.match(text.strip())) is not None:
            scheme = almost[1].lower()
            example = "file:///PATH" if scheme == "file" else _STORES[_SAME.get(scheme, scheme)]
            raise ConfigError(f"the lake {text} is not a URI", f"write {example}, or ./{text} for a folder")
        return str((root / Path(text).expanduser()).absolute())
    scheme, rest = uri[1].lower(), uri[2]
    if scheme == "file":
        return _folder(text)
    scheme = _SAME.get(scheme, scheme)
    location = f"{scheme}://{rest.rstrip('/')}"
    require_store(location)
    return location


def require_store(uri: str) -> None:
    """Refuse a URI that names no bucket, or a store that is not known.

    Raises:
        ConfigError: If it does.
    """
    found = _URI.fullmatch(uri)
    scheme, rest = (found[1], found[2]) if found else (uri, "")
    if scheme not in _STORES:
        known = ", ".join(f"{name}://" for name in _STORES)
        raise ConfigError(f"the lake {uri} has the unknown scheme {scheme}", f"write a folder, or one of {known}")
    bucket = rest.partition("/")[0]
    if not _AUTHORITY.fullmatch(bucket):
        said = f"{bucket!r} is not one" if bucket else "it names none"
        word = _STORES[scheme].partition("://")[2].partition("/")[0].partition("@")[0].lower()
        raise ConfigError(f"the lake {uri} needs a {word}: {said}", f"write {_STORES[scheme]}")


def _folder(uri: str) -> str:
    host, slash, path = uri.strip()[len("file://") :].partition("/")
    if host not in {"", "localhost"}:
        raise ConfigError(f"the lake {uri} is on the host {host}", "write file:///PATH, with three slashes")
    folder = unquote(f"{slash}{path}")
    if not folder.strip("/"):
        raise ConfigError(f"the lake {uri} names no folder", "write file:///PATH")
    return lake_location(folder, Path("/"))
