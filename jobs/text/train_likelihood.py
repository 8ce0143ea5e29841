"""Count the pairs of characters that `jobs.text.likelihood` reads, over the text of packages.

    pip download --no-deps -d . wordfreq==3.1.1 django==5.2.19    # python -m zipfile -e WHEEL PACKAGES
    apt-get download libreoffice-help-{ca,cs,da,de,el,en-us,es,et,fi,fr,hu,it,ja,ko,nl,pl,pt-br,ru,sk,sl,sv,tr,vi}
    apt-get download libreoffice-help-zh-{cn,tw}                  # each: dpkg -x DEB PACKAGES/NAME
    python -m jobs.text.train_likelihood PACKAGES

Of the same packages the same bytes come out, in about 30 seconds. The shipped model is of Debian 12's libreoffice-help,
4:7.4.7-1+deb12u14, of which libreoffice-help-sk is empty.

Word lists (wordfreq, Apache-2.0, data CC-BY-SA-4.0) give how often a word is written in general; LibreOffice's help
(MPL-2.0) gives running text, hence signs and what stands beside them; Django's translations (BSD-3-Clause) the
languages without either. Nothing but counts of pairs is kept.
"""

from __future__ import annotations

import collections
import gzip
import html
import re
import sys
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import numpy.typing as npt

from jobs.text.bigram_units import CLASSES, EAST_ASIAN, FIRST_LETTER, MOST_LETTERS, case_table, unit_table
from jobs.text.data_files import LIKELIHOOD as MODEL

# Tag: (word list, Django's locale, LibreOffice's help).
LANGUAGES = {
    "af": ("", "af", ""), "ar": ("ar", "ar", ""), "az": ("", "az", ""), "be": ("", "be", ""),
    "bg": ("bg", "bg", ""), "bs": ("sh", "bs", ""), "ca": ("ca", "ca", "ca"), "cs": ("cs", "cs", "cs"),
    "cy": ("", "cy", ""), "da": ("da", "da", "da"), "de": ("de", "de", "de"), "el": ("el", "el", "el"),
    "en": ("en", "", "en-us"), "eo": ("", "eo", ""), "es": ("es", "es", "es"), "et": ("", "et", "et"),
    "eu": ("", "eu", ""), "fa": ("fa", "fa", ""), "fi": ("fi", "fi", "fi"), "fr": ("fr", "fr", "fr"),
    "ga": ("", "ga", ""), "gl": ("", "gl", ""), "he": ("he", "he", ""), "hi": ("hi", "hi", ""),
    "hr": ("sh", "hr", ""), "hu": ("hu", "hu", "hu"), "hy": ("", "hy", ""), "id": ("id", "id", ""),
    "is": ("is", "is", ""), "it": ("it", "it", "it"), "ja": ("ja", "ja", "ja"), "ka": ("", "ka", ""),
    "ko": ("ko", "ko", "ko"), "ky": ("", "ky", ""),
    "lt": ("lt", "lt", ""), "lv": ("lv", "lv", ""), "mk": ("mk", "mk", ""), "mn": ("", "mn", ""),
    "nb": ("nb", "nb", ""), "nl": ("nl", "nl", "nl"), "nn": ("", "nn", ""), "pl": ("pl", "pl", "pl"),
    "pt": ("pt", "pt_BR", "pt-br"), "ro": ("ro", "ro", ""), "ru": ("ru", "ru", "ru"), "sk": ("sk", "sk", "sk"),
    "sl": ("sl", "sl", "sl"), "sq": ("", "sq", ""), "sr": ("cyrillic sh", "sr", ""), "sr-Latn": ("sh", "sr_Latn", ""),
    "sv": ("sv", "sv", "sv"), "th": ("", "th", ""),
    "tr": ("tr", "tr", "tr"), "uk": ("uk", "uk", ""), "ur": ("ur", "ur", ""),
    "vi": ("vi", "vi", "vi"), "zh-Hans": ("zh", "zh_Hans", "zh-cn"),
    "zh-Hant": ("traditional zh", "zh_Hant", "zh-tw"),
}  # fmt: skip

# Counters of pairs or characters; a word list's counts are no whole numbers.
Weights = Any

_WORDS = 3e6  # characters that a word list counts for
_TEXT = 1_500_000  # characters of running text that are read of a language
_LETTER = 3e-6  # share that makes a character one of a language's letters
_DIGRAPHS = {"lj": "љ", "nj": "њ", "dž": "џ"}
_SERBIAN = dict(zip("abvgdđežzijklmnoprstćufhcčš", "абвгдђежзијклмнопрстћуфхцчш", strict=True))


