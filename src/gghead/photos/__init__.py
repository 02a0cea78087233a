"""From a photograph to what a dataset holds: the crop of a head, its camera and its mask."""
