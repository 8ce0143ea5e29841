"""What a table requires of its writers (Delta protocol, "Requirements for Writers")."""

from __future__ import annotations

from lakehouse.delta.log import Log

# What these features require of a writer is done, or the table's own settings require nothing.
_FEATURES = {"appendOnly", "changeDataFeed", "invariants", "timestampNtz"}
# From this version on writers must support what is not done here: column mapping, then identity columns.
_UNKNOWN_VERSION = 5
_CONSTRAINT = "delta.constraints."
_ASKS = ("delta.generationExpression", "delta.invariants", "delta.identity")


def unsupported_feature(log: Log) -> str:
    """Return what a table requires of its writers that delta-rs or `log_writer` does not do; empty for nothing."""
    protocol, properties = log.protocol, log.properties
    features = {*(protocol.get("writerFeatures") or ()), *(protocol.get("readerFeatures") or ())}
    version = int(protocol.get("minWriterVersion") or 1)
    unknown = sorted(features - _FEATURES - {"checkConstraints", "generatedColumns"})
    if unknown:
        return str(unknown[0])
    if version >= _UNKNOWN_VERSION and not features:
        return f"writer version {version}"
    if str(properties.get("delta.appendOnly", "")).lower() == "true":
        return "appendOnly"
    if constraints := [name for name in properties if name.startswith(_CONSTRAINT)]:
        return min(constraints)
    asked = [word for field in log.fields for word in _ASKS if any(word in key for key in field.get("metadata") or ())]
    return asked[0] if asked else ""
