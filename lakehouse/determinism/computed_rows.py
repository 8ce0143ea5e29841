"""Compute the rows of a flow with any engine, and commit nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.engine import Call, CheckedRows, Engine
from lakehouse.errors import MixlakeError
from lakehouse.ledger.retractions import Retractions
from lakehouse.plan.plan import FlowPlan


@contextmanager
def computed_rows(engine: Engine, item: FlowPlan) -> Iterator[CheckedRows]:
    """Call a flow's function with its whole inputs; the rows are there until the context is left.

    Args:
        engine: The engine.
        item: The flow, with the input versions to read.

    Raises:
        MixlakeError: If the flow fails.
    """
    with engine.begin(item.flow, f"check-{time.time():.0f}") as session:
        try:
            call = Call(item.params, item.inputs, item.last.version if item.last else -1)
            yield session.check(session.apply(call).rows, Retractions())
        except MixlakeError:
            raise
        except Exception as error:
            raise session.translate(error) from error
