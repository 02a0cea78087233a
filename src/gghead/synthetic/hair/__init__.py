"""Hair of every kind: on the head, brows, lashes, beards."""
