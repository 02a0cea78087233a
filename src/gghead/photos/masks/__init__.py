"""Which pixels of a crop show the person whose head is in it."""
