"""People instead of seeds: the command that makes person files, and how others are told of them."""
