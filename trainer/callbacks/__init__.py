"""What happens after each training step: metrics, progress, ledger records."""
