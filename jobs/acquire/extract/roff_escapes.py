"""Escape sequences of roff as the characters that they show (groff's groff_char(7))."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

_NAMES = dict(
    pair.split("=", 1)
    for pair in (  # noqa: SIM905 - a table
        'dq=" aq=\' oq=‘ cq=’ lq=“ rq=” Bq=„ bq=‚ Fo=« Fc=» fo=‹ fc=› bu=• co=© rg=® tm=™ em=— en=– hy=‐ mi=− -=- '
        "lB=[ rB=] lC={ rC=} la=⟨ ra=⟩ ti=~ ha=^ rs=\\ sl=/ ul=_ ru=_ ba=| bv=│ br=│ or=| at=@ sh=# Do=$ Eu=€ eu=€ "
        "Po=£ Ye=¥ Cs=¤ ct=¢ Fn=ƒ de=° mu=× di=÷ tdi=÷ f/=⁄ **=∗ pl=+ eq== +-=± t+-=± -+=∓ <==≤ >==≥ !==≠ === ~~=≈ "
        "~==≅ =~=≅ ap=∼ >>=≫ <<=≪ ->=→ <-=← <>=↔ ua=↑ da=↓ va=↕ rA=⇒ lA=⇐ hA=⇔ if=∞ sr=√ sum=∑ product=∏ integral=∫ "
        "pd=∂ gr=∇ fa=∀ te=∃ mo=∈ nm=∉ sb=⊂ sp=⊃ ca=∩ cu=∪ es=∅ AN=∧ OR=∨ no=¬ tno=¬ pc=· md=⋅ sc=§ ps=¶ dg=† dd=‡ "
        "fm=′ sd=″ 12=½ 14=¼ 34=¾ S1=¹ S2=² S3=³ sq=□ ci=○ OK=✓ ga=` aa=´ a^=^ a~=~ ac=¸ ad=¨ a-=¯ rn=‾ ff=ff fi=fi "
        "fl=fl Fi=ffi Fl=ffl ss=ß ae=æ AE=Æ oe=œ OE=Œ o/=ø O/=Ø oa=å oA=Å /l=ł /L=Ł Sd=ð -D=Ð Tp=þ TP=Þ .i=ı r!=¡ r?=¿ "
        "Of=ª Om=º lh=☜ rh=☞ lz=◊ CR=↵ %0=‰ *a=α *b=β *g=γ *d=δ *e=ε *z=ζ *y=η *h=θ *i=ι *k=κ *l=λ *m=μ *n=ν *c=ξ *o=ο "
        "*p=π *r=ρ *s=σ ts=ς *t=τ *u=υ *f=φ *x=χ *q=ψ *w=ω *A=Α *B=Β *G=Γ *D=Δ *E=Ε *Z=Ζ *Y=Η *H=Θ *I=Ι *K=Κ *L=Λ *M=Μ "
        "*N=Ν *C=Ξ *O=Ο *P=Π *R=Ρ *S=Σ *T=Τ *U=Υ *F=Φ *X=Χ *Q=Ψ *W=Ω"
    ).split()
) | {"==": "≡", "eq": "=", "nb": " "}  # fmt: skip
_ACCENTS = {"'": "\u0301", "`": "\u0300", "^": "\u0302", ":": "\u0308", "~": "\u0303", ",": "\u0327", "v": "\u030c"}
_ACCENT_NAMES = {
    "aa": "\u0301",
    "ga": "\u0300",
    "a^": "\u0302",
    "ad": "\u0308",
    "a~": "\u0303",
    "ac": "\u0327",
    "ah": "\u030c",
}
_CODES = re.compile(r"u[0-9A-F]{4,6}(?:_[0-9A-F]{4,6})*")
_NOTHING = set("&%:)/,^|cpudr{}!?")
_SPACES = {
    " ": " ",
    "~": "\u00a0",
    "0": " ",
    "t": "\t",
    "a": "",
    "-": "-",
    "e": "\\",
    "\\": "\\",
    "'": "´",
    "`": "`",
    ".": ".",
}
# Escapes with an argument between quotes, and those with a name of one, two or bracketed characters.
_QUOTED, _NAMED = set("hvwlLDobZXAxHSRBCN"), set("fmMFkgnVYO")
_MOST = 1 << 20
_DEPTH = 8
_MOST_DIGITS = 5
_SIZE = re.compile(r"[+-]?(?:\([+-]?..|\[[^\]]*\]|'[^']*'|[1-3]\d|\d)")


def unescape(text: str, strings: Mapping[str, str], arguments: Sequence[str] = (), depth: int = 0) -> str:
    r"""Return a text with its escapes as the characters that they show; those of layout and fonts show nothing.

    Args:
        text: The text.
        strings: Strings that the page defines, by name.
        arguments: Arguments of the macro that is at work.
        depth: How deep strings stand in strings.

    >>> unescape(r"\fB\-x\fR \(bu \[u00E9] \*(lq\&a\"rest", {"lq": "“"})
    '-x • é “a'
    """
    out: list[str] = []
    at = size = 0
    while (found := text.find("\\", at)) >= 0 and size < _MOST:
        out.append(text[at:found])
        letter = text[found + 1 : found + 2]
        if letter in ('"', "#", ""):
            return "".join(out)
        shown, at = _shown(text, letter, found + 2, _Context(strings, arguments, depth))
        out.append(shown)
        size += len(shown)
    out.append(text[at:])
    return "".join(out)


class _Context(NamedTuple):
    """What escapes refer to."""

    strings: Mapping[str, str]
    arguments: Sequence[str]
    depth: int

    def inner(self, text: str) -> str:
        return unescape(text, self.strings, self.arguments, self.depth + 1) if self.depth < _DEPTH else ""


def _shown(text: str, letter: str, at: int, context: _Context) -> tuple[str, int]:  # noqa: PLR0911 - one a kind
    """Return what the escape of a letter shows, and where it ends."""
    if letter in _SPACES:
        return _SPACES[letter], at
    if letter in _NOTHING:
        return "", at
    if letter in "([":
        name, at = _name(text, at - 1)
        return special(name), at
    if letter in "*$":
        name, at = _name(text, at)
        if letter == "$":
            return _argument(name, context.arguments), at
        return context.inner(context.strings.get(name.partition(" ")[0], "")), at
    if letter in _QUOTED:
        inner, at = _quoted(text, at)
        return _of_quoted(letter, inner, context), at
    if letter in _NAMED:
        name, at = _name(text, at + (letter == "n" and text[at : at + 1] in ("+", "-")))
        return {".g": "1"}.get(name, "0") if letter == "n" else "", at
    if letter == "s":
        return "", _size_end(text, at)
    return ("", at + 1) if letter == "z" else (letter, at)


def _of_quoted(letter: str, inner: str, context: _Context) -> str:
    if letter == "N":
        return special(f"u{int(inner):04X}") if inner.isdecimal() and len(inner) < _MOST_DIGITS else ""
    if letter == "C":
        return special(inner)
    if letter == "o":  # characters one over the other, of which the first is shown
        return context.inner(inner)[:1]
    return context.inner(inner) if letter == "Z" else ""


def special(name: str) -> str:
    """Return the character of a name; U+FFFD where it is not known.

    >>> special("co"), special("'e"), special("e aa"), special("u0065_0301"), special("zz")
    ('©', 'é', 'é', 'é', '\ufffd')
    """
    if name in _NAMES:
        return _NAMES[name]
    if _CODES.fullmatch(name):
        codes = [int(code, 16) for code in name[1:].split("_")]
        valid = all(0 < code < 0x110000 and not 0xD800 <= code < 0xE000 for code in codes)
        return unicodedata.normalize("NFC", "".join(map(chr, codes))) if valid else "\ufffd"
    base, _, accent = name.partition(" ")
    if accent in _ACCENT_NAMES and len(base) == 1:
        return unicodedata.normalize("NFC", base + _ACCENT_NAMES[accent])
    if len(name) == 2 and name[0] in _ACCENTS and name[1].isalpha():
        return unicodedata.normalize("NFC", name[1] + _ACCENTS[name[0]])
    return name if len(name) == 1 else "\ufffd"


def _argument(name: str, arguments: Sequence[str]) -> str:
    if name in ("*", "@"):
        return " ".join(arguments)
    return arguments[int(name) - 1] if name.isdigit() and 0 < int(name) <= len(arguments) else ""


def _name(text: str, at: int) -> tuple[str, int]:
    """Return a name of one character, of two behind a parenthesis or of any between brackets, and where it ends."""
    first = text[at : at + 1]
    if first == "(":
        return text[at + 1 : at + 3], at + 3
    if first == "[":
        end = text.find("]", at)
        return (text[at + 1 : end], end + 1) if end >= 0 else ("", len(text))
    return first, at + 1


def _quoted(text: str, at: int) -> tuple[str, int]:
    mark = text[at : at + 1]
    if mark == "[":
        mark = "]"
    end = text.find(mark, at + 1) if mark else -1
    return (text[at + 1 : end], end + 1) if end >= 0 else ("", len(text))


def _size_end(text: str, at: int) -> int:
    r"""Return where a change of size ends: \s0, \s-1, \s+(12, \s[12], \s'12'."""
    match = _SIZE.match(text, at)
    return match.end() if match else at
