"""The state of a loader: at most 128 bytes of JSON, whatever the depth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lakehouse.errors import ReleaseError

# 128 bits of the release's digest: enough to tell releases apart, and the state stays small.
DIGEST_DIGITS = 32


@dataclass(frozen=True, slots=True)
class LoaderState:
    """The rows that training has seen.

    Args:
        digest: First 32 hex digits of the release's digest.
        stage: The stage.
        seed: The order of its rows.
        position: Rows of finished steps, over all ranks and epochs.
    """

    digest: str
    stage: str
    seed: int
    position: int

    def as_dict(self) -> dict[str, str | int]:
        """Return the state as JSON holds it."""
        return {"digest": self.digest, "stage": self.stage, "seed": self.seed, "position": self.position}

    @classmethod
    def from_dict(cls, state: Mapping[str, Any]) -> LoaderState:
        """Read a state.

        Raises:
            ReleaseError: If a key is missing or of another type.
        """
        try:
            return cls(str(state["digest"]), str(state["stage"]), int(state["seed"]), int(state["position"]))
        except (KeyError, TypeError, ValueError) as error:
            raise ReleaseError(
                f"a loader state is damaged: {type(error).__name__} {error}",
                "it has digest, stage, seed and position; resume from an older checkpoint",
            ) from None
