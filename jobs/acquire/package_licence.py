"""What manifests of packages and cards of datasets state of their licence: package.json, METADATA, README.md."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Any

import yaml

from jobs.acquire.licence_expression import joined, own_reference
from jobs.acquire.licence_names import named_spdx

_SHOWN = 300
# Trove classifiers, and words of metadata, that name a family of licences: SPDX identifiers that they may mean. PEP 639
# calls them ambiguous, for they state no version, or not whether a later one may be used.
_FAMILIES = (
    (r"\bMIT No Attribution\b", "MIT-0"),
    (r"\bMIT\b", "MIT"),
    (r"\bISC\b", "ISC"),
    (r"\bAGPL-?v?3\+|Affero.*v3 or later", "AGPL-3.0-or-later"),
    (r"\bAGPL|Affero", "AGPL-.*"),
    (r"\bLGPL-?v?2\+|Lesser.*v2 or later", "LGPL-2.0-or-later|LGPL-2.1-or-later"),
    (r"\bLGPL-?v?3\+|Lesser.*v3 or later", "LGPL-3.0-or-later"),
    (r"\bLGPL-?v?3\b", "LGPL-3.0-.*"),
    (r"\bLGPL-?v?2\b", "LGPL-2.*"),
    (r"\bLGPL|Lesser General", "LGPL-.*"),
    (r"\bGPL-?v?2\+|General Public.*v2 or later", "GPL-2.0-or-later"),
    (r"\bGPL-?v?3\+|General Public.*v3 or later", "GPL-3.0-or-later"),
    (r"\bGPL-?v?2\b", "GPL-2.0-.*"),
    (r"\bGPL-?v?3\b", "GPL-3.0-.*"),
    (r"\bGPL|GNU General Public", "GPL-.*"),
    (r"\bGFDL|Free Documentation", "GFDL-.*"),
    (r"\bMPL[ -]?2|Mozilla Public License 2", "MPL-2.0|MPL-2.0-no-copyleft-exception"),
    (r"\bMPL|Mozilla Public", "MPL-.*"),
    (r"\bApache", "Apache-.*"),
    (r"\bBSD\b", "BSD-.*|0BSD"),
    (r"\bPSF\b|Python Software Foundation|Python License", "PSF-2.0|Python-2.0.*"),
    (r"zlib/libpng", "Zlib|Libpng.*|zlib-acknowledgement"),
    (r"Boost Software|\bBSL-1", "BSL-1.0"),
    (r"\bUnlicense\b", "Unlicense"),
    (r"\bCC0\b", "CC0-1.0"),
    (r"Public Domain", "LicenseRef-public-domain|CC0-1.0|Unlicense"),
    (r"Creative Commons|\bCC[ -]BY", "CC-.*"),
    (r"Artistic", "Artistic-.*"),
    (r"Academic Free|\bAFL\b", "AFL-.*"),
    (r"Eclipse Public|\bEPL\b", "EPL-.*"),
    (r"European Union Public|\bEUPL\b", "EUPL-.*"),
    (r"Zope Public|\bZPL\b", "ZPL-.*"),
    (r"Proprietary|Commercial|All rights reserved", "LicenseRef-Proprietary"),
)


@dataclass(frozen=True, slots=True)
class Packaged:
    """A package's licence as its manifest states it.

    Args:
        license: SPDX expression; empty where the words name none.
        words: The field and its words; empty where it states nothing.
        families: Regular expressions of the SPDX identifiers that words without a version may mean.
    """

    license: str = ""
    words: str = ""
    families: tuple[str, ...] = ()

    @property
    def stated(self) -> bool:
        """Whether it states anything of a licence."""
        return bool(self.license or self.families)

    def beside(self, declared: str) -> str:
        """Return the expression beside what a source declares: empty where the words say no more than that."""
        if self.license or not self.families:
            return self.license
        names = re.findall(r"[^\s()]+", declared)
        open_ = [
            family for family in self.families if not any(re.fullmatch(family, name, re.IGNORECASE) for name in names)
        ]
        return joined(own_reference(f"some-{family.split('|')[0].rstrip('.*-')}") for family in open_)


def npm_licence(manifest: Mapping[str, Any]) -> Packaged:
    """Return what a package.json states: ``license``, or else the older ``licenses``, any one of which may be chosen.

    Either may be a string, an object with a type, or a list of these, as packages have it.
    """
    for field in ("license", "licenses", "licence", "licences"):
        said = manifest.get(field)
        if said in (None, "", [], {}):
            continue
        names = [_type(item) for item in (said if isinstance(said, list) else [said])]
        words = f"{field}: {_shown(said)}"
        if field.startswith("licen") and field.endswith("se") and manifest.get("licenses"):
            words += f"; licenses: {_shown(manifest['licenses'])}"
        # SEE LICENSE IN names a file, which is read by people.
        if any(name.upper().startswith("SEE ") for name in names):
            return Packaged("", words)
        expressions = [named_spdx(name) for name in names]
        if all(expressions):
            return Packaged(joined(expressions, "OR"), words)
        if len(names) == 1 and (meant := _in_words(names, words)).stated:
            return meant
        # npm has an identifier there, so that other words name a licence of their own.
        named = [spdx_ or own_reference(name) for spdx_, name in zip(expressions, names, strict=True) if name]
        return Packaged(joined(named, "OR"), words)
    return Packaged()


_CARD = re.compile(r"\A---[ \t]*\r?\n(.{0,65536}?)\r?\n---[ \t]*(?:\r?\n|\Z)", re.DOTALL)
# What a dataset's card says where no identifier fits.
_NO_NAME = ("other", "unknown", "none")


def card_licence(text: str) -> Packaged:
    r"""Return what the card of a dataset (README.md) states in its YAML: ``license``; of a list all apply.

    >>> card_licence("---\nlicense: cc-by-4.0\n---\n# Data").license, card_licence("# Data").stated
    ('CC-BY-4.0', False)
    """
    match = _CARD.match(text)
    try:
        said = yaml.safe_load(match.group(1)) if match else None
    except (yaml.YAMLError, ValueError, RecursionError):
        return Packaged()
    stated = said.get("license") if isinstance(said, dict) else None
    names = [name for name in (stated if isinstance(stated, list) else [stated]) if isinstance(name, str)]
    names = [name for name in names if name.lower() not in _NO_NAME]
    expressions = [named_spdx(name) or own_reference(name) for name in names]
    return Packaged(joined(expressions), f"license: {_shown(stated)}") if expressions else Packaged()


def wheel_licence(metadata: Message) -> Packaged:
    """Return what a wheel's METADATA states: License-Expression, or else License and the classifiers."""
    expression = _line(metadata.get("License-Expression"))
    if expression:
        return Packaged(named_spdx(expression) or own_reference(expression), f"License-Expression: {expression}")
    stated = _line(metadata.get("License"))
    return _fields(stated, [str(value) for value in metadata.get_all("Classifier") or ()])


