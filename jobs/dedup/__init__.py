"""Deduplication: removals are rows that name the kept sample and the measured similarity."""
