"""Cleaning: what was landed becomes normalised text, media of one format, aligned."""
