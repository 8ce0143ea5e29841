"""Superscripts, subscripts and MathML as one line of text."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Any

_UP = str.maketrans("0123456789+-\u2212=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")
_DOWN = str.maketrans("0123456789+-\u2212=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")
_DIGITS = re.compile("[0-9+\u2212-]+")
# Raised letters of ordinals and abbreviations in European languages: 1st, 2e, n°, Mme. They are no exponents.
_ORDINALS = frozenset((
    "st", "nd", "rd", "th", "er", "ère", "re", "e", "ème", "eme", "ième", "ieme", "nde", "d", "de", "o", "os", "a",
    "as", "ro", "do", "to", "mo", "vo", "no", "r", "rs", "me", "mme", "lle", "le", "gr", "c", "h", "ta", "te",
))  # fmt: skip
_MARKS = MappingProxyType({"tm": "™", "sm": "℠"})
_SIMPLE = re.compile(r"[+\u2212-]?(?:\w|[.,])+|\\?\w+")
_TEX = ("application/x-tex", "tex", "latex", "application/x-latex", "text/x-tex")
_STYLE = re.compile(r"^\s*\{\s*\\(?:display|text)style\s*(.*?)\s*\}\s*$", re.DOTALL)
_DEEPEST = 100


def superscript(text: str, before: str, *, mark: bool = False) -> str:
    """Return raised text as it is written on one line.

    Args:
        text: The raised text.
        before: What stands before it.
        mark: Whether it refers to a note.

    >>> superscript("6", "10"), superscript("st", "1"), superscript("n+1", "x"), superscript("3", "word", mark=True)
    ('⁶', 'st', '^(n+1)', '[3]')
    """
    text = text.strip()
    if mark and text:
        return text if text[0] in "[(*†‡" else f"[{text}]"
    if _DIGITS.fullmatch(text):
        return text.translate(_UP)
    lower = text.rstrip(".").lower()
    if lower in _MARKS and before[-1:].isalpha():
        return _MARKS[lower]
    after_letter = before[-1:].isalpha() and (len(lower) > 1 or lower == "o")
    if lower in _ORDINALS and (after_letter or before[-1:].isdigit()):
        return text
    if not any(c.isalnum() for c in text):
        return text
    return f"^{_grouped(text)}"


def subscript(text: str) -> str:
    """Return lowered text as it is written on one line.

    >>> subscript("2"), subscript("i"), subscript("n-1")
    ('₂', '_i', '_(n-1)')
    """
    text = text.strip()
    if not text:
        return ""
    return text.translate(_DOWN) if _DIGITS.fullmatch(text) else f"_{_grouped(text)}"


def fraction(above: str, below: str) -> str:
    """Return a fraction on one line.

    >>> fraction("1", "2"), fraction("a + b", "c")
    ('1/2', '(a + b)/c')
    """
    return f"{_grouped(above)}/{_grouped(below)}"


def formula(element: Any) -> str:
    """Return a MathML formula as text: in TeX where its author left it, else on one line.

    Args:
        element: The element math.
    """
    for note in element.iter():
        if _name(note) == "annotation" and (note.get("encoding") or "").lower() in _TEX and (note.text or "").strip():
            return f"${_STYLE.sub(r'\1', note.text).strip()}$"
    return " ".join(_row(element, 0).split())


def _grouped(text: str) -> str:
    text = text.strip()
    return text if _SIMPLE.fullmatch(text) or _is_bracketed(text) else f"({text})"


def _is_bracketed(text: str) -> bool:
    if text[:1] != "(" or text[-1:] != ")":
        return False
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign == "(") - (sign == ")")
        if depth == 0:
            return place == len(text) - 1
    return False


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2].rpartition(":")[2]


def _row(element: Any, depth: int) -> str:
    if depth > _DEEPEST:
        return "".join(element.itertext())
    return (element.text or "").strip() + "".join(
        _term(child, depth + 1) + (child.tail or "").strip() for child in element
    )


def _term(element: Any, depth: int) -> str:  # noqa: PLR0911, C901 - one case an element
    name = _name(element)
    if name.startswith("annotation"):
        return ""
    if name in {"mn", "mi", "mtext", "ms", "mo"}:
        text = " ".join("".join(element.itertext()).split())
        # Relations and sums are set with blanks; functions and factors, by invisible signs, with none.
        if name == "mo":
            text = text.strip("\u2061\u2062\u2063\u2064")
            return f" {text} " if text and text in "=+\u2212-±<>≤≥≠≈≡∈→⇒⇔∪∩∧∨·×÷" else text  # noqa: RUF001
        return f"{text} " if name == "mi" and len(text) > 1 else f" {text} " if name == "mtext" else text
    parts = [_row(child, depth) if len(child) and _name(child) in {"mrow", "mstyle"} else _term(child, depth)
             for child in element]  # fmt: skip
    parts = [part.strip() for part in parts]
    match name, parts:
        case "mfrac", [above, below]:
            return fraction(above, below)
        case "msqrt", _:
            return f"√({''.join(parts)})" if len("".join(parts)) > 1 else f"√{''.join(parts)}"
        case "mroot", [of, index]:
            return f"root({of}, {index})"
        case (("msup" | "mover"), [base, upper]):
            return base + _raised(upper)
        case (("msub" | "munder"), [base, lower]):
            return base + subscript(lower)
        case (("msubsup" | "munderover"), [base, lower, upper]):
            return base + subscript(lower) + _raised(upper) + " "
        case "mfenced", _:
            separators = (element.get("separators") or ",")[:1]
            return (element.get("open") or "(") + f"{separators} ".join(parts) + (element.get("close") or ")")
        case "mtable", _:
            return "; ".join(parts)
        case (("mtr" | "mlabeledtr"), _):
            return ", ".join(parts)
    return _row(element, depth)


def _raised(text: str) -> str:
    if _DIGITS.fullmatch(text):
        return text.translate(_UP)
    return text if text and not any(c.isalnum() for c in text) else f"^{_grouped(text)}"
