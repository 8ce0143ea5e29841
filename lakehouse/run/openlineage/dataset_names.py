"""Name datasets as OpenLineage's naming specification does.

A table's namespace is its store and its name the path there: ``file`` and ``/lake/silver/documents`` for a folder,
``s3://bucket`` and ``lake/silver/documents`` for an object store. ``layer.table`` goes along as a symlink.

The classes of ``openlineage.client.naming.dataset`` put parts together and parse no URI; ABFSS and WASBS there know
one cloud only, and HDFS no nameservice without a port.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

# Other schemes of the same store.
_ALIASES = {"s3a": "s3", "s3n": "s3", "gcs": "gs", "abfs": "abfss", "wasb": "wasbs"}
# Paths of these are absolute in the specification's examples; those of object stores are keys, with no slash.
_ROOTED = {"hdfs", "webhdfs", "viewfs"}


class Name(NamedTuple):
    """The namespace and name of a dataset."""

    namespace: str
    name: str


def dataset(uri: str) -> Name:
    """Return the name of the dataset at a place.

    Examples:
        >>> dataset("/lake/silver/documents")
        Name(namespace='file', name='/lake/silver/documents')
        >>> dataset("s3a://bucket/lake/silver/documents")
        Name(namespace='s3://bucket', name='lake/silver/documents')
    """
    if "://" not in uri:
        return Name("file", Path(uri).absolute().as_posix())
    parts = urlsplit(uri)
    if parts.scheme == "file":
        host = "" if parts.netloc in {"", "localhost"} else f"://{parts.netloc}"
        return Name(f"file{host}", unquote(parts.path))
    scheme = _ALIASES.get(parts.scheme, parts.scheme)
    path = parts.path.rstrip("/")
    # Credentials in front of the host are not part of a name; Azure's container is.
    host = parts.netloc if scheme in {"abfss", "wasbs"} else parts.netloc.rpartition("@")[2]
    return Name(f"{scheme}://{host}", path if scheme in _ROOTED else path.lstrip("/"))


def address(uri: str) -> str:
    """Return a place as a URI, also if it is a folder."""
    return uri if "://" in uri else Path(uri).absolute().as_uri()
