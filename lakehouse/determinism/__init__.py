"""Check that flows are deterministic."""