def main(folder: Path) -> None:
    """Write the model from the packages in a folder; SystemExit names those that it lacks."""
    missing = missing_packages(folder)
    if missing:
        raise SystemExit(f"{folder} lacks {', '.join(missing)}; see python -m pydoc jobs.text.train_likelihood")
    pooled: Weights = collections.Counter()
    counted: dict[str, Weights] = {}
    for tag, (words, locale, help_) in LANGUAGES.items():
        pairs: Weights = collections.Counter()
        for text in (*_translations(folder, locale), *_help(folder, help_)):
            _count(text, pairs)
        pooled.update(pairs)
        for word, share in _word_list(folder, words):
            for pair in zip(f" {word}", f"{word} ", strict=True):
                pairs["".join(pair)] += share * _WORDS
        counted[tag] = pairs
        print(tag, f"{sum(pairs.values()):.0f} pairs")  # noqa: T201
    _write(counted, pooled, _traditional(folder, counted["zh-Hant"]))


def missing_packages(folder: Path) -> list[str]:
    """Return the names of packages that the model is made of and a folder lacks."""
    helps = {f"libreoffice-help-{name}" for _, _, name in LANGUAGES.values() if name}
    wanted = {"wordfreq": "wordfreq/data/*.msgpack.gz", "django": "django/conf/locale/*/LC_MESSAGES/django.po"}
    wanted |= {name: f"**/{name}" for name in sorted(helps)}
    return [name for name, pattern in wanted.items() if next(folder.glob(pattern), None) is None]


def _translations(folder: Path, locale: str) -> Iterable[str]:
    if not locale:
        return
    for path in sorted((folder / "django").glob(f"**/locale/{locale}/LC_MESSAGES/*.po")):
        body = path.read_text(encoding="utf-8")
        for match in re.finditer(r'^msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)', body, re.MULTILINE):
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match.group(1)))
            if "Content-Type:" not in text:
                yield re.sub(r"%\(\w+\)s|%[sd]|\{\w*\}", "", text.replace('\\"', '"').replace("\\n", "\n"))


def _help(folder: Path, name: str) -> Iterable[str]:
    read = 0
    if not name:
        return
    for path in sorted(folder.glob(f"**/libreoffice-help-{name}*/**/text/**/*.html")):
        body = path.read_text(encoding="utf-8", errors="replace")
        at = body.find('id="DisplayArea"')
        text = re.sub(r"</(?:p|h\d|li|td)>", "\n", body[max(at, 0) :])
        text = html.unescape(re.sub(r"<script.*?</script>|<[^>]*>", "", text, flags=re.DOTALL))
        text = re.sub(r"\s*\n\s*", "\n", text)
        yield text
        read += len(text)
        if read > _TEXT:
            return


def _word_list(folder: Path, name: str) -> Iterable[tuple[str, float]]:
    """Yield words and their frequency: a list's row n holds words of frequency 10^(-n/100)."""
    if not name:
        return
    if name.startswith("traditional"):
        return
    name, cyrillic = name.rsplit(maxsplit=1)[-1], name.startswith("cyrillic")
    paths = [folder / f"wordfreq/data/{size}_{name}.msgpack.gz" for size in ("small", "large")]
    path = next(path for path in paths if path.exists())
    rows = msgpack.unpackb(gzip.decompress(path.read_bytes()), raw=False)
    for place, row in enumerate(rows[1:]):
        for word in row:
            yield (_in_cyrillic(word) if cyrillic else word), 10 ** (-place / 100)


def _in_cyrillic(word: str) -> str:
    for latin, letter in _DIGRAPHS.items():
        word = word.replace(latin, letter)
    return "".join(_SERBIAN.get(character, character) for character in word)


def _count(text: str, pairs: Weights) -> None:
    text = unicodedata.normalize("NFC", text)
    pairs.update(map("".join, zip(f" {text}", f"{text} ", strict=True)))


def _traditional(folder: Path, own: Weights) -> dict[str, float]:
    """Return frequencies of traditional characters: those of simplified ones, shared out by what own text writes."""
    path = folder / "wordfreq/data/_chinese_mapping.msgpack.gz"
    mapping: dict[int, str] = msgpack.unpackb(gzip.decompress(path.read_bytes()), raw=False, strict_map_key=False)
    sources: dict[str, list[str]] = collections.defaultdict(list)
    for point, simple in mapping.items():
        sources[simple].append(chr(point))
    seen: Weights = collections.Counter()
    for pair, count in own.items():
        seen[pair[1]] += count
    general: Weights = collections.Counter()
    for word, share in _word_list(folder, "zh"):
        for character in word:
            general[character] += share
    out: dict[str, float] = collections.defaultdict(float)
    for character, share in general.items():
        # The character itself is traditional, too, unless only its full forms are written in own text.
        forms = [*sources.get(character, ()), character]
        weights = [seen[form] + (1.0 if form != character or len(forms) == 1 else 0.01) for form in forms]
        for form, weight in zip(forms, weights, strict=True):
            out[form] += share * weight / sum(weights)
    return out


