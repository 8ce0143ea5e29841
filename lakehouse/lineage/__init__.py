"""Trace rows to their sources and to training steps."""
