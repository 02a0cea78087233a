"""`gghead data`, a file a command."""
