"""Licences by the identifiers that the Hugging Face Hub takes in a dataset card.

The list: https://huggingface.co/docs/hub/repositories-licenses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

OTHER = "other"
UNKNOWN = "unknown"

_NAMES = """
    apache-2.0 mit cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-
    nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0
    cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1
    eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 odc-by odbl openrail
    postgresql osl-3.0 afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear ncsa unlicense
    zlib pddl
"""
_KNOWN = set(_NAMES.split())
_SPDX = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl", "noassertion": UNKNOWN, "none": UNKNOWN}
_VERSION_RANGE = re.compile(r"-(only|or-later)$")
_WORD = re.compile(r"[^\s()]+")
_OPERATORS = {"and", "or"}


def hub_licences(expressions: Iterable[str]) -> list[str]:
    """Return the Hub's identifiers of the licences that SPDX expressions name, sorted, `OTHER` for those it lacks.

    >>> hub_licences(["MIT AND GPL-2.0-or-later", "LicenseRef-public-domain"])
    ['gpl-2.0', 'mit', 'other']
    """
    found = set()
    for expression in expressions:
        words = _WORD.findall(expression.lower())
        exception = False
        for word in words:
            if word not in _OPERATORS and word != "with" and not exception:
                found.add(_identifier(word))
            exception = word == "with"
    return sorted(found)


def _identifier(spdx: str) -> str:
    name = _VERSION_RANGE.sub("", spdx)
    name = _SPDX.get(name, "gfdl" if name.startswith("gfdl-") else name)
    return name if name in {*_KNOWN, UNKNOWN} else OTHER
