"""Files that appear whole or not at all: named tensors with hashes, never pickled; archives that survive a kill."""
