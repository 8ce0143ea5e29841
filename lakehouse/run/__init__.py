"""Run a plan: scheduler, report, listeners."""
