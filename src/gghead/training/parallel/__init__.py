"""Several processes that train one model, and batches that are too large for one pass."""
