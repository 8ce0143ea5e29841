"""What Spark raised, told in words that name the flow and what to do."""

from __future__ import annotations

import re

from lakehouse import errors
from lakehouse.errors import FlowError, MixlakeError
from lakehouse.flow import Flow


def translated(flow: Flow, error: Exception) -> MixlakeError:
    """Turn what Spark raised into an error that names the flow and what to do."""
    text = str(error)
    ours = re.search(r"lakehouse\.errors\.(\w+): (.*)", text)
    if ours:
        kind = getattr(errors, ours.group(1), FlowError)
        message, _, hint = ours.group(2).partition(" — ")
        return kind(message, hint) if issubclass(kind, MixlakeError) else FlowError(message, hint)
    if "No space left on device" in text:
        return errors.LakeError(f"{flow.id}: no space left on a worker's disk", "free space and run again")
    if "SparkFileNotFoundException" in text or "FAILED_READ_FILE" in text:
        return errors.LakeError(f"{flow.id}: a data file of an input is gone or damaged", "see mixlake release verify")
    return FlowError(f"{flow.id} failed: {_told(text, error)} ({flow.place})", "MIXLAKE_DEBUG=1 shows the whole error")


def _told(text: str, error: Exception) -> str:
    """Return the line of an error's text that says most: the end of a worker's traceback, or the first."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in reversed(lines):
        if re.match(r"^[\w.]*(Error|Exception|Interrupt)\b.*: ", line) and not line.startswith(
            ("at ", "org.", "java.")
        ):
            return line[:400]
    return lines[0][:400] if lines else type(error).__name__
