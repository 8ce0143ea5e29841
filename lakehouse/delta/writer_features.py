"""What a table asks of its writers (Delta protocol, "Requirements for Writers")."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deltalake import DeltaTable

# What a writer has to do for a feature that a table lists is done, or the table's own settings ask for nothing.
_FEATURES = {"appendOnly", "changeDataFeed", "invariants", "timestampNtz"}
# From this version on writers have to know what is not done here: column mapping, then identity columns.
_UNKNOWN_VERSION = 5
_CONSTRAINT = "delta.constraints."
_ASKS = ("delta.generationExpression", "delta.invariants", "delta.identity")


def unsupported_feature(table: DeltaTable) -> str:
    """Return what a table asks of its writers that delta-rs or `log_writer` does not do; empty where it is nothing."""
    protocol, properties = table.protocol(), table.metadata().configuration
    features = {*(protocol.writer_features or ()), *(protocol.reader_features or ())}
    unknown = sorted(features - _FEATURES - {"checkConstraints", "generatedColumns"})
    if unknown:
        return str(unknown[0])
    if protocol.min_writer_version >= _UNKNOWN_VERSION and not features:
        return f"writer version {protocol.min_writer_version}"
    if str(properties.get("delta.appendOnly", "")).lower() == "true":
        return "appendOnly"
    if constraints := [name for name in properties if name.startswith(_CONSTRAINT)]:
        return min(constraints)
    asked = [word for field in table.schema().fields for word in _ASKS if any(word in key for key in field.metadata)]
    return asked[0] if asked else ""
