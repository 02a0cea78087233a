"""Pictures and videos: files, pixels and the ranges in which they are held."""
