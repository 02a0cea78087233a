"""Named tensors on disk: hashed, versioned, written atomically, never pickled."""
