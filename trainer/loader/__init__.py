"""The loader: a release's packed rows as batches."""
