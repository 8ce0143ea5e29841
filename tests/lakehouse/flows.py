"""Flows of tests."""

from __future__ import annotations

from lakehouse.declare.flow import ATTRIBUTE


def flow_of(function):
    """Return the flow that was declared on a function."""
    return getattr(function, ATTRIBUTE)
