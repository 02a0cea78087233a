"""From a visitor's photograph to their head: whose turn it is, the fit, and how it compares."""
