"""From batches to microbatches on a device."""
