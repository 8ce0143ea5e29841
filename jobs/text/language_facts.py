"""Which scripts a language is written in, and which languages one common language is made of.

The facts are the Unicode consortium's and IANA's (`language_facts.txt`, which says of which versions): likely
subtags and language data of CLDR, macrolanguages and replaced codes of the registry of language subtags.
To take over newer ones::

    npm pack cldr-core
    python -m jobs.text.language_facts package/supplemental language-subtag-registry.txt
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jobs.package_data import package_bytes
from jobs.text.data_files import LANGUAGE_FACTS as FACTS

# Scripts that are joint names: what counts as letters of them.
_PARTS = {"Jpan": ("Jpan", "Hani", "Hans", "Hant"), "Kore": ("Kore", "Hani", "Hant"), "Hanb": ("Bopo", "Hani", "Hant")}
_JOINT = {
    "Hang": "Kore",
    "Hira": "Jpan",
    "Kana": "Jpan",
    "Hrkt": "Jpan",
    "Latf": "Latn",
    "Latg": "Latn",
    "Aran": "Arab",
}
HAN = ("Hani", "Hans", "Hant")


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of languages, by primary subtag, and of scripts, by ISO 15924 code.

    Args:
        likely: The script that a language is written in first.
        scripts: All scripts that it is known to be written in.
        languages: The languages that a script is known to write.
        macrolanguages: The common language that a language is counted to: zh for yue.
        replaced: Withdrawn codes, and what is written instead: iw is he.
    """

    likely: Mapping[str, str]
    scripts: Mapping[str, frozenset[str]]
    languages: Mapping[str, frozenset[str]]
    macrolanguages: Mapping[str, str]
    replaced: Mapping[str, str]


@functools.cache
def facts() -> Facts:
    """Return the facts, read once per process."""
    likely: dict[str, str] = {}
    scripts: dict[str, set[str]] = defaultdict(set)
    languages: dict[str, set[str]] = defaultdict(set)
    pairs: dict[str, dict[str, str]] = {"macrolanguage": {}, "replaced": {}}
    for line in package_bytes(FACTS).decode().splitlines():
        kind, _, rest = line.partition(" ")
        if kind in pairs:
            subject, *codes = rest.split()
            pairs[kind].update(dict.fromkeys(codes, subject))
        elif kind in {"likely", "also"}:
            script, *codes = rest.split()
            for code in codes:
                scripts[code].add(script)
                languages[script].add(code)
                if kind == "likely":
                    likely[code] = script
    return Facts(
        likely,
        {code: frozenset(found) for code, found in scripts.items()},
        {script: frozenset(found) for script, found in languages.items()},
        pairs["macrolanguage"],
        pairs["replaced"],
    )


def only_language(script: str) -> str:
    """Return the language of a script that writes no other; empty where it writes several, or none is known.

    >>> only_language("Thaa"), only_language("Mymr"), only_language("Latn")
    ('dv', '', '')
    """
    known = facts().languages.get(script, frozenset())
    return next(iter(known)) if len(known) == 1 else ""


def writes(language: str, script: str) -> bool | None:
    """Return whether a language is written in a script; None where nothing is known of the language.

    >>> writes("shn", "Mymr"), writes("ja", "Hani"), writes("en", "Mymr"), writes("xyz", "Latn")
    (True, True, False, None)
    """
    known = facts().scripts.get(language)
    if known is None:
        return None
    return script in known or any(script in _PARTS.get(joint, ()) for joint in known) or _same_han(known, script)


def _same_han(known: frozenset[str], script: str) -> bool:
    return script in HAN and not known.isdisjoint(HAN)


def common(language: str) -> str:
    """Return the macrolanguage that a language is counted to, or the language itself.

    >>> common("yue"), common("nb"), common("zh"), common("en")
    ('zh', 'no', 'zh', 'en')
    """
    return facts().macrolanguages.get(language, language)


def related(one: str, other: str) -> bool:
    """Return whether two primary subtags mean the same language, or one is a member of the other.

    >>> related("yue", "zh"), related("nn", "nb"), related("hr", "sh"), related("en", "sco")
    (True, False, True, False)
    """
    return one == other or common(one) == other or common(other) == one


def _made(cldr: Path, registry: Path) -> str:
    """Return the text of the facts, from CLDR's supplemental data and IANA's registry."""
    likely_file = json.loads((cldr / "likelySubtags.json").read_text("utf-8"))["supplemental"]
    written = json.loads((cldr / "languageData.json").read_text("utf-8"))["supplemental"]["languageData"]
    likely: dict[str, set[str]] = defaultdict(set)
    also: dict[str, set[str]] = defaultdict(set)
    for tag, full in likely_file["likelySubtags"].items():
        language, script = full.split("-")[:2]
        if not tag.startswith("und"):
            # "az-IQ" says of az that it is written so, too.
            (also if "-" in tag else likely)[_JOINT.get(script, script)].add(language)
    for tag, entry in written.items():
        for script in entry.get("_scripts", ()):
            also[_JOINT.get(script, script)].add(tag.split("-")[0])
    members: dict[str, set[str]] = defaultdict(set)
    replaced: dict[str, set[str]] = defaultdict(set)
    for record in registry.read_text("utf-8").split("%%"):
        entry = dict(re.findall(r"^([A-Za-z-]+): (.*)$", record, re.MULTILINE))
        if entry.get("Type") == "language" and "Macrolanguage" in entry:
            members[entry["Macrolanguage"]].add(entry["Subtag"])
        if entry.get("Type") == "language" and "Preferred-Value" in entry:
            replaced[entry["Preferred-Value"]].add(entry["Subtag"])
    dated = re.search(r"File-Date: (\S+)", registry.read_text("utf-8"))
    lines = [
        f"# From Unicode CLDR {likely_file['version']['_cldrVersion']}, likelySubtags and languageData (Unicode-3.0),",
        f"# and the IANA registry of language subtags of {dated[1] if dated else 'an unknown day'}.",
        "# likely SCRIPT, the languages written in it first; also SCRIPT, those written in it, too;",
        "# macrolanguage LANGUAGE, its members; replaced LANGUAGE, withdrawn codes of it.",
    ]
    gone = {code for codes in replaced.values() for code in codes}
    for kind, found in (("likely", likely), ("also", also), ("macrolanguage", members), ("replaced", replaced)):
        first = likely if kind == "also" else {}
        for subject, codes in sorted(found.items()):
            kept = codes - first.get(subject, set()) - (gone if kind != "replaced" else set())
            lines += [" ".join([kind, subject, *sorted(kept)])] if kept else []
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    FACTS.write_text(_made(Path(sys.argv[1]), Path(sys.argv[2])), "utf-8")
