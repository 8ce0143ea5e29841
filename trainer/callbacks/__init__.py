"""What happens as a training run goes: metrics, ledger records, checkpoints, progress."""
