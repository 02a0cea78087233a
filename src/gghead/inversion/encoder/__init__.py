"""From a photograph to the styles of a head in one pass: the encoder, how it is trained, and its file."""
