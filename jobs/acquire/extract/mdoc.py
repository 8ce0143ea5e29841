"""Lines of mdoc(7), the macros of BSD's manual pages, as text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

_PAIRS = {
    "Op": "[]", "Oo": "[]", "Pq": "()", "Po": "()", "Dq": "“”", "Do": "“”", "Sq": "‘’", "So": "‘’", "Ql": "‘’",
    "Qq": '""', "Qo": '""', "Bq": "[]", "Bo": "[]", "Brq": "{}", "Bro": "{}", "Aq": "⟨⟩", "Ao": "⟨⟩",
}  # fmt: skip
_CLOSED_BY = {
    "Oc": "Oo", "Pc": "Po", "Dc": "Do", "Sc": "So", "Qc": "Qo", "Bc": "Bo", "Brc": "Bro", "Ac": "Ao",
}  # fmt: skip
_SYSTEMS = {
    "Bx": "BSD",
    "Nx": "NetBSD",
    "Fx": "FreeBSD",
    "Ox": "OpenBSD",
    "Dx": "DragonFly",
    "Ux": "UNIX",
    "At": "AT&T UNIX",
}
_PLAIN = {
    "Ar", "Cm", "Ic", "Li", "Em", "Sy", "No", "Pa", "Ev", "Dv", "Er", "Va", "Vt", "Fa", "Ft", "An", "Ad", "Tn", "Ms",
    "Cd", "Mt", "St", "D1", "Dl", "Nd", "In", "Xr", "Fn", "Fl", "Nm", "Lk", "Ns", "Ap", "Ux", "Fo", "Fc", "Dx", "Rs",
    "Re", "Sx", "Sm", "Ta", "Bk", "Ek", "Rv", "Ex", "Pf", "Lb", "Hf", "Bf", "Ef", "Es", "En", "Xo", "Xc", "Db",
    "%A", "%B", "%C", "%D", "%I", "%J", "%N", "%O", "%P", "%Q", "%R", "%T", "%U", "%V",
}  # fmt: skip
_BLOCKS = {"Dd", "Dt", "Os", "Sh", "Ss", "Bl", "El", "It", "Bd", "Ed", "Pp", "Lp"}
MACROS = _PLAIN | _BLOCKS | set(_PAIRS) | set(_CLOSED_BY) | set(_SYSTEMS)

_SILENT = {"Dd", "Os", "Bk", "Ek", "Sm", "Rs", "Re", "Bf", "Ef", "Hf"}
_CLOSING, _OPENING = set(".,:;)]?!"), set("([|")
_DEFAULT = {"Ar": "file ...", "Pa": "~", "Mt": "~"}


@dataclass(frozen=True, slots=True)
class MdocLine:
    """What one line shows.

    Args:
        text: Its text.
        heading: A heading; empty where it is none.
        title: The page's title, where the line states it.
        begins_block: Whether a paragraph ends before it.
        is_item: Whether it begins an item of a list.
        verbatim: Whether lines are shown as they are from here on; None where that does not change.
    """

    text: str = ""
    heading: str = ""
    title: str = ""
    begins_block: bool = False
    is_item: bool = False
    verbatim: bool | None = None


class Mdoc:
    """Reads lines of mdoc(7), and remembers the page's name."""

    def __init__(self) -> None:
        self._name = ""

    def read(self, name: str, arguments: Sequence[str]) -> MdocLine:  # noqa: PLR0911 - one a kind of macro
        """Return what a line of a macro shows.

        Args:
            name: The macro.
            arguments: Its arguments, without escapes.
        """
        words = list(arguments)
        if name in _SILENT:
            return MdocLine()
        if name == "Dt":
            title = f"{words[0].lower()}({words[1]})" if len(words) > 1 else "".join(words[:1])
            return MdocLine(title=title)
        if name in ("Sh", "Ss"):
            return MdocLine(heading=self._line(words), begins_block=True, verbatim=False)
        if name in ("Pp", "Lp", "Bl", "El"):
            return MdocLine(begins_block=True)
        if name in ("Bd", "Ed"):
            return MdocLine(begins_block=True, verbatim=name == "Bd" and bool({"-literal", "-unfilled"} & set(words)))
        if name == "It":
            return MdocLine(self._line(words), begins_block=True, is_item=True)
        return MdocLine(self._line([name, *words]), begins_block=name in ("D1", "Dl"))

    def _line(self, words: list[str]) -> str:  # noqa: C901 - one branch a kind of word
        """Return the text of words among which macros stand, spaced as they are."""
        out: list[str] = []
        closing: list[str] = []
        space = False

        def put(text: str, *, before: bool = True, after: bool = True) -> None:
            nonlocal space
            if text:
                out.append(f" {text}" if space and before and out else text)
                space = after

        at = 0
        while at < len(words):
            word = words[at]
            at += 1
            if word in _PAIRS:
                put(_PAIRS[word][0], after=False)
                closing.append(_PAIRS[word][1])
            elif word in _CLOSED_BY:
                put(_PAIRS[_CLOSED_BY[word]][1], before=False)
            elif word in ("Ns", "Ap", "Pf"):
                if word == "Pf" and at < len(words):
                    put(words[at])
                    at += 1
                space = False
                if word == "Ap":
                    put("'", after=False)
            elif word in _PLAIN or word in _SYSTEMS:
                end = next((n for n in range(at, len(words)) if words[n] in MACROS), len(words))
                given = words[at:end]
                at = end
                tail: list[str] = []
                while given and given[-1] in _CLOSING:
                    tail.insert(0, given.pop())
                put(self._macro(word, given))
                for mark in tail:
                    put(mark, before=False)
            elif word in _CLOSING:
                put(word, before=False)
            elif word in _OPENING:
                put(word, after=False)
            else:
                put(word)
        marks = [out.pop() for _ in range(len(out)) if out and out[-1] in _CLOSING] if closing else []
        return "".join([*out, *reversed(closing), *reversed(marks)])

    def _macro(self, name: str, given: list[str]) -> str:
        ways: dict[str, Callable[[list[str]], str]] = {
            "Fl": lambda words: " ".join(f"-{word}" for word in words) or "-",
            "Nm": self._named,
            "Nd": lambda words: f"– {' '.join(words)}",
            "Xr": lambda words: f"{words[0]}({words[1]})" + " ".join(words[2:]) if len(words) > 1 else " ".join(words),
            "Fn": lambda words: f"{words[0]}({', '.join(words[1:])})" if words else "",
            "Fo": lambda words: f"{' '.join(words)}(",
            "Fc": lambda _: ")",
            "Fa": ", ".join,
            "In": lambda words: f"<{' '.join(words)}>",
            "Lk": lambda words: f"{' '.join(words[1:])} <{words[0]}>".strip() if words else "",
        }
        if name in ways:
            return ways[name](given)
        if name in _SYSTEMS:
            return f"{given[0]}BSD" if name == "Bx" and given else " ".join([_SYSTEMS[name], *given])
        return " ".join(given) or _DEFAULT.get(name, "")

    def _named(self, words: list[str]) -> str:
        self._name = self._name or " ".join(words)
        return " ".join(words) or self._name