def _write(counted: dict[str, Weights], pooled: Weights, traditional: dict[str, float]) -> None:
    plain = unit_table()
    east = {list(CLASSES).index(name) for name in EAST_ASIAN}
    letters, singles, shares, rows, bounds = [], [], [], [], [0]
    beside_signs = {pair: count for pair, count in pooled.items() if pair[0] in _SIGN_SET or pair[1] in _SIGN_SET}
    english, pooled_total = counted["en"], pooled.total()
    for tag, pairs in counted.items():
        scale = (0.05 if tag[:2] in ("ja", "ko", "zh") or _not_latin(pairs) else 0.02) * pairs.total() / english.total()
        merged = collections.Counter({pair: count * scale for pair, count in english.items()})
        merged.update(pairs)
        single: Weights = collections.Counter()
        for pair, count in merged.items():
            single[_lower(pair[1])] += count
        total = single.total()
        own = [
            c for c, n in single.most_common(400)
            if c not in " \n" and n > _LETTER * total and c not in _SIGN_SET
            and unicodedata.category(c)[0] in "LM" and plain[ord(c)] not in east
        ][:MOST_LETTERS]  # fmt: skip
        own = sorted(set(own) | set("abcdefghijklmnopqrstuvwxyz"))[:MOST_LETTERS]
        place = {character: FIRST_LETTER + at for at, character in enumerate(own)}
        matrix = np.zeros((256, 256))
        for pair, count in merged.items():
            first, second = (_lower(character) for character in pair)
            matrix[place.get(first, plain[ord(first)]), place.get(second, plain[ord(second)])] += count
        # What stands beside signs is alike in all languages: a little of all of them together.
        for pair, count in beside_signs.items():
            first, second = _lower(pair[0]), _lower(pair[1])
            a, b = place.get(first, plain[ord(first)]), place.get(second, plain[ord(second)])
            matrix[a, b] += 0.1 * count * total / pooled_total
        seen = np.nonzero(matrix >= 0.75)
        rows.append((*seen, np.clip(np.round(8 * np.log2(np.maximum(matrix[seen], 1))), 0, 255)))
        bounds.append(bounds[-1] + len(seen[0]))
        letters.append("".join(own))
        text, logs = _shares(tag, single, traditional, east)
        singles.append(text)
        shares.extend(logs)
    # Languages of little text have flat counts, in which anything is somewhat likely: they must be clearly better.
    sizes = np.array([pairs.total() for pairs in counted.values()])
    np.savez_compressed(
        MODEL,
        languages=np.array(list(counted)),
        letters=np.array(letters),
        singles=np.array(singles),
        shares=np.array(shares, np.uint8),
        bounds=np.array(bounds, np.int64),
        first=np.concatenate([row[0] for row in rows]).astype(np.uint8),
        second=np.concatenate([row[1] for row in rows]).astype(np.uint8),
        counts=np.concatenate([row[2] for row in rows]).astype(np.uint8),
        cases=_cases(pooled),
        handicaps=np.where(sizes < 1e5, -4.0, 0.0).astype(np.float32),
    )


_SIGN_SET = frozenset(
    character for character in map(chr, range(0x30000)) if len(CLASSES) <= unit_table()[ord(character)] < FIRST_LETTER
)


def _lower(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 else character


def _not_latin(pairs: Weights) -> bool:
    latin = sum(count for pair, count in pairs.items() if "a" <= pair[1] <= "z")
    return bool(latin < 0.3 * pairs.total())


def _shares(tag: str, single: Weights, traditional: dict[str, float], east: set[int]) -> tuple[str, list[int]]:
    """Return the characters of East Asian classes that a language writes and -16 ln of their share of the class."""
    if tag[:2] not in ("ja", "ko", "zh"):
        return "", []
    plain = unit_table()
    counts = {c: float(n) for c, n in single.items() if plain[ord(c)] in east}
    if tag == "zh-Hant":
        whole, general = sum(counts.values()), sum(traditional.values())
        for character, share in traditional.items():
            if plain[ord(character)] in east:
                counts[character] = 0.3 * counts.get(character, 0) + 0.7 * share / general * whole
    totals: Weights = collections.Counter()
    for character, count in counts.items():
        totals[int(plain[ord(character)])] += count
    kept = {}
    for character, count in counts.items():
        share = count / totals[int(plain[ord(character)])]
        if share > 3e-7:
            kept[character] = min(255, round(-16 * float(np.log(share))))
    ordered = sorted(kept)
    return "".join(ordered), [kept[character] for character in ordered]


def _cases(pooled: Weights) -> npt.NDArray[np.float32]:
    table, case = np.ones((4, 4)), case_table()
    for pair, count in pooled.items():
        table[case[ord(pair[0])], case[ord(pair[1])]] += count
    out = np.zeros((4, 4), np.float32)
    # Whether a letter has case at all is no matter of case.
    out[:, 1:3] = np.maximum(np.log(table[:, 1:3] / table[:, 1:3].sum(axis=1, keepdims=True)), -7)
    return out


if __name__ == "__main__":
    main(Path(sys.argv[1]))
