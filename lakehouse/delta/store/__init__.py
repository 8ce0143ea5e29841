"""Lakes in an object store: one URI and one set of options for Spark and for the readers without a JVM."""

from __future__ import annotations
