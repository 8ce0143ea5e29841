"""The trainer: reads releases."""
