"""Scoring: what is measured of a sample becomes columns; policies decide on them later."""
