"""Several processes that do one job, started here or by torchrun, and the signals that ask them to stop."""
