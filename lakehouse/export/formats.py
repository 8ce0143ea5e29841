"""Find export formats by name: the engine's own, and those of installed packages."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Mapping

from lakehouse.errors import ExportError, UsageError, did_you_mean
from lakehouse.export.format import ExportFormat

GROUP = "mixlake.export_formats"
_BUILT_IN = {
    "parquet": "lakehouse.export.parquet",
    "jsonl": "lakehouse.export.jsonl",
    "arrow": "lakehouse.export.arrow_file",
}


def format_names() -> list[str]:
    """Return the names of all formats, the engine's own first."""
    return [*_BUILT_IN, *sorted(set(_installed()) - set(_BUILT_IN))]


def load_format(name: str) -> ExportFormat:
    """Return a format.

    Raises:
        UsageError: If there is none of that name.
        ExportError: If an installed package's format cannot be imported.
    """
    if name in _BUILT_IN:
        built_in: ExportFormat = importlib.import_module(_BUILT_IN[name]).FORMAT
        return built_in
    point = _installed().get(name)
    if point is None:
        known = format_names()
        raise UsageError(f"there is no format {name!r}", did_you_mean(name, known) or f"take {', '.join(known)}")
    try:
        found = point.load()
    except ImportError as error:
        raise ExportError(f"the format {name} cannot be loaded: {error}", f"install what {point.value} needs") from None
    if not isinstance(found, ExportFormat):
        raise ExportError(f"{point.value} is not an ExportFormat", "see lakehouse.export.format")
    return found


def resolve_options(found: ExportFormat, given: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each option of a format.

    Raises:
        UsageError: If an option is unknown, or does not take the value.
    """
    known = {option.name: option for option in found.options}
    for name, value in given.items():
        if name not in known:
            hint = did_you_mean(name, known) or f"it has {', '.join(known) or 'none'}"
            raise UsageError(f"the format {found.name} has no option {name!r}", hint)
        choices = known[name].choices
        if choices and value not in choices:
            raise UsageError(f"{name} cannot be {value!r}", f"take {', '.join(choices)}")
    return {name: given.get(name, option.default) for name, option in known.items()}


def _installed() -> dict[str, importlib.metadata.EntryPoint]:
    return {point.name: point for point in importlib.metadata.entry_points(group=GROUP)}