def pyproject_licence(said: Mapping[str, Any]) -> Packaged:
    """Return what a pyproject.toml states: project.license as text or table, Poetry's, or the classifiers."""
    tool = said.get("tool")
    poetry = tool.get("poetry") if isinstance(tool, Mapping) else None
    for place, body in (("project", said.get("project")), ("tool.poetry", poetry)):
        if not isinstance(body, Mapping):
            continue
        license_ = body.get("license")
        if isinstance(license_, Mapping):
            license_ = license_.get("text") or ""
        classifiers = body.get("classifiers")
        made = _fields(_line(license_), [str(c) for c in classifiers] if isinstance(classifiers, list) else [])
        if made.words:
            return Packaged(made.license, f"{place}: {made.words}", made.families)
    return Packaged()


def _fields(stated: str, classifiers: Sequence[str]) -> Packaged:
    """Return what the field License and classifiers state together: where both do, both hold."""
    named = [value for value in classifiers if value.startswith("License ::") and value != "License :: OSI Approved"]
    words = "; ".join([*([f"License: {stated}"] if stated else []), *named])
    known = named_spdx(stated) if stated else ""
    if not named:
        return Packaged(known, words) if known else _in_words([stated] if stated else [], words)
    of_names = _in_words([name.rsplit("::", 1)[1].strip() for name in named], words)
    if not known:
        return of_names if of_names.stated else _in_words([stated] if stated else [], words)
    # A classifier that means what the field says adds nothing.
    more = Packaged(of_names.license, "", of_names.families).beside(known)
    return Packaged(joined([known, *([more] if more else [])]), words)


def _in_words(names: Sequence[str], words: str) -> Packaged:
    """Return what names without an SPDX expression say: one licence each, or a family of them."""
    found = []
    for name in names:
        known = named_spdx(name)
        family = next((ids for pattern, ids in _FAMILIES if re.search(pattern, name, re.IGNORECASE)), "")
        if known or family:
            found.append(re.escape(known).replace(r"\ ", " ") if known else family)
    found = list(dict.fromkeys(found))
    if found and all(re.fullmatch(r"[\w.\\-]+", one) and ".*" not in one for one in found):
        return Packaged(joined(one.replace("\\", "") for one in found), words)
    return Packaged("", words, tuple(found))


def _type(item: object) -> str:
    if isinstance(item, Mapping):
        item = item.get("type") or item.get("name") or ""
    return _line(item)


def _line(value: object) -> str:
    """Return the first line of a text that is not blank; empty for anything else."""
    if not isinstance(value, str):
        return ""
    # JSON may hold half a surrogate pair, which no table can.
    value = value.encode("utf-8", "replace").decode()
    return next((line.strip()[:_SHOWN] for line in value.splitlines() if line.strip()), "")


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)[:_SHOWN].encode("utf-8", "replace").decode()
