"""Every error that a user can cause, each with what to do about it.

The command line prints ``message`` and ``hint`` as one line and exits with ``exit_code``; a traceback
is shown only for errors that are not of this family, which are bugs.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

_MARK = "mixlake error: "
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def first_line(error: BaseException, length: int = 300) -> str:
    """Return an error's message as one line: its first, and of a chain of causes also the last.

    Args:
        error: Any error; the name of its class replaces an empty message.
        length: Characters after which the line is cut.
    """
    lines = [_ESCAPES.sub("", line).strip(" \u21b3") for line in str(error).strip().split("\n")]
    if len(lines) > 1 and "\u21b3" in str(error):
        return f"{lines[0]}: {lines[-1]}"[:length]
    return lines[0][:length] or type(error).__name__


class MixlakeError(Exception):
    """Root of the errors that a user can cause.

    Args:
        message: What is wrong, naming the thing that is wrong.
        hint: What to do about it.
        place: File and line of the declaration that is wrong, with which the message ends.
    """

    exit_code = 1
    # Attributes that survive the way from a Spark worker to the driver.
    fields: ClassVar[tuple[str, ...]] = ("message", "hint", "place")

    def __init__(self, message: str, hint: str = "", place: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.place = ""
        self.add_place(place)

    def __str__(self) -> str:
        """Return the message and the hint as one line."""
        return f"{self.message} — {self.hint}" if self.hint else self.message

    def add_place(self, place: str) -> None:
        """State where the error is, if that is known now and was not before."""
        if place and not self.place:
            self.message = f"{self.message} ({place})"
            self.place = place

    def to_text(self) -> str:
        """Return the error in a form that `from_text` finds in a longer text, such as a worker's traceback."""
        kinds = [kind.__name__ for kind in type(self).__mro__ if issubclass(kind, MixlakeError)]
        return f"{_MARK}{json.dumps({'kinds': kinds, **self._values()})}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the declared fields, so that an error raised in a Spark worker keeps them."""
        return (_restore, (type(self), self._values()))

    def _values(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.fields}
        return {name: dict(value) if isinstance(value, Mapping) else value for name, value in values.items()}


def _restore(kind: type[MixlakeError], values: Mapping[str, Any]) -> MixlakeError:
    """Return an error with the given fields; a user's subclass may be constructed from other arguments."""
    error = kind.__new__(kind)
    MixlakeError.__init__(error, values["message"], values["hint"])
    vars(error).update(values)
    return error


class UsageError(MixlakeError):
    """A usage error: the command line or a selection is wrong; correct it."""

    exit_code = 2


class ConfigError(MixlakeError):
    """A configuration file is broken or contradicts itself; fix the file."""

    exit_code = 2


class ContractError(MixlakeError):
    """A table's declaration is wrong, or data does not fit it; fix the declaration or the flow."""


class FlowError(MixlakeError):
    """A flow's declaration or its function is wrong; fix the flow."""


class GraphError(MixlakeError):
    """The flows do not form a graph: a cycle, or two writers of one table."""


class LakeError(MixlakeError):
    """The lake cannot be read: missing, of a newer format, or damaged."""


def from_text(text: str) -> MixlakeError | None:
    """Return the error that `MixlakeError.to_text` wrote into a text, None where there is none."""
    _, found, rest = text.partition(_MARK)
    if not found:
        return None
    try:
        values, _ = json.JSONDecoder().raw_decode(rest)
        # A user's own subclass may be unknown here: the nearest known class replaces it.
        kinds = [globals().get(name) for name in values.pop("kinds")]
        return _restore(next(kind for kind in kinds if kind is not None), values)
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration):
        return None


class TableNotFoundError(MixlakeError):
    """A table is unknown or was never written; run its flow or correct the name."""


class ReleaseError(MixlakeError):
    """A release is missing, exists already, or is no longer whole."""


class ExportError(MixlakeError):
    """An export cannot be made, continued or verified; see the hint."""


class QueryError(MixlakeError):
    """A query could not be answered; correct the SQL."""

    exit_code = 2


class LimitError(MixlakeError):
    """A statement needs more time, memory or disk than it may take; give it more, or read less."""


class CheckFailedError(MixlakeError):
    """More rows than tolerated broke a check; look at the rows, fix the flow or the check.

    Attributes:
        reasons: Rows refused, by reason, where they were counted.
        rows: Rows that were counted.
    """

    fields = (*MixlakeError.fields, "reasons", "rows")
    reasons: Mapping[str, int] = MappingProxyType({})
    rows: int = 0


class CollisionError(MixlakeError):
    """Another run committed the same flow at the same time; the flow is planned again."""


class MachineError(MixlakeError):
    """The machine lacks something that the command needs (a JDK, an optional package); install it."""


def unknown_table(name: str, known: Iterable[str], hint: str = "mixlake tables lists them") -> TableNotFoundError:
    """Return the error for a table that is neither there nor declared, naming the nearest ones."""
    known = sorted(set(known))
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    last = name.rpartition(".")[2]
    near += [other for other in known if other.rpartition(".")[2] == last and other not in near]
    return TableNotFoundError(f"there is no table or view {name}", _question(near[:3]) or hint)


def did_you_mean(name: str, known: Iterable[str], n: int = 2, cutoff: float = 0.6) -> str:
    """Return the hint "did you mean A or B?" with the names nearest to a wrong one, empty where none is near."""
    return _question(difflib.get_close_matches(name, sorted(set(known)), n=n, cutoff=cutoff))


def _question(names: Sequence[str]) -> str:
    return f"did you mean {' or '.join(names)}?" if names else ""
