"""Check that flows give the same rows each time."""
