"""A run's folder and the names of runs: where things stand, which model an argument means."""
